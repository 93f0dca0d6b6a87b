import assert from 'node:assert/strict'
import {after, afterEach, before, describe, it} from 'node:test'
import {setTimeout as sleep} from 'node:timers/promises'

import {Bus, BusError, type Signal} from '../../../src/lib/bus'
import {type Simulator, simulator} from '../../simulator/simulator'
import {ovpn3, until} from '../../support/cli'
import {daemon, FakeBus} from '../../support/fake-bus'
import {Stranger} from '../../support/stranger'
import {encode, string, strings, uint32, variant, type WireMessage} from '../../support/wire'

const service = 'net.openvpn.v3.sessions'
const manager = '/net/openvpn/v3/sessions'
const call = {destination: service, interface: service, member: 'FetchAvailableSessions', path: manager}
const signal = {interface: service, member: 'SessionManagerEvent', path: manager, type: 4}
const address = process.env.DBUS_SYSTEM_BUS_ADDRESS

function restoreAddress(): void {
  if (address === undefined) delete process.env.DBUS_SYSTEM_BUS_ADDRESS
  else process.env.DBUS_SYSTEM_BUS_ADDRESS = address
}

/** Messages that dbus-daemon delivers although they refer to file descriptors that are not sent. */
const undecodable: Readonly<Record<string, Partial<WireMessage>>> = {
  'a dictionary of file descriptors': {
    body: Buffer.concat([uint32(8), uint32(0), uint32(0), uint32(0)]),
    signature: 'a{uh}',
  },
  'a file descriptor': {body: uint32(0), signature: 'h'},
  'a file descriptor in a variant': {body: variant('h', uint32(0)), signature: 'v'},
  'an unknown type of message': {type: 9},
  'file descriptors': {body: Buffer.concat([uint32(4), uint32(7)]), signature: 'ah'},
}

/** Unsolicited messages of all kinds. */
function flood(destination: string): Buffer[] {
  const kinds: readonly Partial<WireMessage>[] = [
    {},
    {body: Buffer.concat([strings('/ab'), uint32(1), uint32(0)]), signature: 'suu'},
    ...Object.values(undecodable),
    {interface: service, member: 'FetchAvailableSessions', type: 1},
    {replySerial: 7, type: 2},
    {errorName: 'a.b', replySerial: 100_000, type: 3},
  ]
  return Array.from({length: 20}, () => kinds.map((each) => encode({...signal, destination, ...each}))).flat()
}

describe('a stranger on the bus', () => {
  let world: Simulator
  let bus: Bus
  let name = ''
  let ended: BusError | undefined
  let stranger: Stranger

  before(async () => {
    world = await simulator()
    process.env.DBUS_SYSTEM_BUS_ADDRESS = world.busAddress
    stranger = new Stranger(world.uid('bob'), world.busAddress)
    bus = await Bus.connect({
      onClose(error) {
        ended = error
      },
    })
    world.intercept(({message}) => {
      name = message.sender!
    })
    await bus.call(call)
    world.intercept()
  })
  afterEach(() => world.intercept())
  after(async () => {
    bus.close()
    stranger.close()
    await world.close()
    restoreAddress()
  })

  for (const [what, message] of Object.entries(undecodable)) {
    it(`cannot disturb a connection with ${what}`, async () => {
      await stranger.send(encode({...signal, destination: name, ...message}))
      await sleep(50)
      await bus.call(call)
      assert.equal(ended, undefined)
    })
  }

  it('cannot impersonate the service or the bus', async () => {
    const heard: Signal[] = []
    const end = await bus.subscribe({...signal, sender: service}, (each) => heard.push(each))
    const event = {...signal, body: Buffer.concat([strings('/ab'), uint32(1), uint32(0)]), signature: 'suu'}
    await stranger.send(
      encode({...event, destination: name, sender: service}),
      encode({
        body: strings(service, '', ':1.1'),
        destination: name,
        interface: 'org.freedesktop.DBus',
        member: 'NameOwnerChanged',
        path: '/org/freedesktop/DBus',
        sender: 'org.freedesktop.DBus',
        signature: 'sss',
        type: 4,
      }),
    )
    await sleep(50)
    assert.deepEqual(heard, [])
    await world.startSession('alice', 'cert', {until: 'new'})
    await until('the real signal arrives', () => heard.length > 0)
    await end()
  })

  it('can flood a connection without blocking calls, delaying timers or using up memory', async (t) => {
    const messages = flood(name)
    const end = stranger.flood([Buffer.concat(messages)])
    await sleep(500)
    const before = process.memoryUsage()
    let late = 0
    let last = performance.now()
    const clock = setInterval(() => {
      late = Math.max(late, performance.now() - last - 10)
      last = performance.now()
    }, 10)
    const started = performance.now()
    let calls = 0
    for (; performance.now() - started < 2000; calls++) await bus.call(call)
    clearInterval(clock)
    const time = performance.now() - started + 500
    const sent = (await end()) * messages.length
    const memory = process.memoryUsage().rss - before.rss
    const perSecond = Math.round((sent / time) * 1000)
    t.diagnostic(
      `${perSecond} messages/s, ${calls} calls, a timer ${Math.round(late)} ms late, ${memory / 2 ** 20} MiB`,
    )
    assert.equal(ended, undefined)
    assert.ok(calls >= 10, `${calls} calls`)
    assert.ok(late < 1000, `${late} ms`)
    assert.ok(memory < 2 ** 26, `${memory} bytes`)
  })

  it('can send large messages, even larger when decoded, without blocking calls or using up memory', async () => {
    const elements = 2 ** 21
    const body = Buffer.concat([uint32(elements * 4), Buffer.alloc(elements * 4, '\u0001y\0\u0001', 'latin1')])
    const before = process.memoryUsage().rss
    await stranger.send(...Array.from({length: 4}, () => encode({...signal, body, destination: name, signature: 'av'})))
    const started = performance.now()
    for (let n = 0; n < 10; n++) await bus.call(call)
    assert.ok(performance.now() - started < 5000)
    assert.ok(process.memoryUsage().rss - before < 2 ** 27)
  })

  it('can flood a command, which still lists the sessions', async (t) => {
    world.createSessions(20)
    const quiet = await ovpn3(world, 'alice', ['sessions-list', '--json'])
    let end: (() => Promise<number>) | undefined
    let started = 0
    world.intercept(({message}) => {
      started ||= performance.now()
      end ??= stranger.flood([Buffer.concat(flood(message.sender!))])
      return {overtaken: 50}
    })
    const {status, stderr, stdout, time} = await ovpn3(world, 'alice', ['sessions-list', '--json'])
    const during = performance.now() - started
    const sent = (await end!()) * flood('').length
    t.diagnostic(
      `${Math.round((sent / during) * 1000)} messages/s, ${Math.round(time)} ms instead of ${Math.round(quiet.time)} ms`,
    )
    assert.equal(stderr, '')
    assert.equal(status, 0)
    assert.equal(stdout, quiet.stdout)
  })
})

