import {exitStatusOf} from '@ovpn3/sessions'
import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

describe('the exit status', () => {
  it('is that of a single session, or partial failure of several', () => {
    const failed = {error: {code: 'access-denied', message: ''}} as const
    const interrupted = {error: {code: 'interrupted', message: ''}} as const
    assert.equal(exitStatusOf([]), 0)
    assert.equal(exitStatusOf([{}, {}]), 0)
    assert.equal(exitStatusOf([failed]), 5)
    assert.equal(exitStatusOf([{}, failed]), 3)
    assert.equal(exitStatusOf([failed, interrupted]), 130)
  })
})
