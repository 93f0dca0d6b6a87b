import {Message, type MessageBus, Variant} from 'dbus-next'
import assert from 'node:assert/strict'
import {spawn} from 'node:child_process'
import {existsSync} from 'node:fs'
import {join} from 'node:path'
import {after, afterEach, before, describe, test} from 'node:test'
import {setTimeout as sleep} from 'node:timers/promises'

import {until} from '../support/cli'
import {PrivateBus} from './bus'
import {connect, disconnect} from './connection'
import {CONFIGURATION, PROPERTIES, SESSIONS} from './names'
import {type Simulator, simulator, userPassword} from './simulator'

const MANAGER = '/net/openvpn/v3/sessions'
const socket = (address: string) => address.slice('unix:path='.length)

/** A client that sends raw messages and records the signals that it receives. */
class Client {
  readonly signals: Message[] = []

  private constructor(readonly bus: MessageBus) {}

  static async of(address: string): Promise<Client> {
    const client = new Client(await connect(address))
    client.bus.on('message', (message) => {
      if (message.type === 4 && message.sender !== 'org.freedesktop.DBus') client.signals.push(message)
    })
    return client
  }

  async call(path: string, member: string, signature = '', body: unknown[] = []): Promise<unknown[]> {
    const message = new Message({body, destination: SESSIONS, interface: SESSIONS, member, path, signature})
    return (await this.bus.call(message))!.body
  }

  async get(path: string, property: string, service = SESSIONS): Promise<unknown> {
    const body = [service, property]
    const message = new Message({
      body,
      destination: service,
      interface: PROPERTIES,
      member: 'Get',
      path,
      signature: 'ss',
    })
    return ((await this.bus.call(message))!.body[0] as Variant).value
  }

  statuses(): unknown[] {
    return this.signals.filter(({member}) => member === 'StatusChange').map(({body}) => body)
  }

  close(): Promise<void> {
    return disconnect(this.bus)
  }
}

const error = (type: string, text: string | RegExp) => ({text, type})
const unknownObject = (path: string) =>
  error('org.freedesktop.DBus.Error.UnknownMethod', `Object does not exist at path “${path}”`)
const vanished = (path: string) =>
  error(
    'org.freedesktop.DBus.Error.UnknownMethod',
    `No such interface “org.freedesktop.DBus.Properties” on object at path ${path}`,
  )
const noBackend = error('org.freedesktop.DBus.Error.Failed', 'Backend VPN process did not respond')
const noBackendForMethod = {text: 'GDBus.Error:net.openvpn.gdbuspp: Backend VPN process did not respond'}

/** Waits until the service's objects exist. */
const answers = (call: () => Promise<unknown>) =>
  until('the objects exist', () =>
    call().then(
      () => true,
      () => false,
    ),
  )

/** Type and text of a call's error reply. */
function reason(result: PromiseSettledResult<unknown>): unknown {
  assert.equal(result.status, 'rejected')
  const {text, type} = (result as PromiseRejectedResult).reason as {text: string; type: string}
  return {text, type}
}

describe('private bus', () => {
  test('starts and stops without leaving files behind', async () => {
    const bus = await PrivateBus.start()
    const client = await connect(bus.address)
    await disconnect(client)
    await bus.stop()
    assert.equal(existsSync(socket(bus.address)), false)
    await bus.stop()
  })

  test('reports a missing dbus-daemon', async () => {
    const path = process.env.PATH
    process.env.PATH = '/nonexistent'
    try {
      await assert.rejects(PrivateBus.start(), /requires `dbus-daemon`, which is not installed/)
    } finally {
      process.env.PATH = path
    }
  })

  test('stops when its process is killed', async () => {
    const main = spawn(process.execPath, [join(__dirname, 'main.js'), '--scenario', 'empty'])
    const [line] = (await new Promise<string>((resolve) => {
      main.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString()))
    }).then((text) => text.split('\n'))) as [string]
    const path = socket(line.slice('DBUS_SYSTEM_BUS_ADDRESS='.length))
    assert.equal(existsSync(path), true)
    main.kill('SIGKILL')
    await until('the socket is removed', () => !existsSync(path))
  })
})

