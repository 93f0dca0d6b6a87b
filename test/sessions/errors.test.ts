import {accessDenied, isOvpn3Error, Ovpn3Error} from '@ovpn3/sessions'
import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

describe('a denial', () => {
  const hintOf = (...args: Parameters<typeof accessDenied>) => accessDenied(...args).hint

  it('names the owner if known', () => {
    assert.equal(hintOf('act'), 'Ask its owner to grant you access')
    assert.equal(hintOf('act', {owner: 'bob (uid 1001)'}), 'Ask its owner, bob (uid 1001), to grant you access')
    assert.equal(hintOf('read'), 'Ask its owner to grant you access, or run the command as root')
    assert.equal(hintOf('read', {owner: 'bob'}), 'Ask its owner, bob, to grant you access, or run the command as root')
  })
})

describe('errors', () => {
  it('are recognized by their shape, whatever module created them', () => {
    assert.ok(isOvpn3Error(new Ovpn3Error('usage', 'x')))
    assert.ok(isOvpn3Error(Object.assign(new Error('x'), {code: 'timeout'})))
    assert.ok(!isOvpn3Error(Object.assign(new Error('x'), {code: 'ENOENT'})))
    assert.ok(!isOvpn3Error({code: 'usage'}))
  })
})
