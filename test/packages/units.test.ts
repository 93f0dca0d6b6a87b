import assert from 'node:assert/strict'
import {execFileSync, spawnSync} from 'node:child_process'
import {mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {afterEach, beforeEach, describe, it} from 'node:test'

import {repository} from '../support/repository'
import {missingTools} from '../support/tools'

const read = (...names: string[]) => readFileSync(path.join(repository, ...names), 'utf8')
const session = 'ovpn3-session@office.service'
/** Settings that systemd supports since version 254. */
const newSettings = /^(?:ImportCredential|RestartMaxDelaySec|RestartSteps)=.*\n/gm

/** The code blocks of a language in docs/systemd.md. */
const blocks = (language: string): string[] =>
  [...read('docs', 'systemd.md').matchAll(new RegExp(`^ *\`\`\`${language}\n([^]*?)^ *\`\`\`$`, 'gm'))].map(
    ([, block]) => block!,
  )

describe('systemd units', {skip: missingTools('systemd-analyze')}, () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'ovpn3-units-'))
  })
  afterEach(() => rmSync(folder, {force: true, recursive: true}))

  const write = (name: string, text: string) => {
    const file = path.join(folder, name)
    const [, version] = /^systemd (\d+)/.exec(execFileSync('systemd-analyze', ['--version'], {encoding: 'utf8'}))!
    const known = Number(version) < 254 ? text.replaceAll(newSettings, '') : text
    mkdirSync(path.dirname(file), {recursive: true})
    // Use a command that exists, because ovpn3 may not be installed.
    writeFileSync(file, known.replaceAll('=/usr/bin/ovpn3 ', '=/bin/true '))
  }

  const verify = (...args: readonly string[]) => {
    const {status, stderr, stdout} = spawnSync(
      'systemd-analyze',
      ['verify', '--man=no', '--recursive-errors=no', ...args.slice(0, -1), path.join(folder, args.at(-1)!)],
      {encoding: 'utf8', env: {...process.env, XDG_RUNTIME_DIR: folder}},
    )
    assert.deepEqual([stderr + stdout, status], ['', 0])
  }

  it('have no systemd-analyze warnings for sessions', () => {
    write(session, read('packaging', 'systemd', 'system', 'ovpn3-session@.service'))
    verify(session)
  })

  it('have no systemd-analyze warnings for logout', () => {
    write('ovpn3-logout.service', read('packaging', 'systemd', 'user', 'ovpn3-logout.service'))
    verify('--user', 'ovpn3-logout.service')
  })

  it('have no systemd-analyze warnings with the examples of the documentation', () => {
    write(session, read('packaging', 'systemd', 'system', 'ovpn3-session@.service'))
    for (const [i, block] of blocks('ini').entries()) {
      if (block.startsWith('[Service]')) write(`${session}.d/${i}.conf`, block)
      else write('other.service', `${block}[Service]\nExecStart=/bin/true\n`)
    }

    verify(session)
    verify('other.service')
  })

  it('are reported if they contain an error', () => {
    write(session, read('packaging', 'systemd', 'system', 'ovpn3-session@.service'))
    write(`${session}.d/wrong.conf`, '[Service]\nRestartsec=often\n')
    assert.throws(() => verify(session), /Restartsec/)
  })
})

describe('docs/systemd.md', () => {
  it('shows ovpn3 commands only in tested examples with output, and otherwise commands of known tools', () => {
    const tools = blocks('sh').flatMap((block) => block.match(/^ *\S+/gm)!.map((word) => word.trim()))
    const known = ['install', 'journalctl', 'mkdir', 'openvpn3', 'systemctl', 'systemd-creds']
    assert.deepEqual([...new Set(tools)].sort(), known)
  })
})
