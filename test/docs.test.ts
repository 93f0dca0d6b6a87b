import assert from 'node:assert/strict'
import {execFile} from 'node:child_process'
import {chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {describe, it} from 'node:test'
import {promisify} from 'node:util'

import {demo} from './simulator/demo'
import {type Simulator, simulator, userPassword} from './simulator/simulator'
import {asUser, cli} from './support/cli'
import {filesWithOutput, onTerminal} from './support/documents'
import {Hosts} from './support/hosts'
import {repository} from './support/repository'
import {missingTools} from './support/tools'

const run = promisify(execFile)

interface Example {
  readonly command: string
  readonly output: string
}

/** The command lines in ```console blocks, with their expected output. */
function examplesIn(file: string): Example[] {
  const text = readFileSync(path.join(repository, file), 'utf8')
  return [...text.matchAll(/^```console\n([^]*?)^```$/gm)].flatMap(([, block = '']) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((example) => {
        const [command = '', ...lines] = example.split('\n')
        return {command, output: lines.join('\n')}
      }),
  )
}

/** Users in the text, which are mapped to accounts of this machine. */
const people = ['alice', 'bob', 'carol'] as const

/** Replaces values that differ from run to run. */
function normalize(text: string): string {
  return (
    text
      .replaceAll(/\b[0-9a-f]{8}(s[0-9a-f]{4}){3}s[0-9a-f]{12}\b/g, '<id>')
      .replaceAll(/\b[0-9a-f]{8}\b/g, '<short>')
      .replaceAll(/(?<=received |sent )[\d.]+ [KMG]?i?B/g, '<bytes>')
      .replaceAll(/^( {5}[A-Z_]+\.+)\d+$/gm, (_, name: string) => name.replaceAll(/\.+/g, '') + '<n>')
      .replaceAll(/ {5}([A-Z_]+)\.*<n>/g, ' $1 <n>')
      .replaceAll(/\b\d+[smhd]( \d+[mh])?$/gm, '<age>')
      .replaceAll(/\((uid )?(?!65000)\d+\)|(?<="uid": )\d+/g, '<uid>')
      .replaceAll(/(?<=Auth Request: |"authRequest": )\d+/g, '<pid>')
      // column widths depend on the names
      .replaceAll(/ {2,}(?=\S)/g, '  ')
      .replaceAll(/ +$/gm, '')
      .trimEnd()
  )
}

/** Sorts sessions, which are listed by ID and so differ from run to run. The failures of hosts follow them. */
function comparable(output: string): string {
  const lines = normalize(output).split('\n')
  const isSession = (line: string) =>
    /^[\w:-]+ (\(<short>\)|<short>): |^\d+ [\w ]+(, \d+ [\w ]+)*$|^(\w+ {2})?(<short>|ID) {2}/.test(line)
  const end = lines.findIndex((line) => line.startsWith('Error: gw'))
  const sessions = end === -1 ? lines : lines.slice(0, end)
  return sessions.every((line) => isSession(line))
    ? [...sessions.sort(), ...lines.slice(sessions.length)].join('\n')
    : lines.join('\n')
}

/** A line with only `…` matches anything. */
function pattern(output: string): RegExp {
  const parts = comparable(output)
    .split(/^ *…$/m)
    .map((part) => part.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`))
  return new RegExp(`^${parts.join('[^]*')}$`)
}

/** The hosts of docs/hosts.md: the first is this simulator. */
async function gateways(world: Simulator): Promise<{readonly env: Hosts['env']; close(): Promise<void>}> {
  const hosts = new Hosts()
  const other = await simulator()
  world.createSessions(2, {name: (index) => ['office', 'home-lab'][index]!})
  const [office] = other.createSessions(2, {name: (index) => ['office', 'branch'][index]!})
  other.pause(office!)
  other.addProfile('alice', 'customer-vpn', userPassword('demo', 'demo'))
  hosts.add('gw1', world)
  hosts.add('gw2', other)
  hosts.fail('gw3', 'a refused connection')
  hosts.fail('gw4', 'a long silence')
  return {
    async close() {
      hosts.close()
      await other.close()
    },
    env: hosts.env,
  }
}

describe('the examples in the documentation', () => {
  for (const file of filesWithOutput) {
    it(file, async (t) => {
      const world = await simulator()
      const folder = mkdtempSync(path.join(tmpdir(), 'ovpn3-docs-'))
      let hosts: Awaited<ReturnType<typeof gateways>> | undefined
      try {
        if (file.includes('acl') && !world.canBecome) {
          t.skip('needs root, to know the names of several users')
          return
        }

        const isOfHosts = file === 'docs/hosts.md'
        const missing = isOfHosts && missingTools('systemd-stdio-bridge')
        if (missing) {
          t.skip(missing)
          return
        }

        if (isOfHosts) hosts = await gateways(world)
        else await world.killBackend(await demo(world))
        if (file.includes('session-auth')) {
          world.addProfile('alice', 'guest-vpn', userPassword('demo', 'demo'))
          await world.startProfile('alice', 'guest-vpn', {until: 'new'})
        }

        chmodSync(folder, 0o755)
        const cliCommand = `"${process.execPath}" "${cli()}" "$@"`
        // progress leaves nothing on a terminal, and is not shown without one
        const script = onTerminal.has(file)
          ? `#!/bin/bash\nset -o pipefail\n{ ${cliCommand} 2>&1 >&3 | cat >&2; } 3>&1\n`
          : `#!/bin/sh\nexec ${cliCommand}\n`
        writeFileSync(path.join(folder, 'ovpn3'), script, {mode: 0o755})
        const alice = asUser(world, 'alice')
        let status = 0
        const examples = examplesIn(file)
        assert.ok(examples.length > 0)
        for (const {command, output} of examples) {
          // a single shell runs the whole text, so that $? carries over
          const typed = people.reduce((line, name) => line.replaceAll(name, world.accountName(name)), command)
          const line = `(exit ${status}); ${typed}`
          const whole = `{ ${line}\n} </dev/null 2>&1`
          const [shell = '', ...args] = onTerminal.has(file)
            ? ['script', '--quiet', '--return', '--command', `stty columns 200; ${whole}`, '/dev/null']
            : ['/bin/sh', '-c', whole]
          const {code, seen} = await run(shell, args, {
            ...alice,
            env: {
              ...alice.env,
              ...hosts?.env,
              NO_COLOR: '1',
              PATH: `${folder}:${alice.env.PATH}`,
              SHELL: '/bin/sh',
              TERM: 'dumb',
            },
          }).then(
            ({stdout}) => ({code: 0, seen: stdout}),
            (error: Error & {code: number; stdout: string}) => ({code: error.code, seen: error.stdout}),
          )
          status = code
          const shown = people.reduce(
            (text, name) => text.replaceAll(new RegExp(String.raw`\b${world.accountName(name)}\b`, 'g'), name),
            seen.replaceAll('\r\n', '\n').replaceAll(alice.env.HOME!, '/home/alice'),
          )
          assert.match(comparable(shown), pattern(output), `$ ${command}\n${seen}`)
        }
      } finally {
        rmSync(folder, {force: true, recursive: true})
        await hosts?.close()
        await world.close()
      }
    })
  }
})
