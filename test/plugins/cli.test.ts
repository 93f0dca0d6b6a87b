import type {ErrorJson} from '@ovpn3/sessions'

import assert from 'node:assert/strict'
import {after, afterEach, before, describe, it} from 'node:test'

import {type Simulator, simulator} from '../simulator/simulator'
import {ovpn3, projectJson, type RunResult} from '../support/cli'
import {commands} from '../support/commands'
import {document} from '../support/schemas'
import {skipTerminal, Terminal} from '../support/terminal'
import {nowhere} from '../support/world'

const {version} = projectJson('package.json') as {version: string}

describe('command line of ovpn3', () => {
  let world: Simulator

  before(async () => {
    world = await simulator()
  })
  afterEach(() => world.reset())
  after(() => world.close())

  const run = (line: string): Promise<RunResult> => ovpn3(world, 'alice', line.split(' ').filter(Boolean))

  function refuses(result: RunResult, stderr: string): void {
    assert.deepEqual([result.status, result.stdout, result.stderr], [2, '', stderr])
  }

  for (const line of ['', 'help', '--help', '-h']) {
    it(`lists the commands with ${line || 'no arguments'}`, async () => {
      const {status, stderr, stdout} = await run(line)
      assert.deepEqual([status, stderr], [0, ''])
      for (const command of [...commands, 'plugins', 'help'])
        assert.match(stdout, new RegExp(`^  ${command}  |\\(${command}\\)$`, 'm'))
    })
  }

  for (const command of commands) {
    it(`shows the help of ${command} in three ways, within 80 columns`, async () => {
      const ways = await Promise.all([run(`help ${command}`), run(`${command} --help`), run(`${command} -h`)])
      for (const {status, stderr, stdout} of ways) {
        assert.deepEqual([status, stderr], [0, ''])
        assert.equal(stdout, ways[0]!.stdout)
      }

      const {stdout} = ways[0]!
      assert.match(stdout, new RegExp(String.raw`^USAGE\n {2}\$ ovpn3 ${command}`, 'm'))
      assert.match(stdout, /^EXAMPLES$/m)
      assert.doesNotMatch(stdout, /^ARGUMENTS\n.*\.\.\.\]/m)
      for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line)
      for (const [group] of stdout.matchAll(/^[A-Z ]*FLAGS\n(?:.+\n)+/gm)) {
        const columns = [...group.matchAll(/^ +(?:-\w, )?(?=--)/gm)].map(([start]) => start.length)
        assert.equal(new Set(columns).size, 1, group)
      }
    })
  }

  for (const [command, option] of [
    ['session-manage', '--log-level[=LEVEL]'],
    ['session-stats', '--watch[=SECONDS]'],
  ] as const)
    it(`shows the optional value of ${option} in ${command} --help`, async () => {
      const {stdout} = await run(`${command} --help`)
      assert.ok(stdout.includes(` ${option}  `), stdout)
    })

  it('shows help despite other errors', async () => {
    assert.equal((await run('session-manage --bogus --help')).status, 0)
    assert.equal((await run('session-manage --pause --resume -h')).status, 0)
  })

  for (const line of ['--version', 'version', '-v', '-V'])
    it(`shows the versions of the CLI and the platform with ${line}`, async () => {
      const {status, stdout} = await run(line)
      assert.equal(status, 0)
      assert.equal(stdout, `ovpn3/${version} ${process.platform}-${process.arch} node-${process.version}\n`)
    })

  it('shows the versions of the services with version --verbose', async () => {
    for (const line of ['version --verbose', '-v --verbose']) {
      const {status, stdout} = await run(line)
      assert.equal(status, 0)
      assert.match(stdout, /^ovpn3\/.*\nnet\.openvpn\.v3\.sessions v27\.1\nnet\.openvpn\.v3\.configuration v27\.1\n$/)
    }
  })

  it('shows with version --verbose why a service is not available', async () => {
    const {status, stdout} = await ovpn3(nowhere, 'alice', ['version', '--verbose'])
    assert.equal(status, 0)
    assert.match(stdout, /^net\.openvpn\.v3\.sessions: not available: .+$/m)
  })

  for (const line of ['version --json', '-v -j', '--version --format=json', 'version --format json --verbose'])
    it(`prints JSON with ${line}`, async () => {
      const {status, stdout} = await run(line)
      assert.equal(status, 0)
      const {services, ...report} = document<Record<string, unknown>>('version', stdout)
      const {arch, platform} = process
      assert.deepEqual(report, {arch, name: 'ovpn3', node: process.versions.node, platform, version})
      const expected = ['sessions', 'configuration'].map((name) => ({
        service: `net.openvpn.v3.${name}`,
        version: 'v27.1',
      }))
      assert.deepEqual(services, line.includes('verbose') ? expected : undefined)
    })

  it('lists user plugins with plugins, and core plugins with --core', async () => {
    assert.match((await run('plugins')).stdout, /No plugins installed/)
    const {status, stdout} = await run('plugins --core')
    assert.equal(status, 0)
    for (const name of ['sessions-list', 'session-stats', 'session-acl', 'session-log', 'session-start'])
      assert.match(stdout, new RegExp(`^@ovpn3/plugin-${name} +\\d\\S+ +core$`, 'm'))
  })

  it('reports an unknown command in help', async () => {
    refuses(await run('help nosuch'), 'Error: unknown command: nosuch\nRun `ovpn3 help`\n')
    for (const line of ['help session-manag', 'session-manag --help'])
      refuses(await run(line), `Error: unknown command: session-manag\nDid you mean: ovpn3 session-manage --help\n`)
    const {status, stderr, stdout} = await run('nosuch --help --json')
    assert.deepEqual([status, stderr], [2, ''])
    assert.equal(document<{error: ErrorJson}>('error', stdout).error.message, 'unknown command: nosuch')
  })

  it('reports an unknown option of help and plugins', async () => {
    refuses(await run('help --bogus'), 'Error: unknown option: --bogus\nRun `ovpn3 help`\n')
    refuses(await run('help nosuch -x -y'), 'Error: unknown options: -x, -y\nRun `ovpn3 help`\n')
    refuses(await run('plugins --bogus'), 'Error: unknown option: --bogus\nRun `ovpn3 plugins --help`\n')
    const missing = await run('plugins install')
    assert.equal(missing.status, 2)
    assert.match(missing.stderr, /^Error: missing argument: PLUGIN\nRun `ovpn3 plugins install --help`\n$/)
    const {status, stderr, stdout} = await run('help nosuch --json')
    assert.deepEqual([status, stderr], [2, ''])
    assert.equal(document<{error: ErrorJson}>('error', stdout).error.message, 'unknown option: --json')
  })

  describe('unknown command', () => {
    const cases: Readonly<Record<string, readonly [string, string]>> = {
      'a letter wrong': [
        'session-manege --pause --all --yes',
        'Did you mean: ovpn3 session-manage --pause --all --yes',
      ],
      'its beginning': ['session-m', 'Did you mean: ovpn3 session-manage'],
      'a beginning of several': [
        'session-',
        'Did you mean: session-acl, session-auth, session-log, session-manage, session-start or session-stats',
      ],
      'a verb, a letter wrong, and a name': ['pasue office', 'Did you mean: ovpn3 pause --config office'],
      'a verb, a letter wrong, and a device': ['puase tun7 -y', 'Did you mean: ovpn3 pause --interface tun7 -y'],
      'a verb, a letter wrong, and words': ['pasue my vpn', 'Did you mean: ovpn3 pause my vpn'],
      'a verb, a letter wrong': ['disconect --config office', 'Did you mean: ovpn3 disconnect --config office'],
      'an option': ['wat', 'Run `ovpn3 help`'],
      'part of a name': ['manage', 'Did you mean: ovpn3 session-manage'],
      'as other tools call it': ['status', 'Did you mean: ovpn3 list'],
      'as other tools call it, and arguments': ['stop office', 'Did you mean: ovpn3 disconnect --config office'],
      'one of openvpn3': ['config-import --config office.ovpn', 'Run `openvpn3 config-import --config office.ovpn`'],
      'nothing near': ['frobnicate', 'Run `ovpn3 help`'],
      'a topic': ['plugins instal', 'Did you mean: ovpn3 plugins install'],
      'with an argument': ['plugins instal nosuch', 'Did you mean: ovpn3 plugins install nosuch'],
    }
    for (const [what, [line, hint]] of Object.entries(cases)) {
      it(`gets the right hint: ${what}`, async () => {
        world.createSessions(2)
        const typed = line.split(/ --?/)[0]!
        refuses(await run(line), `Error: unknown command: ${typed}\n${hint}\n`)
        assert.equal(world.calls.total, 0, 'the session manager should not be called')
      })
    }

    it('is reported without control characters', async () => {
      const {status, stderr} = await ovpn3(world, 'alice', ['\u001B[31mevil\u0007'])
      assert.equal(status, 2)
      // eslint-disable-next-line no-control-regex
      assert.doesNotMatch(stderr, /[\u0000-\u0009\u000B-\u001F]/)
    })

    it('is reported as JSON', async () => {
      const {status, stderr, stdout} = await run('session-manege --pause --json')
      assert.deepEqual([status, stderr], [2, ''])
      const {error} = document<{error: {code: string; hint: string; message: string}}>('error', stdout)
      assert.deepEqual(error, {
        code: 'usage',
        hint: 'Did you mean: ovpn3 session-manage --pause --json',
        message: 'unknown command: session-manege',
      })
    })
  })

  describe('option before the command', () => {
    it('gets a hint about its place', async () => {
      refuses(
        await run('-c office session-manage --pause'),
        'Error: -c comes before the command\nDid you mean: ovpn3 session-manage --pause -c office\n',
      )
      refuses(
        await run('--bogus'),
        'Error: --bogus comes before the command\nPut options after the command. Run `ovpn3 help`\n',
      )
    })

    it('is reported as JSON if it is --json', async () => {
      const {status, stdout} = await run('--json sessions-list')
      assert.equal(status, 2)
      const {error} = document<{error: {hint: string; message: string}}>('error', stdout)
      assert.equal(error.message, '--json comes before the command')
      assert.equal(error.hint, 'Did you mean: ovpn3 sessions-list --json')
    })
  })

  describe('on a terminal', {skip: skipTerminal()}, () => {
    let terminal: Terminal

    before(async () => {
      terminal = await Terminal.open(world, 'alice', {columns: 100})
    })
    after(() => terminal.close())

    it('does not run a mistyped command and does not prompt', async () => {
      world.createSessions(2)
      await terminal.type('ovpn3 session-manege --disconnect --all --yes', 'Enter')
      const screen = await terminal.shows(/\[status \d+\]/)
      assert.match(
        screen,
        /Error: unknown command: session-manege\nDid you mean: ovpn3 session-manage --disconnect --all --yes\n\[status 2\]\n>$/,
      )
      // The next input, especially Enter, reaches the shell and no prompt.
      await terminal.type('', 'Enter', 'echo still here', 'Enter')
      await terminal.shows(/^still here\n\[status 0\]/m)
      assert.equal((await world.sessions()).length, 2)
    })
  })
})
