import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

import {waitOf} from '../../packages/kit/dist'

const forever = Number.POSITIVE_INFINITY

describe('wait for a connection', () => {
  it('follows the flags', () => {
    assert.deepEqual(waitOf({timeout: '5'}, false), {keep: false, timeout: 5, wait: 'required'})
    assert.deepEqual(waitOf({keep: true, wait: true}, true), {keep: true, timeout: forever, wait: 'required'})
    assert.deepEqual(waitOf({background: true}, true), {keep: false, timeout: forever, wait: 'never'})
  })

  it('lasts 30 s on a terminal by default, otherwise until the outcome of a login', () => {
    assert.deepEqual(waitOf({}, true), {keep: false, timeout: 30, wait: 'default'})
    assert.deepEqual(waitOf({}, false), {keep: false, timeout: forever, wait: 'login'})
  })

  for (const timeout of ['soon', '0', '-1', '2147484', ''])
    it(`accepts only durations within the range of timers: not ${JSON.stringify(timeout)}`, () => {
      assert.throws(() => waitOf({timeout}, true), {
        code: 'usage',
        hint: /^\d+$/.test(timeout)
          ? 'Pass --wait to wait without a limit'
          : 'Pass a duration such as 30, 10s or 1m30s',
      })
    })
})
