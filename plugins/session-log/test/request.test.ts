import {requestOf} from '@ovpn3/plugin-session-log/dist/request'
import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

describe('the request for a log', () => {
  it('is what the flags say', () => {
    assert.deepEqual(requestOf({}), {goal: undefined, least: 0, logLevel: undefined, timeout: undefined})
    assert.deepEqual(requestOf({level: 'warn', 'log-level': '6', timeout: '30', until: 'connected'}), {
      goal: 'connected',
      least: 5,
      logLevel: 6,
      timeout: 30,
    })
  })

  for (const timeout of ['0', '-1', '1.5', 'soon', '', '9999999'])
    it(`has no --timeout ${timeout}`, () => {
      assert.throws(() => requestOf({timeout}), {code: 'usage', message: /^--timeout: /})
    })
})
