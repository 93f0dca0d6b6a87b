import {isAtLeast, leastCategory, logLevelName, logLevelNames, logLevelNumbers, tunnelAddress} from '@ovpn3/sessions'
import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

const shown = (level: string) =>
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].filter((category) => isAtLeast({category}, leastCategory(level)))

describe('log levels', () => {
  it('are named after their categories, or numbered if unknown', () => {
    assert.deepEqual(
      [1, 2, 3, 4, 5, 6, 7, 8].map((category) => logLevelName({category})),
      ['debug', 'verb2', 'verb1', 'info', 'warn', 'error', 'crit', 'fatal'],
    )
    assert.equal(logLevelName({category: 9}), '9')
  })

  it('include more severe categories, and always lines without a category', () => {
    assert.deepEqual(shown('info'), [0, 4, 5, 6, 7, 8, 9])
    assert.deepEqual(shown('fatal'), [0, 8, 9])
    assert.deepEqual(shown('debug'), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  it('can be numbers: 6 is debug, 0 crit', () => {
    assert.deepEqual(
      logLevelNumbers.map((number) => logLevelNames[leastCategory(number) - 1]),
      ['crit', 'error', 'warn', 'info', 'verb1', 'verb2', 'debug'],
    )
  })
})

describe('the address of a tunnel', () => {
  const address = (message: string, group = 7) => tunnelAddress({group, message})

  it('is read from the log line of a connected client', () => {
    const start = 'Connected: vpnuser@10.99.0.1:1195 (10.99.0.1) via /UDP on tun'
    assert.equal(address(`${start}/10.8.0.2/ gw=[10.8.0.1/] mtu=1500`), '10.8.0.2')
    assert.equal(address(`${start}0/10.8.0.2/fd00::2 gw=[10.8.0.1/] mtu=(default)`), '10.8.0.2')
    assert.equal(address(`${start}//fd00::2 gw=[/fd00::1]`), 'fd00::2')
    assert.equal(
      address('Connected: a on tun/1.2.3.4/ gw=[@h:1 (h) via /UDP on tun/10.8.0.2/ gw=[10.8.0.1/]'),
      '10.8.0.2',
    )
  })

  it('is not read from any other line', () => {
    const line = 'Connected: h:1 (h) via /UDP on tun/10.8.0.2/ gw=[10.8.0.1/]'
    for (const [other, group] of [
      [`x ${line}`],
      ['Connected: h'],
      ['Connected: h on tun// gw=[/]'],
      [line, 3],
    ] as const)
      assert.equal(address(other, group), undefined)
  })
})