for (const version of ['27.1', '24.1'] as const) {
  describe(`simulator ${version}`, () => {
    let world: Simulator
    let client: Client
    const reaches = (path: string, minor: number) =>
      until(`${path} reaches status ${minor}`, () => world.status(path)[1] === minor)

    before(async () => {
      world = await simulator({me: true, timings: {connectTimeout: 60, hung: 1000}, version})
      client = await Client.of(world.busAddress)
    })
    after(async () => {
      await client.close()
      await world.close()
    })
    afterEach(async () => {
      await world.reset()
      client.signals.length = 0
    })

    test('connects a session and signals its status to subscribers', async () => {
      const path = await world.startSession('alice', 'cert', {until: 'new'})
      await client.call(path, 'LogForward', 'b', [true])
      await client.call(path, 'Connect')
      await until('all status changes are signalled', () => client.statuses().length >= 4)
      assert.deepEqual(client.statuses(), [
        [2, 2, `config_path=${world.profilePath('alice', 'cert')}`],
        [2, 6, ''],
        [2, 6, ''],
        [2, 7, ''],
      ])
      assert.deepEqual(await client.get(path, 'status'), [2, 7, ''])
      assert.deepEqual(world.subscribers(path), [client.bus.name])
    })

    test('requests input and refuses a wrong password', async () => {
      const path = await world.startSession('alice', 'pass', {until: 'new'})
      const ready = {
        text: 'GDBus.Error:net.openvpn.v3.error.ready: Missing user credentials',
        type: 'org.gtk.GDBus.UnmappedGError.Quark._net_2eopenvpn_2ev3_2eerror_2eready.Code36',
      }
      await assert.rejects(client.call(path, 'Ready'), ready)
      assert.deepEqual(await client.call(path, 'UserInputQueueGetTypeGroup'), [[[1, 1]]])
      assert.deepEqual(await client.call(path, 'UserInputQueueFetch', 'uuu', [1, 1, 1]), [
        1,
        1,
        1,
        'password',
        'Auth Password',
        true,
      ])
      await client.call(path, 'UserInputProvide', 'uuus', [1, 1, 0, 'vpnuser'])
      await client.call(path, 'UserInputProvide', 'uuus', [1, 1, 1, 'wrong'])
      await client.call(path, 'Ready')
      await client.call(path, 'Connect')
      await reaches(path, 11)
      assert.deepEqual(await client.get(path, 'status'), [2, 11, 'Authentication failed'])
      assert.deepEqual(world.answers(path), {password: 'wrong', username: 'vpnuser'})
    })

    test('requests input again if the server sends a challenge while connecting', async () => {
      const challenge = {answer: '4711', question: 'Enter the code'}
      world.addProfile('alice', 'otp', {...userPassword('u', 'p'), challenge})
      const path = await world.startProfile('alice', 'otp', {until: 'started'})
      await reaches(path, 4)
      assert.deepEqual(await client.get(path, 'status'), [2, 4, 'Enter the code'])
      assert.deepEqual(await client.call(path, 'UserInputQueueGetTypeGroup'), [[[1, 5]]])
      await client.call(path, 'UserInputProvide', 'uuus', [1, 5, 0, '4711'])
      await client.call(path, 'Ready')
      await client.call(path, 'Connect')
      await reaches(path, 7)
      assert.deepEqual(await client.get(path, 'status'), [2, 7, ''])
    })

    test('removes a stale session on the first read', async () => {
      const path = await world.startSession('alice', 'cert')
      await world.killBackend(path)
      assert.deepEqual(await client.call(MANAGER, 'FetchAvailableSessions'), [[path]])
      const [first, second, third] = await Promise.allSettled([
        client.get(path, 'status'),
        client.get(path, 'owner'),
        client.get(path, 'nope'),
      ])
      assert.deepEqual(reason(first), noBackend)
      // These calls arrived before the session was removed, so their error differs from that of a later call.
      assert.deepEqual(reason(second), vanished(path))
      assert.deepEqual(reason(third), error('org.freedesktop.DBus.Error.InvalidArgs', 'No such property “nope”'))
      await assert.rejects(client.get(path, 'status'), unknownObject(path))
    })

    test('blocks every call while a read waits for a hung backend', async () => {
      const path = await world.startSession('alice', 'cert')
      const other = await world.startSession('alice', 'cert2')
      await world.stopBackend(path)
      const start = Date.now()
      const hung = client.get(path, 'status')
      const waiting = [client.get(other, 'status'), client.call(other, 'Ready'), client.get(MANAGER, 'version')]
      const ends = waiting.map((call) => call.then(() => Date.now() - start))
      await assert.rejects(client.get(path, 'nope'), {text: 'No such property “nope”'})
      assert.equal((await world.sessions()).length, 2, 'while the call still waits')
      await assert.rejects(hung, noBackend)
      for (const end of await Promise.all(ends)) assert.ok(end >= 990, `${end} ms`)
    })

    test('blocks methods but not reads while a method waits for a hung backend', async () => {
      const path = await world.startSession('alice', 'cert')
      const other = await world.startSession('alice', 'cert2')
      await world.stopBackend(path)
      const start = Date.now()
      const hung = client.call(path, 'Ready')
      const listed = client.call(MANAGER, 'FetchAvailableSessions').then(() => Date.now() - start)
      assert.deepEqual(await client.get(other, 'status'), [2, 7, ''])
      await client.get(MANAGER, 'version')
      assert.equal((await world.sessions()).length, 2, 'while the call still waits')
      await sleep(20)
      const read = client.get(path, 'status')
      await assert.rejects(hung, noBackendForMethod)
      assert.ok((await listed) >= 990)
      // The read waited for its own time limit, even after the method removed the session.
      await assert.rejects(read, noBackend)
      assert.ok(Date.now() - start >= 1010)
    })

    test('releases the callers that wait for a hung backend when the backend is killed', async () => {
      const path = await world.startSession('alice', 'cert')
      await world.stopBackend(path)
      world.timings.hung = 60_000
      const hung = client.get(path, 'status')
      await until('the read waits', () => world.calls.byMember.has('Get status'))
      await world.killBackend(path)
      await assert.rejects(hung, noBackend)
    })

    test('waits for a backend that starts to hang during a method call', async () => {
      const path = await world.startSession('alice', 'cert')
      Object.assign(world.timings, {hung: 600, method: 1000})
      const asked = client.call(path, 'Ready')
      await client.get(MANAGER, 'version')
      await world.stopBackend(path)
      const start = Date.now()
      await assert.rejects(asked, noBackendForMethod)
      assert.ok(Date.now() - start >= 590)
    })

    test('answers reads that directly follow a method first, but holds them during a disconnect', async () => {
      const path = await world.startSession('alice', 'cert')
      Object.assign(world.timings, {disconnecting: 1000, method: 30, pauseCount: 1000})
      const order: unknown[] = []
      const read = (property: string) => client.get(path, property).then((value) => order.push(value))
      await Promise.all([client.call(path, 'Pause', 's', ['']).then(() => order.push('paused')), read('status')])
      assert.deepEqual(order, [[2, 7, ''], 'paused'])
      assert.deepEqual(await client.get(path, 'status'), [2, 14, ''])
      const counted = async () => (await client.get(path, 'statistics')) as Record<string, bigint>
      assert.equal((await counted()).N_PAUSE, undefined)
      await until('the pause is counted', async () => (await counted()).N_PAUSE === 1n)
      await client.call(path, 'Resume')
      await reaches(path, 7)
      const gone = client.call(path, 'Disconnect')
      await reaches(path, 8)
      const [during, after] = await Promise.allSettled([client.get(path, 'status'), client.get(path, 'status'), gone])
      assert.deepEqual(during, {status: 'fulfilled', value: [3, 28, 'Session closed']})
      assert.deepEqual(reason(after), vanished(path))
    })

    test('answers reads while it creates a session', async () => {
      const path = await world.startSession('alice', 'cert')
      world.timings.newTunnel = 1500
      const start = Date.now()
      const made = client.call(MANAGER, 'NewTunnel', 'o', [world.profilePath('alice', 'cert2')])
      const listed = client.call(MANAGER, 'FetchAvailableSessions').then(() => Date.now() - start)
      await client.get(path, 'status')
      assert.ok(Date.now() - start < 1400)
      await made
      assert.ok((await listed) >= 1490)
    })

    test('hangs the backend at a second Connect while connecting', async () => {
      const path = await world.startSession('alice', 'dead', {until: 'started'})
      await assert.rejects(client.call(path, 'Connect'), {
        text: 'GDBus.Error:net.openvpn.gdbuspp.request: Timeout was reached',
      })
      await assert.rejects(client.get(path, 'status'), noBackend)
    })

    test('is started by the bus, and its objects do not exist for the first call', async () => {
      await world.startSession('alice', 'cert')
      await world.coldStart()
      await assert.rejects(client.call(MANAGER, 'FetchAvailableSessions'), unknownObject(MANAGER))
      await answers(() => client.call(MANAGER, 'FetchAvailableSessions'))
      assert.deepEqual(await client.call(MANAGER, 'FetchAvailableSessions'), [[]])
      await world.coldStart()
      await world.startSession('alice', 'cert')
      assert.equal((await client.call(MANAGER, 'FetchAvailableSessions')).length, 1)
    })

    test('has a configuration manager that the bus starts in the same way', async () => {
      const profile = world.profilePath('alice', 'cert')
      assert.equal(await client.get(profile, 'name', CONFIGURATION), 'cert')
      await world.coldStartConfigurations()
      await assert.rejects(client.get(profile, 'name', CONFIGURATION), unknownObject(profile))
      await answers(() => client.get(profile, 'name', CONFIGURATION))
      world.renameProfile(profile, 'büro\u001B[31m')
      assert.equal(await client.get(profile, 'name', CONFIGURATION), 'büro\u001B[31m')
      world.deleteProfile(profile)
      await assert.rejects(client.get(profile, 'name', CONFIGURATION), unknownObject(profile))
    })

    test('can crash during a call and start again', async () => {
      const path = await world.startSession('alice', 'cert')
      world.intercept(({message}) => (message.member === 'Pause' ? 'crash' : undefined))
      await assert.rejects(client.call(path, 'Pause', 's', ['']), {type: 'org.freedesktop.DBus.Error.NoReply'})
      await assert.rejects(client.call(MANAGER, 'FetchAvailableSessions'), unknownObject(MANAGER))
    })

    test('can ignore a call, delay a reply, and return wrong values', async () => {
      const path = await world.startSession('alice', 'cert')
      world.intercept(({message}) => (message.body[1] === 'status' ? 'ignore' : {delay: 30}))
      const silent = client.get(path, 'status').then(() => 'answered')
      const start = Date.now()
      await client.get(path, 'owner')
      assert.ok(Date.now() - start >= 29)
      assert.equal(await Promise.race([silent, sleep(50, 'silent')]), 'silent')
      world.intercept()
      world.failProperty(path, 'device_name')
      world.breakProperty(path, 'owner', new Variant('s', 'somebody'))
      world.breakProperty(path, 'connected_to', 'missing')
      world.setStatus(path, [9, 99, 'from the future'])
      await assert.rejects(client.get(path, 'device_name'), {type: 'org.freedesktop.DBus.Error.Failed'})
      assert.equal(await client.get(path, 'owner'), 'somebody')
      await assert.rejects(client.get(path, 'connected_to'), {text: 'No such property “connected_to”'})
      assert.deepEqual(await client.get(path, 'status'), [9, 99, 'from the future'])
    })

    test('serves one read for each of 1,000 sessions within seconds', async () => {
      const paths = world.createSessions(1000)
      world.calls.reset()
      const [listed] = (await client.call(MANAGER, 'FetchAvailableSessions')) as [string[]]
      assert.deepEqual(listed, [...paths].sort())
      const start = Date.now()
      const owners: unknown[] = []
      // A bus limits each connection to 128 pending replies and refuses further calls.
      for (let index = 0; index < listed.length; index += 100) {
        const slice = listed.slice(index, index + 100)
        owners.push(...(await Promise.all(slice.map((path) => client.get(path, 'owner')))))
      }

      const took = Date.now() - start
      assert.equal(new Set(owners).size, 1)
      assert.ok(took < 10_000, `${took} ms`)
      assert.equal(world.calls.byMember.get('Get owner'), 1000)
      assert.equal(world.calls.total, 1001)
    })
  })
}

