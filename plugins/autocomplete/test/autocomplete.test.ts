import {placeOf} from '@ovpn3/plugin-autocomplete/dist/install'
import {scriptOf as scriptIn, type Shell, shells} from '@ovpn3/plugin-autocomplete/dist/shell'
import assert from 'node:assert/strict'
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {afterEach, beforeEach, describe, it} from 'node:test'

import {ovpn3} from '../../../test/support/cli'
import {repository} from '../../../test/support/repository'
import {document} from '../../../test/support/schemas'
import {nowhere} from '../../../test/support/world'

interface Installed {
  readonly changed: boolean
  readonly file: string
  readonly startFile: string | null
}

const scriptOf = (shell: Shell) => scriptIn(shell, path.join(repository, 'plugins', 'autocomplete'))

describe('autocomplete', () => {
  let home: string
  const run = (line: string, env: Readonly<Record<string, string>> = {}) =>
    ovpn3(nowhere, 'alice', ['autocomplete', ...line.split(' ').filter(Boolean)], {env: {HOME: home, ...env}})

  beforeEach(() => {
    home = mkdtempSync(path.join(tmpdir(), 'ovpn3-home-'))
  })
  afterEach(() => rmSync(home, {force: true, recursive: true}))

  for (const shell of shells) {
    it(`${shell}: prints the script, which explains how to install it`, async () => {
      const named = await run(shell)
      assert.deepEqual([named.status, named.stderr, named.stdout], [0, '', scriptOf(shell)])
      assert.match(named.stdout, new RegExp(`^# To install it: ovpn3 autocomplete --install ${shell}$`, 'm'))
      assert.equal((await run('', {SHELL: `/usr/bin/${shell}`})).stdout, named.stdout)
      const json = document<{script: string; shell: string}>('autocomplete', (await run(`${shell} -j`)).stdout)
      assert.deepEqual(json, {script: named.stdout, shell})
    })

    it(`${shell}: installs it only once`, async () => {
      const install = async () => document<Installed>('autocomplete', (await run(`--install ${shell} --json`)).stdout)
      const first = await install()
      assert.equal(first.changed, true)
      assert.ok(first.file.startsWith(home))
      assert.equal(readFileSync(first.file, 'utf8'), scriptOf(shell))
      const start = first.startFile && readFileSync(first.startFile, 'utf8')
      assert.deepEqual(await install(), {...first, changed: false})
      if (start) assert.equal(readFileSync(first.startFile!, 'utf8'), start)
      writeFileSync(first.file, '# old\n')
      assert.equal((await install()).changed, true)
      assert.equal(readFileSync(first.file, 'utf8'), scriptOf(shell))
    })
  }

  it('reports its changes', async () => {
    const {stdout} = await run('--install zsh')
    const file = path.join(home, '.local/share/zsh/site-functions/_ovpn3')
    assert.equal(stdout, `Completion for zsh is installed: ${file}\n${home}/.zshrc loads it\n`)
    assert.equal((await run('--install zsh')).stdout, `Completion for zsh is already installed: ${file}\n`)
  })

  it('keeps the content of a start file', async () => {
    writeFileSync(path.join(home, '.zshrc'), 'alias x=y')
    await run('--install zsh')
    assert.match(readFileSync(path.join(home, '.zshrc'), 'utf8'), /^alias x=y\n\[ -r .*\n$/)
  })

  it('uses the directory that the shell is configured to read', () => {
    const environment = {
      BASH_COMPLETION_USER_DIR: '/b:/c',
      XDG_CONFIG_HOME: '/config',
      XDG_DATA_HOME: '/data',
      ZDOTDIR: '/z',
    }
    assert.equal(placeOf('bash', home, environment).file, '/b/completions/ovpn3')
    assert.equal(placeOf('fish', home, environment).file, '/config/fish/completions/ovpn3.fish')
    const zsh = placeOf('zsh', home, environment)
    assert.deepEqual([zsh.file, zsh.start!.file], ['/data/zsh/site-functions/_ovpn3', '/z/.zshrc'])
  })

  it('supports a quote in the path of the home directory', () => {
    const {start} = placeOf('zsh', "/home/o'neil", {})
    const file = String.raw`'/home/o'\''neil/.local/share/zsh/site-functions/_ovpn3'`
    assert.equal(start!.line, `[ -r ${file} ] && . ${file} # completion of ovpn3`)
  })

  for (const [what, line, env, message] of [
    ['a shell without completion', '', {SHELL: '/bin/ksh'}, /unsupported shell: ksh\nPass one of bash/],
    ['an unknown shell', 'tcsh', {}, /expected tcsh to be one of: bash, zsh, fish/],
    ['two shells', 'bash zsh', {}, /unexpected argument: zsh/],
  ] as const) {
    it(`${what}: exit status 2`, async () => {
      const {status, stderr, stdout} = await run(line, env)
      assert.deepEqual([status, stdout], [2, ''])
      assert.match(stderr, message)
    })
  }

  it('reports an unwritable directory with exit status 1', async () => {
    writeFileSync(path.join(home, '.config'), 'a file')
    const {status, stderr} = await run('--install fish')
    assert.equal(status, 1)
    assert.match(stderr, /^Error: cannot write .*ovpn3\.fish: /)
  })
})
