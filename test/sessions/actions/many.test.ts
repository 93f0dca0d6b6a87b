import type {Session, SessionResult} from '@ovpn3/sessions'

import {runUntilInterrupted} from '@ovpn3/sessions'
import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

import {FakeSession} from '../../support/fake-session'

const sessions = Array.from({length: 60}, (_, i) => new FakeSession(undefined, {id: String(i)}))
const done = ({id, path}: Session): SessionResult => ({
  changed: true,
  config: null,
  id,
  message: 'done',
  outcome: 'done',
  path,
  status: null,
})

describe('an action on many sessions', () => {
  it('runs on each and returns the results in their order', async () => {
    const results = await Promise.all(
      runUntilInterrupted(sessions, async (session) => done(session), new AbortController().signal),
    )
    assert.deepEqual(
      results.map(({id}) => id),
      sessions.map(({id}) => id),
    )
  })

  it('may finish if it started before an interruption, and does not start afterwards', async () => {
    const interruption = new AbortController()
    const begun: (() => void)[] = []
    const act = (session: Session) =>
      new Promise<SessionResult>((resolve) => {
        begun.push(() => resolve(done(session)))
      })
    const results = runUntilInterrupted(sessions, act, interruption.signal)
    const count = begun.length
    assert.ok(count > 0 && count < sessions.length)
    interruption.abort()
    for (const answer of begun) answer()
    const outcomes = (await Promise.all(results)).map(({error, outcome}) => error?.code ?? outcome)
    assert.equal(begun.length, count)
    assert.deepEqual(new Set(outcomes.slice(0, count)), new Set(['done']))
    assert.deepEqual(new Set(outcomes.slice(count)), new Set(['interrupted']))
  })
})