describe('connection to a faulty bus', () => {
  const driver = 'org.freedesktop.DBus'
  let fake: FakeBus
  let bus: Bus | undefined

  const connect = async (answer: Parameters<typeof daemon>[0]): Promise<Bus> => {
    fake = await FakeBus.open(daemon(answer))
    process.env.DBUS_SYSTEM_BUS_ADDRESS = fake.address
    bus = await Bus.connect()
    return bus
  }

  const fails = (promise: Promise<unknown>, kind: string, text: RegExp) =>
    assert.rejects(promise, (error: BusError) => {
      assert.equal(error.kind, kind)
      assert.match(error.message, text)
      return true
    })

  afterEach(() => {
    bus?.close()
    fake.close()
    restoreAddress()
  })

  it('fails only the call whose reply cannot be decoded', async () => {
    const answers: Partial<WireMessage>[] = [
      {body: uint32(0), signature: 'h'},
      {body: uint32(3), signature: 'u'},
      {body: uint32(3), signature: 'Z'},
      {body: uint32(3), path: 'no path', signature: 'u'},
      {body: uint32(4), signature: 'u'},
    ]
    const own = await connect((_, replySerial) => encode({replySerial, sender: ':1.5', type: 2, ...answers.shift()}))
    const results = await Promise.allSettled(Array.from({length: 5}, () => own.call(call)))
    assert.deepEqual(
      results.map((each) => (each.status === 'fulfilled' ? each.value : (each.reason as BusError).kind)),
      ['remote', [3], 'remote', 'remote', [4]],
    )
  })

  it('is lost when the bus sends bytes that are not D-Bus messages', async () => {
    for (const bytes of [
      'zzzzzzzzzzzzzzzz',
      'l\u0002\u0000\u0009aaaabbbbcccc',
      'l\u0002\u0000\u0001\0\0\0\u0010bbbb\0\0\0\0',
    ]) {
      const own = await connect(() => Buffer.from(bytes, 'latin1'))
      await fails(own.call(call), 'disconnected', /the bus sent invalid data/)
      fake.close()
    }
  })

  it('accepts messages that arrive in pieces', async () => {
    const own = await connect(() => Buffer.alloc(0))
    let serial = 1
    const results = Promise.all([own.call(call), own.call(call)])
    const bytes = Buffer.concat([
      encode({...signal, body: Buffer.alloc(5000), sender: ':1.9', signature: 'ay'}),
      encode({body: uint32(1), replySerial: ++serial, sender: ':1.5', signature: 'u', type: 2}),
      encode({...signal, body: Buffer.alloc(5), sender: ':1.9', signature: 'ay'}),
      encode({body: uint32(2), replySerial: ++serial, sender: ':1.5', signature: 'u', type: 2}),
    ])
    for (let at = 0; at < bytes.length; at += 7) {
      fake.send(bytes.subarray(at, at + 7))
      await new Promise(setImmediate)
    }

    assert.deepEqual(await results, [[1], [2]])
  })

  it('uses the new owner of a name if the reply and a change of the owner arrive together', async () => {
    const change = encode({
      body: strings(service, ':1.5', ':1.6'),
      interface: driver,
      member: 'NameOwnerChanged',
      path: '/org/freedesktop/DBus',
      sender: driver,
      signature: 'sss',
      type: 4,
    })
    const own = await connect((member, replySerial) => {
      if (member !== 'GetNameOwner') return encode({replySerial, sender: driver, type: 2})
      return Buffer.concat([
        encode({body: string(':1.5'), replySerial, sender: driver, signature: 's', type: 2}),
        change,
      ])
    })
    const heard: string[] = []
    await own.subscribe({...signal, sender: service}, ({sender}) => heard.push(sender))
    for (const sender of [':1.5', ':1.6']) fake.send(encode({...signal, sender}))
    await until('the signal of the current owner arrives', () => heard.includes(':1.6'))
    assert.deepEqual(heard, [':1.6'])
  })
})
