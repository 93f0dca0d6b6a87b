import {errorOn, hintOn, Ovpn3Error} from '@ovpn3/sessions'
import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

describe('hint on a host', () => {
  it('runs a command there, and passes --host to ovpn3', () => {
    assert.equal(hintOn('gw1', 'Run `systemctl status dbus`'), 'Run `ssh gw1 systemctl status dbus`')
    assert.equal(hintOn('admin@gw1:22', 'Run `id`'), 'Run `ssh -p 22 admin@gw1 id`')
    assert.equal(hintOn('gw1', 'Run `ovpn3 log office` now'), 'Run `ovpn3 log --host gw1 office` now')
    assert.equal(
      hintOn('gw1', 'Run `ovpn3 pause` or `ovpn3 resume`'),
      'Run `ovpn3 pause --host gw1` or `ovpn3 resume --host gw1`',
    )
  })

  it('leaves other words, and what was done before', () => {
    for (const hint of [undefined, 'Pass `--force`', 'Run `ssh gw2 id`', 'Run `ovpn3 list --host gw2`'])
      assert.equal(hintOn('gw1', hint), hint)
    assert.equal(hintOn(undefined, 'Run `id`'), 'Run `id`')
    assert.equal(hintOn([], 'Run `id`'), 'Run `id`')
  })

  it('is for each of several', () => {
    assert.equal(hintOn(['gw1', 'gw2'], 'Run `ovpn3 list`'), 'Run `ovpn3 list --host gw1 --host gw2`')
    assert.equal(hintOn(['gw1', 'gw2'], 'Run `id`'), 'Run `ssh HOST id`')
  })

  it('leaves the rest of the error as it is', () => {
    const error = new Ovpn3Error('failed', 'no `id`', {hint: 'Run `id`'})
    const {cause, code, hint, message} = errorOn('gw1', error)
    assert.deepEqual([cause, code, hint, message], [error, 'failed', 'Run `ssh gw1 id`', 'no `id`'])
    assert.equal(errorOn(undefined, error), error)
  })
})
