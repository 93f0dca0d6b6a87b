import {profileLine, resultLines, sessionLine} from '@ovpn3/plugin-session-start/dist/classic'
import {result, StatusMinor} from '@ovpn3/sessions'
import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

import {FakeSession} from '../../../test/support/fake-session'

const connection = {address: null, device: null, name: 'vpn\u001B[31m', server: {host: 'a.b', port: 1, protocol: 'udp'}}

describe('the lines of the reference', () => {
  it('announce the start', () => {
    assert.equal(
      profileLine({from: {name: 'office', path: '/x'}, name: 'office\n'}),
      "Using pre-loaded configuration profile 'office'",
    )
    assert.equal(
      profileLine({from: {content: '', name: './a.ovpn'}, name: './ä.ovpn'}),
      'Using configuration profile from file: ./ä.ovpn',
    )
    assert.equal(sessionLine('/s'), 'Session path: /s')
  })

  it('report the outcome, except a failure', () => {
    const session = new FakeSession(StatusMinor.connected)
    const [line] = resultLines(result(session, 'done', 'connected', {connection}))
    assert.match(line!, /^Connected to a\.b \(vpn/)
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(line!, /\u001B/)
    assert.deepEqual(resultLines(result(session, 'done', 'x')), ['Session is running in the background'])
    for (const outcome of ['failed', 'unchanged'] as const)
      assert.deepEqual(resultLines(result(session, outcome, 'x')), [])
  })
})
