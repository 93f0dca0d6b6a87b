import assert from 'node:assert/strict'
import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {after, afterEach, before, describe, it} from 'node:test'
import {setTimeout as sleep} from 'node:timers/promises'

import {Bus, BusError, type BusErrorKind} from '../../../src/lib/bus'
import {type Simulator, simulator} from '../../simulator/simulator'
import {until} from '../../support/cli'
import {FakeBus, misbehaviours} from '../../support/fake-bus'

async function fails(kind: BusErrorKind, promise: Promise<unknown>): Promise<BusError> {
  const error = await promise.then(
    () => assert.fail('expected a failure'),
    (error: unknown) => error,
  )
  assert.ok(error instanceof BusError, String(error))
  assert.equal(error.kind, kind, error.message)
  return error
}

describe('connection to a bus', () => {
  const address = process.env.DBUS_SYSTEM_BUS_ADDRESS
  let fake: FakeBus | undefined

  afterEach(() => {
    fake?.close()
    fake = undefined
    if (address === undefined) delete process.env.DBUS_SYSTEM_BUS_ADDRESS
    else process.env.DBUS_SYSTEM_BUS_ADDRESS = address
  })

  for (const [what, behave] of Object.entries(misbehaviours)) {
    it(`fails within its time limit if the other side ${what}`, async () => {
      fake = await FakeBus.open(behave)
      process.env.DBUS_SYSTEM_BUS_ADDRESS = fake.address
      const started = performance.now()
      await fails('unreachable', Bus.connect())
      assert.ok(performance.now() - started < 20_000)
    })
  }

  it('fails if nothing listens at the address, and if the address is invalid', async () => {
    for (const nowhere of ['unix:path=/nowhere/at/all', 'unix:nonsense', 'tcp:port=none']) {
      process.env.DBUS_SYSTEM_BUS_ADDRESS = nowhere
      await fails('unreachable', Bus.connect())
    }
  })

  it('supports only the transports unix and tcp, so that no address starts a program', async () => {
    for (const other of [
      'autolaunch:',
      'carrier-pigeon:loft=3',
      'nonce-tcp:host=localhost,port=1,noncefile=/nowhere',
      'nonsense',
      'unixexec:path=/bin/false',
      'UNIXEXEC:path=/bin/cat',
      'unixexec:path=/nowhere',
    ]) {
      process.env.DBUS_SYSTEM_BUS_ADDRESS = other
      const {message} = await fails('unreachable', Bus.connect())
      assert.equal(message, `only unix: and tcp: addresses are supported: ${other}`)
    }
  })
})

describe('address of the system bus', () => {
  const address = process.env.DBUS_SYSTEM_BUS_ADDRESS
  let world: Simulator

  before(async () => {
    world = await simulator()
  })
  after(async () => {
    if (address === undefined) delete process.env.DBUS_SYSTEM_BUS_ADDRESS
    else process.env.DBUS_SYSTEM_BUS_ADDRESS = address
    await world.close()
  })

  it('may be a list, of which the first working address is used and otherwise the last error reported', async () => {
    for (const good of [
      `unix:path=/nowhere;${world.busAddress}`,
      `${world.busAddress};unix:path=/nowhere`,
      `nonsense;;${world.busAddress};`,
      `unixexec:path=/bin/cat;${world.busAddress}`,
    ]) {
      process.env.DBUS_SYSTEM_BUS_ADDRESS = good
      const bus = await Bus.connect()
      bus.close()
    }

    process.env.DBUS_SYSTEM_BUS_ADDRESS = 'nonsense;unix:path=/nowhere'
    assert.match((await fails('unreachable', Bus.connect())).message, /no such socket: \/nowhere/)
    process.env.DBUS_SYSTEM_BUS_ADDRESS = ';'
    await fails('unreachable', Bus.connect())
  })

  it('may contain escapes', async () => {
    process.env.DBUS_SYSTEM_BUS_ADDRESS = world.busAddress.replaceAll('/', '%2f').replaceAll('-', '%2D')
    const bus = await Bus.connect()
    bus.close()
    process.env.DBUS_SYSTEM_BUS_ADDRESS = 'unix:path=/nowhere/%c3%a4%3B'
    assert.match((await fails('unreachable', Bus.connect())).message, /\/nowhere\/ä%3B/)
  })
})

