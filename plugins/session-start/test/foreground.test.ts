import {stayWith} from '@ovpn3/plugin-session-start/dist/foreground'
import {Interruption, Ovpn3Error, type SessionResult, type SessionStatus, StatusMinor} from '@ovpn3/sessions'
import assert from 'node:assert/strict'
import {afterEach, beforeEach, describe, it} from 'node:test'

import {FakeSession, FakeSource, silence, statusOf} from '../../../test/support/fake-session'
import {type MockClock, mockClock, settled} from '../../../test/support/mock-clock'

describe('a session in the foreground', () => {
  let abort: AbortController
  let clock: MockClock
  let end: SessionResult | undefined
  let session: FakeSession
  let source: FakeSource
  let stopping: number
  const begin = (onStatus: (status: SessionStatus) => Promise<void> = async () => {}) => {
    void stayWith(session, {
      from: statusOf(StatusMinor.connected),
      onStatus,
      async onStopping() {
        stopping++
      },
      signal: abort.signal,
    }).then((result) => {
      end = result
    })
  }

  const ends = () => [end?.outcome, end?.message, end?.error?.code, end?.status?.minor]
  const disconnected = () => session.calls.includes('disconnect')

  beforeEach(() => {
    abort = new AbortController()
    clock = mockClock()
    source = new FakeSource()
    session = new FakeSession(StatusMinor.connected, {source})
    end = undefined
    stopping = 0
  })
  afterEach(() => clock.reset())

  it('is disconnected on an interruption, with its final counters', async () => {
    begin()
    await settled()
    abort.abort(new Interruption())
    await settled()
    assert.deepEqual(ends(), ['done', 'disconnected', undefined, StatusMinor.done])
    assert.deepEqual(end?.statistics, {BYTES_IN: 1n})
    assert.deepEqual([disconnected(), stopping], [true, 1])
  })

  it('is disconnected without a long wait if the session manager is silent', async () => {
    begin()
    await settled()
    session.silent.add('*')
    abort.abort(new Interruption())
    await clock.pass(900)
    assert.deepEqual([disconnected(), end], [true, undefined])
    await clock.pass(200)
    assert.deepEqual(ends().slice(0, 3), [
      'failed',
      'interrupted before there was an answer: it may still have taken effect',
      'interrupted',
    ])
  })

  it('counts as disconnected even without its counters', async () => {
    begin()
    await settled()
    session.fetch = silence
    abort.abort(new Interruption())
    await clock.pass(1100)
    assert.deepEqual(ends(), ['done', 'disconnected', undefined, StatusMinor.done])
  })

  it('counts as disconnected if it is already gone', async () => {
    begin()
    await settled()
    session.disconnect = async () => {
      throw new Ovpn3Error('session-not-found', 'no such session')
    }

    abort.abort(new Interruption())
    await settled()
    assert.deepEqual(ends(), ['done', 'disconnected', undefined, StatusMinor.done])
  })

  it('is left connected if the terminal is closed', async () => {
    begin()
    await settled()
    abort.abort(new Interruption(true))
    await settled()
    assert.deepEqual(ends(), ['unchanged', 'left connected: the terminal was closed', undefined, StatusMinor.connected])
    assert.deepEqual([disconnected(), stopping], [false, 0])
  })

  it('ends successfully if another client disconnects it', async () => {
    begin()
    await settled()
    session.setStatus(StatusMinor.done)
    await settled()
    assert.deepEqual(ends(), ['done', 'disconnected', undefined, StatusMinor.done])
    assert.equal(disconnected(), false)
  })

  it('is disconnected if it fails or needs input that is missing', async () => {
    begin(async ({minor}) => {
      if (minor === StatusMinor.challenge)
        throw new Ovpn3Error('input-missing', 'standard input ended', {hint: 'Answer'})
    })
    await settled()
    session.disconnect = async () => {
      throw new Ovpn3Error('timeout', 'silence')
    }

    session.setStatus(StatusMinor.challenge)
    await settled()
    assert.deepEqual(ends(), [
      'failed',
      'ended: standard input ended; the session could not be disconnected',
      'input-missing',
      StatusMinor.challenge,
    ])
    assert.match(end!.error!.hint!, /^Run `ovpn3 disconnect --path /)
  })

  it('is lost with its source', async () => {
    begin()
    await settled()
    source.tell({error: new Ovpn3Error('disconnected', 'the bus is gone'), type: 'closed'})
    await settled()
    assert.deepEqual(ends().slice(0, 3), ['failed', 'ended: the bus is gone', 'disconnected'])
    assert.equal(disconnected(), false)
  })
})
