import {toJson} from '@ovpn3/sessions'
import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

describe('JSON', () => {
  it('keeps all digits of 64-bit integers', () => {
    assert.equal(toJson({a: 9_223_372_036_854_775_807n, b: [-1n], c: 3}), '{"a":9223372036854775807,"b":[-1],"c":3}')
  })

  it('escapes control characters without losing any', () => {
    const value = {text: 'a\u001B[31m\u009B\u202E\u2028\u007F"12"'}
    const json = toJson(value)
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(json, /[\u0000-\u001F\u007F-\u009F\u2028\u202E]/)
    assert.deepEqual(JSON.parse(json), value)
  })
})
