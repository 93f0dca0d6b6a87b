import {requestOf} from '@ovpn3/plugin-session-log/dist/request'
import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

describe('the request of session-log', () => {
  it('follows the flags', () => {
    assert.deepEqual(requestOf({}), {goal: undefined, least: 0, logLevel: undefined, timeout: undefined})
    assert.deepEqual(requestOf({level: 'warn', 'log-level': '6', timeout: '30', until: 'connected'}), {
      goal: 'connected',
      least: 5,
      logLevel: 6,
      timeout: 30,
    })
  })

  for (const timeout of ['0', '-1', 'soon', '', '9999999'])
    it(`rejects --timeout ${timeout}`, () => {
      assert.throws(() => requestOf({timeout}), {code: 'usage', message: /^--timeout: /})
    })

  it('rejects an unknown level', () => {
    assert.equal(requestOf({level: '2'}).least, requestOf({level: 'warn'}).least)
    assert.throws(() => requestOf({level: 'wran'}), {
      hint: 'Did you mean: warn',
      message: '--level: invalid level: "wran"',
    })
    assert.throws(() => requestOf({level: 'Warning'}), {hint: 'Did you mean: warn'})
    assert.throws(() => requestOf({level: '15'}), {hint: /^Pass one of debug, .*fatal, or a number from 0 to 6$/})
  })
})
