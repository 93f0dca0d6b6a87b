import {bytes, duration, isoTime, safeText, shellWord} from '@ovpn3/sessions'
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

describe('a shell word', () => {
  for (const plain of ['office', 'Zürich', 'x=y', '7c1b02d4', '/net/openvpn/v3'])
    it(`${plain} is not quoted`, () => {
      assert.equal(shellWord(plain), plain)
    })

  it('means the same to the shell', () => {
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

describe('a time in JSON', () => {
  it('is ISO 8601 in UTC', () => {
    assert.deepEqual(
      [0, 1_795_451_076, 1.9, null, undefined, Number.NaN, 1e300].map((seconds) => isoTime(seconds)),
      ['1970-01-01T00:00:00Z', '2026-11-23T16:24:36Z', '1970-01-01T00:00:01Z', null, null, null, null],
    )
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