describe('simulator with its own bus', () => {
  test('crashes on 24.1 when an interface is looked up while a session is stale', async () => {
    const world = await simulator({me: true, version: '24.1'})
    const client = await Client.of(world.busAddress)
    const path = await world.startSession('alice', 'cert')
    await world.killBackend(path)
    await assert.rejects(client.call(MANAGER, 'LookupInterface', 's', ['tun0']), {
      type: 'org.freedesktop.DBus.Error.NoReply',
    })
    assert.deepEqual(await world.sessions(), [])
    await client.close()
    await world.close()
  })

  test('limits each connection to 128 pending replies, as the system bus does', async () => {
    const world = await simulator({me: true})
    const client = await Client.of(world.busAddress)
    const path = await world.startSession('alice', 'cert')
    world.intercept(() => 'ignore')
    // Only the bus replies here, so the first call that settles is the one over the limit.
    const [result] = await Promise.allSettled([
      Promise.race(Array.from({length: 160}, () => client.get(path, 'owner'))),
    ])
    const limit = 'The maximum number of pending replies per connection has been reached'
    assert.deepEqual(reason(result!), error('org.freedesktop.DBus.Error.LimitsExceeded', limit))
    await client.close()
    await world.close()
  })

  test('survives the death of its bus', async () => {
    const world = await simulator()
    const client = await Client.of(world.busAddress)
    await world.killBus()
    await assert.rejects(connect(world.busAddress))
    await client.close()
    await world.close()
  })
})
