import assert from 'node:assert/strict'
import {it} from 'node:test'

import {SessionManager} from '../../src/lib/openvpn3'
import {until} from '../support/cli'
import {backendRefused, BACKENDS, METHOD_DENIED, rejects, type Stage} from './service-stage'

const paused = (minor: number) => minor === 14

/** StatusChange and Log, which only subscribers receive. */
export function signalFacts(stage: Stage): void {
  const pauseAndHear = async (session: string): Promise<void> => {
    await stage.alice.call(session, 'Pause', 's', '')
    await until('the signals arrive', () => stage.alice.statuses(session).some(([, minor]) => paused(minor)))
  }

  it('a stranger may not subscribe, whatever restrict_log_access says', async (t) => {
    if (stage.alone(t)) return
    const session = await stage.borrow('alice', 'cert', {until: 'new'})
    await rejects(stage.bob.call(session, 'LogForward', 'b', true), METHOD_DENIED)
    await stage.alice.set(session, 'restrict_log_access', 'b', false)
    for (const caller of [stage.bob, stage.root]) {
      await rejects(caller.call(session, 'LogForward', 'b', true), METHOD_DENIED)
    }
  })

  it('without LogForward, sessions created and removed are broadcast; StatusChange and Log are not', async (t) => {
    if (stage.alone(t)) return
    await stage.alice.listen()
    await stage.bob.listen()
    const session = await stage.begin('alice', 'cert')
    await stage.alice.call(session, 'Pause', 's', '')
    await stage.alice.call(session, 'Resume')
    await stage.alice.reaches(session, 7)
    await stage.alice.call(session, 'Disconnect')
    // everything sent before this event has arrived
    for (const caller of [stage.alice, stage.bob]) {
      await until('destroyed', () => caller.events(session).length === 2)
      assert.deepEqual(caller.events(session), [
        [1, stage.world.uid('alice')],
        [2, stage.world.uid('alice')],
      ])
      assert.deepEqual([...caller.signals('StatusChange'), ...caller.signals('Log')], [])
    }
  })

  it('with LogForward, StatusChange and Log come from the log service, to that connection only', async (t) => {
    if (stage.alone(t)) return
    await stage.bob.listen()
    const session = await stage.begin('alice', 'cert')
    await stage.alice.call(session, 'LogForward', 'b', true)
    await pauseAndHear(session)
    const log = await stage.alice.ownerOf('net.openvpn.v3.log')
    const heard = [...stage.alice.signals('StatusChange'), ...stage.alice.signals('Log')]
    for (const signal of heard) {
      assert.equal(signal.interface, BACKENDS)
      assert.equal(signal.path, session)
      assert.equal(signal.sender, log)
      assert.ok(signal.destination)
    }

    assert.equal(stage.alice.signals('Log').length > 0, true)
    for (const {body} of stage.alice.signals('Log')) {
      assert.deepEqual(
        body.map((value) => typeof value),
        ['number', 'number', 'string'],
      )
    }

    assert.deepEqual(stage.bob.signals('StatusChange'), [])
  })

  it('log lines of a backend do not depend on log_verbosity, which Connect sets from the profile', async () => {
    const session = await stage.begin('alice', 'cert', {until: 'new'})
    assert.equal(await stage.alice.get(session, 'log_verbosity'), 6)
    await stage.alice.call(session, 'Connect')
    await stage.alice.reaches(session, 7)
    assert.equal(await stage.alice.get(session, 'log_verbosity'), 3)
    await stage.alice.call(session, 'LogForward', 'b', true)
    const logged: unknown[][] = []
    for (const level of [0, 6]) {
      await stage.alice.set(session, 'log_verbosity', 'u', level)
      stage.alice.forget()
      await stage.alice.call(session, 'Pause', 's', '')
      await until('paused', () => stage.alice.statuses(session).some(([, minor]) => paused(minor)))
      await stage.alice.call(session, 'Resume')
      await until('connected', () => stage.alice.statuses(session).some(([, minor]) => minor === 7))
      await until('logged', () => stage.alice.signals('Log', session).length > 0)
      logged.push(stage.alice.signals('Log', session).map(({body}) => body.slice(0, 2)))
    }

    assert.deepEqual(logged[1], logged[0])
  })

  it('a second LogForward duplicates each signal, even after LogForward(false); log_forwards lists one proxy, then none', async () => {
    const session = await stage.begin('alice', 'cert')
    await stage.alice.call(session, 'LogForward', 'b', true)
    const forwards = await stage.alice.get<string[]>(session, 'log_forwards')
    assert.equal(forwards.length, 1)
    assert.match(forwards[0]!, /^\/net\/openvpn\/v3\/log\/proxy\/./)
    await stage.alice.call(session, 'LogForward', 'b', true)
    assert.equal((await stage.alice.get<string[]>(session, 'log_forwards')).length, 1)
    await stage.alice.call(session, 'Pause', 's', '')
    await until(
      'the signals arrive',
      () => stage.alice.statuses(session).filter(([, minor]) => minor === 14).length === 2,
    )
    assert.deepEqual(
      stage.alice.statuses(session).map(([, minor]) => minor),
      [13, 13, 14, 14],
    )
    await stage.alice.call(session, 'LogForward', 'b', false)
    assert.deepEqual(await stage.alice.get(session, 'log_forwards'), [])
    await stage.alice.call(session, 'Resume')
    await until(
      'the signals arrive',
      () => stage.alice.statuses(session).filter(([, minor]) => minor === 7).length === 2,
    )
  })

  it('two followers of one connection get each status once, even after one ends', async () => {
    // the user who runs this test
    const user = process.getuid!() === 0 ? 'root' : 'alice'
    const session = await stage.begin(user, 'cert')
    const address = process.env.DBUS_SYSTEM_BUS_ADDRESS
    process.env.DBUS_SYSTEM_BUS_ADDRESS = stage.world.busAddress
    const source = new SessionManager()
    try {
      const [followed] = await source.find({kind: 'path', path: session}, ['status'])
      const heard: [number[], number[]] = [[], []]
      const hear = (i: 0 | 1) =>
        followed!.follow((event) => {
          if (event.type === 'status') heard[i].push(event.status.minor)
        })
      const [end, other] = [await hear(0), await hear(1)]
      assert.deepEqual([end.live, other.live], [true, true])
      const forwards = () => stage.as(user).get<string[]>(session, 'log_forwards')
      assert.equal((await forwards()).length, 1)
      await followed!.pause('')
      await until('paused', () => heard.every((minors) => minors.includes(14)))
      assert.deepEqual(heard, [
        [13, 14],
        [13, 14],
      ])
      await end()
      assert.deepEqual([other.live, (await forwards()).length], [true, 1])
      await followed!.resume()
      await until('connected', () => heard[1].includes(7))
      assert.equal(heard[0].length, 2)
      assert.deepEqual(
        heard[1].filter((minor) => minor === 7),
        [7],
      )
      await other()
      assert.deepEqual(await forwards(), [])
    } finally {
      await source.close()
      if (address === undefined) delete process.env.DBUS_SYSTEM_BUS_ADDRESS
      else process.env.DBUS_SYSTEM_BUS_ADDRESS = address
    }
  })

  it('a granted user may subscribe once restrict_log_access is off', async (t) => {
    if (stage.alone(t)) return
    const session = await stage.begin('alice', 'cert', {until: 'new'})
    await stage.world.grant(session, 'bob')
    await rejects(stage.bob.call(session, 'LogForward', 'b', true), METHOD_DENIED)
    await stage.alice.set(session, 'restrict_log_access', 'b', false)
    await stage.bob.call(session, 'LogForward', 'b', true)
    assert.equal((await stage.alice.get<string[]>(session, 'log_forwards')).length, 1)
    await stage.alice.call(session, 'Pause', 's', '')
    await until('the signals arrive', () => stage.bob.statuses(session).some(([, minor]) => paused(minor)))
    assert.deepEqual(stage.alice.statuses(session), [])
  })

  it('a stranger may subscribe to a public session once restrict_log_access is off', async (t) => {
    if (stage.alone(t)) return
    const session = await stage.begin('alice', 'cert', {until: 'new'})
    await stage.world.setPublicAccess(session, true)
    await rejects(stage.bob.call(session, 'LogForward', 'b', true), METHOD_DENIED)
    await stage.alice.set(session, 'restrict_log_access', 'b', false)
    await stage.bob.call(session, 'LogForward', 'b', true)
    await stage.alice.call(session, 'Pause', 's', '')
    await until('the signals arrive', () => stage.bob.statuses(session).some(([, minor]) => paused(minor)))
  })

  it('LogForward starts a new log service after one was killed, which does not know earlier sessions', async () => {
    const session = await stage.begin('alice', 'cert')
    await stage.alice.call(session, 'LogForward', 'b', true)
    await stage.world.killLogService()
    await rejects(stage.alice.call(session, 'LogForward', 'b', true), backendRefused('No session available'))
    assert.equal(await stage.alice.hasOwner('net.openvpn.v3.log'), true)
    const later = await stage.begin('alice', 'cert2')
    await stage.alice.call(later, 'LogForward', 'b', true)
    await pauseAndHear(later)
  })
}
