import {StatusMinor, stay} from '@ovpn3/sessions'
import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

import {until} from '../../support/cli'
import {FakeSession} from '../../support/fake-session'

const {authenticationFailed, configError, connected, connectionFailed, processKilled, processStopped} = StatusMinor

describe('a session that is stayed with', () => {
  // a service manager starts it anew after a failure, and not after a refusal
  for (const [minor, code, message] of [
    [authenticationFailed, 'refused', 'authentication failed'],
    [configError, 'refused', 'configuration error'],
    [connectionFailed, 'failed', 'connection failed'],
    [processKilled, 'failed', 'process killed'],
    [processStopped, 'failed', 'process stopped'],
  ] as const)
    it(`ends as ${code}: ${message}`, async () => {
      const session = new FakeSession(connected)
      const staying = stay(session, session.status, new AbortController().signal, () => {})
      const ended = assert.rejects(staying, {code, message})
      await until('it is followed', () => session.followed)
      session.turn(minor)
      await ended
    })
})
