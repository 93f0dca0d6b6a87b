import {
  accessDenied,
  bytes,
  duration,
  exitStatusOf,
  isDeadEnd,
  isNotStarted,
  isOvpn3Error,
  Ovpn3Error,
  safeText,
  shellWord,
  statusText,
  toJson,
} from '@ovpn3/sessions'
import assert from 'node:assert/strict'
import {execFileSync} from 'node:child_process'
import {describe, it} from 'node:test'

describe('safe text', () => {
  const cases: readonly [unsafe: string, safe: string][] = [
    ['plain', 'plain'],
    ['Büro – 日本', 'Büro – 日本'],
    ['a\u001B[31mred\u001B[0m', 'ared'],
    ['a\u001B]0;title\u0007b', 'ab'],
    ['line\nbreak\r\ttab', 'line break tab'],
    ['c1\u009B31mcontrol\u0085', 'c1control'],
    ['bidi\u202Eoverride\u2066x', 'bidi override x'],
    ['\u0000nul\u007Fdel', 'nul del'],
  ]
  for (const [unsafe, safe] of cases)
    it(JSON.stringify(unsafe), () => {
      assert.equal(safeText(unsafe), safe)
    })
})

describe('a word for a shell', () => {
  for (const plain of ['office', 'Zürich', 'x=y', '7c1b02d4', '/net/openvpn/v3'])
    it(`${plain} is left as it is`, () => {
      assert.equal(shellWord(plain), plain)
    })

  it('is what the shell takes it for', () => {
    const words = [
      '',
      'my vpn',
      "it's",
      'say "hi"',
      '$HOME',
      '`id`',
      String.raw`a\b`,
      '=x',
      'id=7c1b*',
      '!!',
      '~',
      '#a;&|',
    ]
    const line = `printf '%s\n' ${words.map((word) => shellWord(word)).join(' ')}`
    assert.deepEqual(execFileSync('sh', ['-c', line], {encoding: 'utf8'}).split('\n').slice(0, -1), words)
  })
})

describe('JSON', () => {
  it('keeps all digits of 64-bit integers', () => {
    assert.equal(toJson({a: 9_223_372_036_854_775_807n, b: [-1n], c: 3}), '{"a":9223372036854775807,"b":[-1],"c":3}')
  })

  it('escapes what a terminal would obey, and nothing is lost', () => {
    const value = {text: 'a\u001B[31m\u009B\u202E\u2028\u007F"12"'}
    const json = toJson(value)
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(json, /[\u0000-\u001F\u007F-\u009F\u2028\u202E]/)
    assert.deepEqual(JSON.parse(json), value)
  })
})

describe('durations and bytes', () => {
  it('are short', () => {
    assert.deepEqual(
      [-5, 0, 59, 60, 3599, 3600, 3660, 86_400, 90_000].map((s) => duration(s)),
      ['0s', '0s', '59s', '1m', '59m', '1h', '1h 1m', '1d', '1d 1h'],
    )
    assert.deepEqual(
      [0, 1023, 1024, 1536, 1_048_576, 200 * 1024, 2n ** 63n - 1n].map((n) => bytes(n)),
      ['0 B', '1023 B', '1.0 KiB', '1.5 KiB', '1.0 MiB', '200 KiB', '8.0 EiB'],
    )
  })
})

describe('statuses', () => {
  it('have words, and an unknown one its numbers', () => {
    assert.equal(statusText({major: 2, minor: 7, message: ''}), 'connected')
    assert.equal(statusText({major: 9, minor: 99, message: ''}), 'status 9/99')
  })

  it('say what can be done', () => {
    const minors = Array.from({length: 31}, (_, minor) => minor)
    const where = (check: typeof isDeadEnd) => minors.filter((minor) => check({major: 2, minor, message: ''}))
    assert.deepEqual(where(isDeadEnd), [9, 10, 11, 16, 28, 29])
    assert.deepEqual(where(isNotStarted), [2, 4])
  })
})

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

describe('exit statuses', () => {
  it('of one session are its own, of several that some failed', () => {
    const failed = {error: {code: 'access-denied', message: ''}} as const
    const interrupted = {error: {code: 'interrupted', message: ''}} as const
    assert.equal(exitStatusOf([]), 0)
    assert.equal(exitStatusOf([{}, {}]), 0)
    assert.equal(exitStatusOf([failed]), 5)
    assert.equal(exitStatusOf([{}, failed]), 3)
    assert.equal(exitStatusOf([failed, interrupted]), 130)
  })

  it('errors are known by their shape, whoever made them', () => {
    assert.ok(isOvpn3Error(new Ovpn3Error('usage', 'x')))
    assert.ok(isOvpn3Error(Object.assign(new Error('x'), {code: 'timeout'})))
    assert.ok(!isOvpn3Error(Object.assign(new Error('x'), {code: 'ENOENT'})))
    assert.ok(!isOvpn3Error({code: 'usage'}))
  })
})
