import {accessDenied, isOvpn3Error, Ovpn3Error} from '@ovpn3/sessions'
import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

describe('a denial', () => {
  const hintOf = (...args: Parameters<typeof accessDenied>) => accessDenied(...args).hint

  it('names the owner where that is known', () => {
    assert.equal(hintOf('act'), 'Only its owner and the users the owner granted access may do this')
    assert.equal(
      hintOf('act', {owner: 'bob (uid 1001)'}),
      'Only its owner, bob (uid 1001), and the users the owner granted access may do this',
    )
    const users = 'the users the owner granted access, and root may look at it'
    assert.equal(hintOf('look'), `Only its owner, ${users}`)
    assert.equal(hintOf('look', {owner: 'bob'}), `Only its owner, bob, ${users}`)
  })
})

describe('errors', () => {
  it('are known by their shape, whoever made them', () => {
    assert.ok(isOvpn3Error(new Ovpn3Error('usage', 'x')))
    assert.ok(isOvpn3Error(Object.assign(new Error('x'), {code: 'timeout'})))
    assert.ok(!isOvpn3Error(Object.assign(new Error('x'), {code: 'ENOENT'})))
    assert.ok(!isOvpn3Error({code: 'usage'}))
  })
})
