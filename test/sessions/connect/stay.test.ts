import {Interruption, Ovpn3Error, type SessionStatus, StatusMinor, stay} from '@ovpn3/sessions'
import assert from 'node:assert/strict'
import {afterEach, beforeEach, describe, it} from 'node:test'

import {FakeSession, FakeSource, statusOf} from '../../support/fake-session'
import {type MockClock, mockClock, settled} from '../../support/mock-clock'

describe('staying with a session', () => {
  let abort: AbortController
  let clock: MockClock
  let session: FakeSession
  let source: FakeSource
  let seen: number[]
  let end: unknown
  const begin = (told: (status: SessionStatus) => Promise<void> | void = () => {}) => {
    stay(session, statusOf(StatusMinor.connected), abort.signal, (status) => {
      seen.push(status.minor)
      return told(status)
    }).then(
      () => {
        end = 'ended'
      },
      (error: unknown) => {
        end = error
      },
    )
  }

  const failure = () => {
    assert.ok(end instanceof Ovpn3Error, String(end))
    return [end.code, end.message] as const
  }

  beforeEach(async () => {
    abort = new AbortController()
    clock = mockClock()
    source = new FakeSource()
    session = new FakeSession(StatusMinor.connected, {source})
    seen = []
    end = undefined
  })
  afterEach(() => clock.reset())

  it('reports each different status until the session is disconnected', async () => {
    begin()
    await settled()
    for (const minor of [
      StatusMinor.connected,
      StatusMinor.reconnecting,
      StatusMinor.reconnecting,
      StatusMinor.connected,
    ])
      session.setStatus(minor)
    await settled()
    assert.deepEqual([seen, end], [[StatusMinor.reconnecting, StatusMinor.connected], undefined])
    for (const minor of [StatusMinor.disconnecting, StatusMinor.disconnected, StatusMinor.done])
      session.setStatus(minor)
    await settled()
    assert.equal(end, 'ended')
    assert.equal(session.calls.at(-1), 'unfollow')
  })

  it('reports a status from before the subscription', async () => {
    session.status = statusOf(StatusMinor.reconnecting)
    begin()
    await settled()
    assert.deepEqual(seen, [StatusMinor.reconnecting])
  })

  it('succeeds if the session is removed after a disconnect, otherwise fails', async () => {
    begin()
    await settled()
    session.setStatus(StatusMinor.disconnected)
    session.tell({type: 'removed'})
    await settled()
    assert.equal(end, 'ended')
    session = new FakeSession(StatusMinor.connected, {source})
    begin()
    await settled()
    session.tell({type: 'removed'})
    await settled()
    assert.deepEqual(failure(), ['failed', 'the session was removed'])
  })

  // systemd restarts the service after a failure, but not after a refusal
  for (const [minor, code] of [
    ['authenticationFailed', 'refused'],
    ['configError', 'refused'],
    ['connectionFailed', 'failed'],
    ['processKilled', 'failed'],
    ['processStopped', 'failed'],
  ] as const)
    it(`fails with the reason of the service: ${minor}`, async () => {
      begin()
      await settled()
      session.setStatus(StatusMinor[minor], 'the server says no')
      await settled()
      assert.deepEqual(failure(), [code, 'the server says no'])
    })

  it('detects a dead backend within 5 s', async () => {
    begin()
    await settled()
    session.fetch = async () => ({errors: {status: new Ovpn3Error('session-stale', 'gone')}, values: {}})
    await clock.pass(4900)
    assert.equal(end, undefined)
    await clock.pass(200)
    assert.deepEqual(failure(), ['failed', 'its backend process is gone'])
  })

  it('ignores a timeout, because the session manager may wait for a hung backend', async () => {
    begin()
    await settled()
    const {fetch} = session
    session.fetch = async () => ({errors: {status: new Ovpn3Error('timeout', 'no answer')}, values: {}})
    await clock.pass(5100)
    assert.equal(end, undefined)
    session.fetch = fetch
    session.status = statusOf(StatusMinor.connectionFailed, 'gave up')
    await clock.pass(5100)
    assert.deepEqual(failure(), ['failed', 'gave up'])
  })

  it('distinguishes the loss of the source from the loss of the session', async () => {
    for (const [event, code] of [
      [{type: 'reset'}, 'service-unavailable'],
      [{error: new Ovpn3Error('disconnected', 'the bus is gone'), type: 'closed'}, 'disconnected'],
    ] as const) {
      session = new FakeSession(StatusMinor.connected, {source})
      begin()
      await settled()
      // the session is removed with it
      source.tell(event)
      session.tell({type: 'removed'})
      await settled()
      assert.equal(failure()[0], code)
    }
  })

  it('ends at once on an interruption, even if the session manager is silent', async () => {
    begin()
    await settled()
    session.silent.add('fetch')
    await clock.pass(6000)
    abort.abort(new Interruption())
    await settled()
    assert.equal(failure()[0], 'interrupted')
    session.silent.add('follow')
    abort = new AbortController()
    begin()
    await settled()
    abort.abort(new Interruption())
    await settled()
    assert.equal(failure()[0], 'interrupted')
  })

  it('rejects with the error of its callback', async () => {
    begin(({minor}) => {
      if (minor === StatusMinor.challenge) throw new Ovpn3Error('input-missing', 'nobody is there')
    })
    await settled()
    session.setStatus(StatusMinor.challenge)
    await settled()
    assert.deepEqual(failure(), ['input-missing', 'nobody is there'])
  })
})
