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
  /** The largest size of each file of the bundle. */
  readonly bytes: Readonly<Record<string, number>>
  /** The files that a command loads in addition to the bundle. */
  readonly files: Readonly<Record<string, readonly string[]>>
  /** The bus calls of a command per session, without calls to the services or the bus itself. */
  readonly calls: Readonly<Record<string, Readonly<Record<string, number>>>>
  /** All calls of session-start for a saved profile without input, independent of the number of sessions. */
  readonly start: Readonly<Record<string, number>>
}

/** A module that writes the loaded files as JSON to file descriptor 3; every user can read it. */
const tellsLoaded = `data:text/javascript,${encodeURIComponent(`
  import {writeSync} from 'node:fs'
  import {createRequire} from 'node:module'
  const {cache} = createRequire('/')
  process.on('exit', () => writeSync(3, JSON.stringify(Object.keys(cache))))
`)}`

const budgets = projectJson('test/budgets.json') as Budgets

/** Costs that do not depend on the machine. Change test/budgets.json only deliberately. */
describe('the cost of a command', () => {
  let world: Simulator
  before(async () => {
    world = await simulator()
  })
  after(() => world.close())

  it('includes the bytes of the bundle', () => {
    const files = readdirSync(path.join(repository, 'dist')).filter((file) => file.endsWith('.js'))
    assert.deepEqual(files.sort(), Object.keys(budgets.bytes).sort())
    for (const file of files) {
      const {size} = statSync(path.join(repository, 'dist', file))
      assert.ok(size <= budgets.bytes[file]!, `${file} has ${size} bytes`)
    }
  })

  for (const [command, files] of Object.entries(budgets.files))
    it(`includes the files loaded by ${command}`, async () => {
      await world.reset()
      world.createSessions(2)
      assert.deepEqual(await loadedBy(world, command), files)
      // without sessions the limit would hold trivially
      if (/^session.*(?<!--help)$/.test(command))
        assert.ok([...world.calls.byMember.keys()].some((call) => call.startsWith('Get ')))
    })

  for (const [command, calls] of Object.entries(budgets.calls))
    it(`includes the calls of ${command} per session`, async () => {
      await world.reset()
      // enough that looking up the sessions of a name no longer pays
      world.createSessions(110)
      const few = await callsOf(world, command)
      world.createSessions(10, {name: (index) => `more-${index}`})
      const many = await callsOf(world, command)
      const more = [...many].map(([call, n]): [string, number] => [call, (n - (few.get(call) ?? 0)) / 10])
      assert.deepEqual(Object.fromEntries(more.filter(([, n]) => n > 0).sort(([a], [b]) => (a < b ? -1 : 1))), calls)
    })

  it('includes the calls of session-start', async () => {
    await world.reset()
    world.createSessions(50)
    const calls = await callsOf(world, 'session-start cert')
    // one read beforehand, then one per poll
    const reads = calls.get('Get status')!
    assert.ok(reads <= 3, `${reads} reads of the status`)
    calls.delete('Get status')
    assert.deepEqual(Object.fromEntries([...calls].sort(([a], [b]) => (a < b ? -1 : 1))), budgets.start)
  })

  it('includes few calls of session-manage --cleanup for names, and none that visit many sessions again', async () => {
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
