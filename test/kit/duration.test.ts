import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

import {durationOf} from '../../packages/kit/dist'

describe('durationOf', () => {
  for (const [text, seconds] of [
    ['30', 30],
    ['1.5', 1.5],
    ['10s', 10],
    ['1m30s', 90],
    ['2h', 7200],
    ['1d2h3m4s', 93_784],
    ['1500ms', 1.5],
    ['1s500ms', 1.5],
  ] as const)
    it(`reads ${text} as ${seconds} s`, () => {
      assert.equal(durationOf('timeout', text), seconds)
    })

  for (const text of ['', 'soon', '-1', 's', '10 s', '30s1m', '1x', '1m30', '1e3', '.5'])
    it(`refuses an invalid duration: ${JSON.stringify(text)}`, () => {
      assert.throws(() => durationOf('timeout', text, {hint: 'Omit it'}), {
        code: 'usage',
        hint: 'Pass a duration such as 30, 10s or 1m30s',
        message: `--timeout: "${text}" is not a duration`,
      })
    })

  for (const text of ['0', '0.9', '999ms', '2147484', '25d'])
    it(`refuses a duration out of range: ${text}`, () => {
      assert.throws(() => durationOf('timeout', text, {hint: 'Omit it'}), {
        hint: 'Omit it',
        message: `--timeout: "${text}" is out of range: 1 s to 24 days`,
      })
    })

  it('accepts a shorter duration if the option sets a lower minimum', () => {
    assert.equal(durationOf('watch', '200ms', {min: 0.2}), 0.2)
  })
})
