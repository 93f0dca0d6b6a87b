import {departureText, Ovpn3Error, type SessionProperties, type SessionState, StatusMinor} from '@ovpn3/sessions'
import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

import {FakeSession, FakeSource, statusOf} from '../support/fake-session'

describe('departureText', () => {
  const session = new FakeSession(StatusMinor.connected, {source: new FakeSource('fake', 1000)})
  const error = new Ovpn3Error('session-stale', 'its backend process is gone')
  const cases: readonly (readonly [text: string, state: SessionState, values: Partial<SessionProperties>])[] = [
    ['disconnected', 'ok', {owner: 1000, status: statusOf(StatusMinor.connected)}],
    ['disconnected', 'ok', {}],
    ['disconnected', 'ok', {owner: 2000, status: statusOf(StatusMinor.disconnecting)}],
    ['failed to authenticate', 'ok', {owner: 1000, status: statusOf(StatusMinor.authenticationFailed)}],
    ['failed to connect', 'ok', {owner: 1000, status: statusOf(StatusMinor.connectionFailed)}],
    ['left the list', 'ok', {owner: 2000, status: statusOf(StatusMinor.connected)}],
    ['lost its backend', 'stale', {}],
    ['stopped responding', 'hung', {}],
    ['became unreachable', 'failed', {}],
  ]
  for (const [text, state, values] of cases)
    it(`is "${text}": ${state}, ${JSON.stringify(values)}`, () => {
      assert.equal(departureText({error: state === 'ok' ? undefined : error, session, state, values}), text)
    })
})