describe('call', () => {
  let world: Simulator
  let bus: Bus
  const address = process.env.DBUS_SYSTEM_BUS_ADDRESS
  const get = (path: string, timeout?: number) =>
    bus.call({
      body: ['net.openvpn.v3.sessions', 'version'],
      destination: 'net.openvpn.v3.sessions',
      interface: 'org.freedesktop.DBus.Properties',
      member: 'Get',
      path,
      signature: 'ss',
      timeout,
    })
  const manager = '/net/openvpn/v3/sessions'
  const service = 'net.openvpn.v3.sessions'
  const call = {destination: service, interface: service, member: 'FetchAvailableSessions', path: manager}

  before(async () => {
    world = await simulator({me: true})
    process.env.DBUS_SYSTEM_BUS_ADDRESS = world.busAddress
    bus = await Bus.connect()
  })
  afterEach(() => world.reset())
  after(async () => {
    bus.close()
    await world.close()
    if (address === undefined) delete process.env.DBUS_SYSTEM_BUS_ADDRESS
    else process.env.DBUS_SYSTEM_BUS_ADDRESS = address
  })

  it('ends at its time limit without a reply', async () => {
    world.intercept(() => 'ignore')
    const started = performance.now()
    await fails('timeout', get(manager, 200))
    // The default time limit is 25 s.
    assert.ok(performance.now() - started < 10_000)
  })

  it('returns a reply that arrived while the process was stopped, even after the time limit', async () => {
    const script = `
      const {Bus} = require(${JSON.stringify(require.resolve('../../../src/lib/bus'))})
      const service = 'net.openvpn.v3.sessions'
      Bus.connect({onStall: () => console.log('stalled')}).then(async (bus) => {
        const call = {destination: service, interface: service, member: 'FetchAvailableSessions', path: '${manager}'}
        await bus.call({...call, timeout: 1000}).then(() => console.log('answered'), console.log)
        bus.close()
      })`
    world.intercept(() => ({delay: 300}))
    const child = spawn(process.execPath, ['-e', script], {stdio: ['ignore', 'pipe', 'inherit']})
    let output = ''
    child.stdout.on('data', (data: Buffer) => {
      output += data
    })
    const ended = once(child, 'close')
    await until('the call arrives', () => world.calls.total > 0)
    child.kill('SIGSTOP')
    await sleep(2000)
    child.kill('SIGCONT')
    await ended
    assert.equal(output, 'answered\n')
  })

  it('continues to wait while the destination replies to other calls', async () => {
    world.setCost(30)
    const replies = await Promise.all(Array.from({length: 20}, () => get(manager, 200)))
    assert.equal(replies.length, 20)
  })

  it('can be made at the same time as any number of others, although a bus allows 128', async () => {
    assert.equal((await Promise.all(Array.from({length: 500}, () => get(manager)))).length, 500)
  })

  it('still counts towards that limit after it has timed out', async () => {
    world.intercept(() => 'ignore')
    const own = await Bus.connect()
    for (let round = 0; round < 3; round++)
      await Promise.all(Array.from({length: 100}, () => fails('timeout', own.call({...call, timeout: 200}))))
    // Calls to the bus itself do not wait for the others.
    const end = await own.subscribe({interface: service, sender: service}, () => {})
    await end()
    own.close()
  })

  it('is reported as stalled again if there was a reply in between', async () => {
    const stalled: string[] = []
    const own = await Bus.connect({onStall: (path) => stalled.push(path)})
    world.intercept(() => ({delay: 2500}))
    await Promise.all([own.call(call), own.call(call)])
    assert.deepEqual(stalled, [manager])
    await own.call(call)
    assert.deepEqual(stalled, [manager, manager])
    own.close()
  })

  it('fails for an object that does not exist, and for a name without an owner', async () => {
    await fails('object-gone', get('/net/openvpn/v3/sessions/nope'))
    await fails('service-unknown', bus.call({destination: 'net.nobody', interface: 'a.b', member: 'C', path: '/'}))
  })

  it('rejects when the connection closes, and so do later calls', async () => {
    const own = await Bus.connect()
    world.intercept(() => 'ignore')
    const pending = own.call({
      destination: 'net.openvpn.v3.sessions',
      interface: 'net.openvpn.v3.sessions',
      member: 'FetchAvailableSessions',
      path: manager,
    })
    own.close()
    await fails('disconnected', pending)
    await fails('disconnected', own.call({destination: 'a.b', interface: 'a.b', member: 'C', path: '/'}))
  })

  it('of a subscription delivers signals until it is released together with its match rule', async () => {
    const rules = async () => {
      const [stats] = await bus.call({
        body: [],
        destination: 'org.freedesktop.DBus',
        interface: 'org.freedesktop.DBus.Debug.Stats',
        member: 'GetAllMatchRules',
        path: '/org/freedesktop/DBus',
      })
      return JSON.stringify(stats).split('SessionManagerEvent').length - 1
    }

    const seen: unknown[] = []
    const match = {
      interface: 'net.openvpn.v3.sessions',
      member: 'SessionManagerEvent',
      path: manager,
      sender: 'net.openvpn.v3.sessions',
    }
    const first = await bus.subscribe(match, ({body}) => seen.push(body[1]))
    const second = await bus.subscribe(match, ({body}) => seen.push(body[1]))
    const before = await rules().catch(() => -1)
    await world.startSession('alice', 'cert', {until: 'new'})
    await until('both listeners have received it', () => seen.length === 2)
    await first()
    await first()
    await world.startSession('alice', 'cert2', {until: 'new'})
    await until('the second listener has received it', () => seen.length === 3)
    await second()
    // Some buses do not provide this interface.
    if (before > 0) assert.equal(await rules(), before - 1)
    await world.startSession('alice', 'dead', {until: 'new'})
    await get(manager)
    assert.deepEqual(seen, [1, 1, 1])
  })
})
