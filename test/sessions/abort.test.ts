import {Deadline, Interruption, Ovpn3Error, proceed, sleep, unlessAborted, withGrace} from '@ovpn3/sessions'
import assert from 'node:assert/strict'
import {afterEach, beforeEach, describe, it} from 'node:test'

import {silence} from '../support/fake-session'
import {type MockClock, mockClock, settled} from '../support/mock-clock'

let clock: MockClock
let abort: AbortController

beforeEach(() => {
  clock = mockClock()
  abort = new AbortController()
})
afterEach(() => clock.reset())

/** The value or error of a promise so far. */
function outcome(promise: Promise<unknown>): {value?: unknown} {
  const state: {value?: unknown} = {}
  const take = (value: unknown) => {
    state.value = value
  }

  promise.then(take, take)
  return state
}

describe('an abortable promise', () => {
  it('settles like its work', async () => {
    assert.equal(await unlessAborted(Promise.resolve(7), abort.signal), 7)
    await assert.rejects(unlessAborted(Promise.reject(new Error('no')), abort.signal), /no/)
    assert.doesNotThrow(() => proceed(abort.signal))
  })

  it('rejects with the reason of the signal', async () => {
    const reason = new Ovpn3Error('timeout', 'timed out')
    const work = outcome(unlessAborted(silence(), abort.signal))
    abort.abort(reason)
    await settled()
    assert.equal(work.value, reason)
    assert.throws(() => proceed(abort.signal), reason)
  })

  it('is interrupted if the signal has no reason of its own', async () => {
    abort.abort()
    await assert.rejects(unlessAborted(silence(), abort.signal), {code: 'interrupted'})
  })

  it('has a second to finish', async () => {
    const work = outcome(withGrace(silence(), abort.signal))
    abort.abort(new Interruption())
    await clock.pass(900)
    assert.equal(work.value, undefined)
    await clock.pass(200)
    assert.match(String(work.value), /before there was an answer: it may still have taken effect/)
  })

  it('ends a sleep as soon as one of the signals is aborted', async () => {
    const other = new AbortController()
    const slept = outcome(sleep(5000, abort.signal, other.signal).then(() => true))
    await clock.pass(1000)
    assert.equal(slept.value, undefined)
    other.abort()
    await settled()
    assert.equal(slept.value, true)
  })
})

describe('a deadline', () => {
  it('aborts with a timeout when the time is up', async () => {
    const {signal} = new Deadline(abort.signal, 2)
    await clock.pass(1900)
    assert.equal(signal.aborted, false)
    await clock.pass(200)
    assert.equal((signal.reason as Ovpn3Error).code, 'timeout')
  })

  it('stops while the user is prompted', async () => {
    const deadline = new Deadline(abort.signal, 2)
    await clock.pass(1000)
    let answer = () => {}
    const question = deadline.pause(
      () =>
        new Promise<void>((resolve) => {
          answer = resolve
        }),
    )
    await clock.pass(60_000)
    answer()
    await question
    await clock.pass(900)
    assert.equal(deadline.signal.aborted, false)
    await clock.pass(200)
    assert.equal(deadline.signal.aborted, true)
  })

  it('aborts with its parent, for the same reason', async () => {
    const {signal} = new Deadline(abort.signal)
    const reason = new Interruption(true)
    abort.abort(reason)
    assert.equal(signal.reason, reason)
    assert.equal(new Deadline(abort.signal).signal.aborted, true)
  })

  it('never expires after its end', async () => {
    const deadline = new Deadline(abort.signal, 1)
    deadline.end()
    await clock.pass(5000)
    assert.equal(deadline.signal.aborted, false)
  })
})
