import assert from 'node:assert/strict'
import {after, afterEach, before, describe, it} from 'node:test'

import {commandLine, verbNames, verbs} from '../../src/verbs'
import {type Simulator, simulator} from '../simulator/simulator'
import {ovpn3Shared, projectJson} from '../support/cli'
import {siblings} from '../support/commands'

interface Manifest {
  readonly commands: Readonly<
    Record<string, {readonly aliases: readonly string[]; readonly flags: object; readonly implied?: readonly string[]}>
  >
}

const commands = Object.assign(
  {},
  ...['', ...siblings.map((name) => `plugins/${name}/`)].map(
    (folder) => (projectJson(`${folder}oclif.manifest.json`) as Manifest).commands,
  ),
) as Manifest['commands']

describe('verbs', () => {
  let world: Simulator

  before(async () => {
    world = await simulator()
  })
  afterEach(() => world.reset())
  after(() => world.close())

  const run = (line: readonly string[]) => ovpn3Shared(world, 'alice', line)

  it('match the table in the commands', () => {
    for (const {action, aliases, command, name} of verbs) {
      const {[action ? name : command]: declared} = commands
      assert.deepEqual(declared?.aliases, action ? aliases : [name, ...aliases])
      assert.deepEqual(declared?.implied, action && [action])
    }

    const all = Object.entries(commands)
      .flatMap(([id, each]) => [...(each.implied ? [id] : []), ...each.aliases])
      // plugin subcommands have different names
      .filter((name) => !name.includes(':'))
    assert.deepEqual([...all].sort(), [...verbNames].sort())
  })

  it('of an action accept no other action and none of its options', () => {
    const namesOf = (id: string) => Object.keys(commands[id]!.flags)
    const common = ['json', 'dry-run', 'owner']
    const selectors = ['path', 'config', 'interface', 'all', 'yes']
    const waiting = ['timeout', 'wait', 'background', 'keep', 'credentials']
    const own = (id: string) =>
      namesOf(id).filter((name) => ['failed', 'reason', ...common, ...selectors, ...waiting].includes(name))
    assert.deepEqual(own('pause').sort(), [...common, ...selectors, 'reason'].sort())
    assert.deepEqual(own('resume').sort(), [...common, ...selectors, ...waiting].sort())
    assert.deepEqual(own('restart').sort(), [...common, ...selectors, ...waiting].sort())
    assert.deepEqual(own('disconnect').sort(), [...common, ...selectors].sort())
    assert.deepEqual(own('cleanup').sort(), [...common, 'failed'].sort())
    for (const {action} of verbs) if (action) assert.ok(!namesOf(action).some((name) => verbNames.includes(name)))
  })

  for (const verb of verbs) {
    if (verb.action)
      it(`work like the long form: ${verb.name} like ${commandLine(verb)}`, async () => {
        world.createSessions(2)
        const line = [...(verb.action === 'cleanup' ? [] : ['--all']), '--dry-run', '--json']
        const [short, long] = [await run([verb.name, ...line]), await run([...commandLine(verb).split(' '), ...line])]
        assert.deepEqual([short.status, short.stdout], [long.status, long.stdout])
        assert.equal((JSON.parse(short.stdout) as {action: string}).action, verb.action)
      })

    for (const word of [verb.name, ...verb.aliases])
      it(`are named in errors and help: ${word}`, async () => {
        const {status, stderr} = await run([word, '--bogus'])
        assert.equal(status, 2)
        assert.match(stderr, new RegExp(`^Run \`ovpn3 ${word} --help\`$`, 'm'))
        const {stdout} = await run([word, '--help'])
        assert.match(stdout, new RegExp(String.raw`^USAGE\n {2}\$ ovpn3 ${word} `, 'm'))
        assert.equal((await run(['help', word])).stdout, stdout)
        const names = /^ALIASES\n((?:.+\n)+)/m.exec(stdout)?.[1] ?? ''
        assert.doesNotMatch(names, new RegExp(`ovpn3 ${word}$`, 'm'), 'a verb must not be its own alias')
      })
  }

  it('print only errors and the document of --json with --quiet', async () => {
    const [path] = world.createSessions(2, {name: (i) => `load-${i}`})
    const silent = {status: 0, stderr: '', stdout: ''}
    const of = async (...line: string[]) => {
      const {status, stderr, stdout} = await run(line)
      return {status, stderr, stdout}
    }

    for (const line of ['list', 'stats --all', `acl --path ${path}`, `pause --path ${path}`])
      assert.deepEqual(await of(...line.split(' '), '--quiet'), silent, line)
    const missing = await of('pause', '-q', '--config', 'nosuch')
    assert.deepEqual([missing.status, missing.stdout], [4, ''])
    assert.match(missing.stderr, /^Error: .*nosuch/)
    assert.equal((JSON.parse((await of('list', '-q', '--json')).stdout) as {sessions: unknown[]}).sessions.length, 2)
  })

  it('treat --format=json as --json, also for errors', async () => {
    world.createSessions(1)
    for (const line of ['list', 'stats --all', 'cleanup --dry-run', 'pause --config nosuch', 'session-auth --bogus']) {
      const words = line.split(' ')
      const json = await run([...words, '--json'])
      for (const format of [['--format=json'], ['--format', 'json'], ['--form', 'json']]) {
        const {status, stdout} = await run([...words, ...format])
        assert.deepEqual([status, stdout], [json.status, json.stdout], line)
      }
    }

    assert.equal((await run(['list', '--format=text'])).stdout, (await run(['list'])).stdout)
    assert.equal((await run(['stats', '--all', '--format', 'text'])).status, 0)
  })

  it('show who has access with acl and only a session', async () => {
    const [path] = world.createSessions(1)
    const shown = await run(['session-acl', '--show', '--path', path!])
    assert.equal(shown.status, 0)
    assert.equal((await run(['acl', '--path', path!])).stdout, shown.stdout)
  })

  it('without an action, session-manage names the verbs', async () => {
    const {status, stderr} = await run(['session-manage'])
    assert.equal(status, 2)
    assert.match(stderr, /^Error: no action given\nRun /)
    for (const {action, name} of verbs) if (action) assert.ok(stderr.includes(`\`ovpn3 ${name}\``), name)
  })

  it('pause a session and report it', async () => {
    world.createSessions(1, {name: () => 'office'})
    const {status, stdout} = await run(['pause', 'office', '--reason', 'lunch'])
    assert.equal(status, 0)
    assert.match(stdout, /^office \(\w+\): paused$/m)
  })
})
