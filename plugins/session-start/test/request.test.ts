import {requestOf} from '@ovpn3/plugin-session-start/dist/request'
import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

describe('the request of session-start', () => {
  it('follows the command line', () => {
    assert.deepEqual(requestOf({}, 'office'), {
      background: false,
      dco: undefined,
      foreground: false,
      ifRunning: 'fail',
      keep: false,
      path: undefined,
      persistTun: false,
      profile: 'office',
      timeout: Number.POSITIVE_INFINITY,
    })
    const {dco, ifRunning, path, persistTun, timeout} = requestOf({
      'config-path': '/a',
      dco: 'no',
      'if-running': 'restart',
      'persist-tun': true,
      timeout: '4',
    })
    assert.deepEqual([dco, ifRunning, path, persistTun, timeout], [false, 'restart', '/a', true, 4])
    assert.equal(requestOf({config: 'office'}).profile, 'office')
  })

  for (const [what, flags, argument] of [
    ['the profile twice', {config: 'a'}, 'b'],
    ['the profile twice, once by its path', {'config-path': '/a'}, 'b'],
    ['an empty name', {config: ''}, undefined],
    ['an empty argument', {}, ''],
    ['an empty path', {'config-path': ''}, undefined],
    ['a name with a NUL character', {}, 'a\0b'],
    ['an invalid boolean', {dco: 'maybe'}, 'a'],
    ['an invalid timeout', {timeout: 'soon'}, 'a'],
    ['a timeout of 0', {timeout: '0'}, 'a'],
  ] as const)
    it(`rejects ${what}`, () => {
      assert.throws(() => requestOf(flags, argument), {code: 'usage'})
    })

  it('has no option that the command does not have', () => {
    assert.throws(() => requestOf({timeout: '0'}, 'a'), {hint: 'Omit --timeout to wait without a limit'})
  })
})
