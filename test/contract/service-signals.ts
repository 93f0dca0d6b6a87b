import assert from 'node:assert/strict'
import {it} from 'node:test'

import {until} from '../support/cli'
import {BACKENDS, METHOD_DENIED, rejects, type Stage} from './service-stage'

const paused = (minor: number) => minor === 14

/** StatusChange and Log, which go to those who asked for them. */
export function signalFacts(stage: Stage): void {
  const pauseAndHear = async (session: string): Promise<void> => {
    await stage.alice.call(session, 'Pause', 's', '')
    await until('told', () => stage.alice.statuses(session).some(([, minor]) => paused(minor)))
  }

  it('without LogForward nobody hears StatusChange or Log, not even the owner', async (t) => {
    if (stage.alone(t)) return
    await stage.alice.listen()
    await stage.bob.listen()
    const session = await stage.begin('alice', 'cert')
    await stage.alice.call(session, 'Pause', 's', '')
    await stage.alice.call(session, 'Resume')
    await stage.alice.reaches(session, 7)
    await stage.alice.call(session, 'Disconnect')
    // what was sent before this event has arrived before it
    for (const caller of [stage.alice, stage.bob]) {
      await until('destroyed', () => caller.events(session).length === 2)
      assert.deepEqual([...caller.signals('StatusChange'), ...caller.signals('Log')], [])
    }
  })

  it('with it they come from the log service to that connection alone', async (t) => {
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

  it('asked for twice, each comes twice', async () => {
    const session = await stage.begin('alice', 'cert')
    await stage.alice.call(session, 'LogForward', 'b', true)
    await stage.alice.call(session, 'LogForward', 'b', true)
    await stage.alice.call(session, 'Pause', 's', '')
    await until('told', () => stage.alice.statuses(session).filter(([, minor]) => paused(minor)).length === 2)
    assert.deepEqual(
      stage.alice.statuses(session).map(([, minor]) => minor),
      [13, 13, 14, 14],
    )
  })

  it('signals of one session only', async () => {
    const one = await stage.begin('alice', 'cert', {until: 'new'})
    const other = await stage.world.startSession('alice', 'cert2', {until: 'new'})
    await stage.alice.call(one, 'LogForward', 'b', true)
    await stage.alice.call(other, 'Pause', 's', '')
    await pauseAndHear(one)
    assert.deepEqual(stage.alice.statuses(other), [])
  })

  it('log_forwards lists a proxy for each listener, and nobody after LogForward(false)', async () => {
    const session = await stage.begin('alice', 'cert', {until: 'new'})
    await stage.alice.call(session, 'LogForward', 'b', true)
    const forwards = await stage.alice.get<string[]>(session, 'log_forwards')
    assert.equal(forwards.length, 1)
    assert.match(forwards[0]!, /^\/net\/openvpn\/v3\/log\/proxy\/./)
    await stage.alice.call(session, 'LogForward', 'b', true)
    assert.equal((await stage.alice.get<string[]>(session, 'log_forwards')).length, 1)
    await stage.alice.call(session, 'LogForward', 'b', false)
    assert.deepEqual(await stage.alice.get(session, 'log_forwards'), [])
  })

  it('a granted user may listen once restrict_log_access is off', async (t) => {
    if (stage.alone(t)) return
    const session = await stage.begin('alice', 'cert', {until: 'new'})
    await stage.world.grant(session, 'bob')
    await rejects(stage.bob.call(session, 'LogForward', 'b', true), METHOD_DENIED)
    await stage.alice.set(session, 'restrict_log_access', 'b', false)
    await stage.bob.call(session, 'LogForward', 'b', true)
    assert.equal((await stage.alice.get<string[]>(session, 'log_forwards')).length, 1)
    await stage.alice.call(session, 'Pause', 's', '')
    await until('told', () => stage.bob.statuses(session).some(([, minor]) => paused(minor)))
    assert.deepEqual(stage.alice.statuses(session), [])
  })

  it('a stranger may not listen, whatever restrict_log_access says', async (t) => {
    if (stage.alone(t)) return
    const session = await stage.borrow('alice', 'cert', {until: 'new'})
    await rejects(stage.bob.call(session, 'LogForward', 'b', true), METHOD_DENIED)
    await stage.alice.set(session, 'restrict_log_access', 'b', false)
    for (const caller of [stage.bob, stage.root]) {
      await rejects(caller.call(session, 'LogForward', 'b', true), METHOD_DENIED)
    }
  })

  it('with public access a stranger may listen once restrict_log_access is off', async (t) => {
    if (stage.alone(t)) return
    const session = await stage.begin('alice', 'cert', {until: 'new'})
    await stage.world.setPublicAccess(session, true)
    await rejects(stage.bob.call(session, 'LogForward', 'b', true), METHOD_DENIED)
    await stage.alice.set(session, 'restrict_log_access', 'b', false)
    await stage.bob.call(session, 'LogForward', 'b', true)
    await stage.alice.call(session, 'Pause', 's', '')
    await until('told', () => stage.bob.statuses(session).some(([, minor]) => paused(minor)))
  })

  it('everybody hears of sessions made and gone', async (t) => {
    if (stage.alone(t)) return
    await stage.bob.listen()
    const session = await stage.begin('alice', 'cert', {until: 'new'})
    await until('created', () => stage.bob.events(session).length > 0)
    await stage.alice.call(session, 'Disconnect')
    await until('destroyed', () => stage.bob.events(session).length > 1)
    const alice = stage.world.uid('alice')
    assert.deepEqual(stage.bob.events(session), [
      [1, alice],
      [2, alice],
    ])
  })
}
