import assert from 'node:assert/strict'
import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {readdirSync, statSync} from 'node:fs'
import path from 'node:path'
import {after, before, describe, it} from 'node:test'

import {type Simulator, simulator} from './simulator/simulator'
import {asUser, cli, ovpn3, projectJson} from './support/cli'
import {repository} from './support/repository'

interface Budgets {
  /** Bytes that the files of the bundle have at most. */
  readonly bytes: Readonly<Record<string, number>>
  /** Files that a command loads beside the bundle. */
  readonly files: Readonly<Record<string, readonly string[]>>
  /** Calls on the bus that a command makes for each session; the services and the bus themselves are asked beside. */
  readonly calls: Readonly<Record<string, Readonly<Record<string, number>>>>
  /** Calls in all of a session-start of a saved profile without input, however many sessions there are. */
  readonly start: Readonly<Record<string, number>>
}

/** A module that tells which files a program has loaded, as JSON on file descriptor 3; every user can read it. */
const tellsLoaded = `data:text/javascript,${encodeURIComponent(`
  import {writeSync} from 'node:fs'
  import {createRequire} from 'node:module'
  const {cache} = createRequire('/')
  process.on('exit', () => writeSync(3, JSON.stringify(Object.keys(cache))))
`)}`

const budgets = projectJson('test/budgets.json') as Budgets

/** What costs time and does not depend on the machine: a change of test/budgets.json has to be meant. */
describe('what a command costs', () => {
  let world: Simulator
  before(async () => {
    world = await simulator()
  })
  after(() => world.close())

  it('bytes of the bundle', () => {
    const files = readdirSync(path.join(repository, 'dist')).filter((file) => file.endsWith('.js'))
    assert.deepEqual(files.sort(), Object.keys(budgets.bytes).sort())
    for (const file of files) {
      const {size} = statSync(path.join(repository, 'dist', file))
      assert.ok(size <= budgets.bytes[file]!, `${file} has ${size} bytes`)
    }
  })

  for (const [command, files] of Object.entries(budgets.files))
    it(`files loaded by ${command}`, async () => {
      await world.reset()
      world.createSessions(2)
      assert.deepEqual(await loadedBy(world, command), files)
      // else it would hold for want of sessions
      if (/^session.*(?<!--help)$/.test(command))
        assert.ok([...world.calls.byMember.keys()].some((call) => call.startsWith('Get ')))
    })

  for (const [command, calls] of Object.entries(budgets.calls))
    it(`calls of ${command} for each session`, async () => {
      await world.reset()
      // so many that it no longer pays to ask for the sessions of a name
      world.createSessions(110)
      const few = await callsOf(world, command)
      world.createSessions(10, {name: (index) => `more-${index}`})
      const many = await callsOf(world, command)
      const more = [...many].map(([call, n]): [string, number] => [call, (n - (few.get(call) ?? 0)) / 10])
      assert.deepEqual(Object.fromEntries(more.filter(([, n]) => n > 0).sort(([a], [b]) => (a < b ? -1 : 1))), calls)
    })

  it('calls that session-start makes', async () => {
    await world.reset()
    world.createSessions(50)
    const calls = await callsOf(world, 'session-start cert')
    // one beforehand, and then as long as it takes
    const reads = calls.get('Get status')!
    assert.ok(reads <= 3, `${reads} reads of the status`)
    calls.delete('Get status')
    assert.deepEqual(Object.fromEntries([...calls].sort(([a], [b]) => (a < b ? -1 : 1))), budgets.start)
  })

  it('calls that session-manage --cleanup makes for names: few, and none that go through many sessions again', async () => {
    await world.reset()
    world.createSessions(50, {name: () => 'office'})
    const same = await callsOf(world, 'session-manage --cleanup')
    assert.deepEqual([same.get('LookupConfigName'), same.get('Get config_name')], [1, undefined])
    await world.reset()
    world.createSessions(50)
    const different = await callsOf(world, 'session-manage --cleanup')
    assert.equal(different.get('LookupConfigName'), 2)
  })
})

async function loadedBy(world: Simulator, command: string): Promise<string[]> {
  const program = cli()
  const child = spawn(process.execPath, ['--import', tellsLoaded, program, ...command.split(' ')], {
    ...asUser(world, 'alice'),
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  })
  let told = ''
  child.stdio[3]!.on('data', (chunk: Buffer) => {
    told += chunk.toString()
  })
  const [status] = await once(child, 'close')
  assert.equal(status, 0)
  const root = path.dirname(path.dirname(program))
  return (JSON.parse(told) as string[]).map((file) => path.relative(root, file)).sort()
}

async function callsOf(world: Simulator, command: string): Promise<Map<string, number>> {
  world.calls.reset()
  world.configurationCalls.reset()
  const {status, stderr} = await ovpn3(world, 'alice', command.split(' '))
  assert.equal(status, 0, stderr)
  return new Map([
    ...world.calls.byMember,
    ...[...world.configurationCalls.byMember].map(([call, n]): [string, number] => [`profile: ${call}`, n]),
  ])
}
