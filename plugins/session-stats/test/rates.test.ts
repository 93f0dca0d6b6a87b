import {ratesBetween} from '@ovpn3/plugin-session-stats/dist/rates'
import {graph, perSecond, speed} from '@ovpn3/plugin-session-stats/dist/view'
import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

describe('rates', () => {
  it('are per second, for any time between the readings', () => {
    const rates = ratesBetween(
      {at: 1000, counters: {BYTES_IN: 100n, PACKETS_IN: 1n}},
      {at: 3500, counters: {BYTES_IN: 1100n, PACKETS_IN: 6n, TUN_BYTES_OUT: 5n}},
    )
    assert.equal(rates?.bytesIn, 400)
    assert.equal(rates.packetsIn, 2)
    assert.equal(rates.bytesOut, 0)
    assert.equal(rates.tunBytesOut, 2)
  })

  it('are never negative or infinite', () => {
    assert.equal(ratesBetween({at: 0, counters: {BYTES_IN: 9n}}, {at: 1000, counters: {BYTES_IN: 4n}})?.bytesIn, 4)
    assert.equal(ratesBetween({at: 0, counters: {BYTES_IN: 9n}}, {at: 1000, counters: {}})?.bytesIn, 0)
    assert.equal(ratesBetween({at: 5, counters: {}}, {at: 5, counters: {BYTES_IN: 1n}}), null)
  })

  it('of counters above 2^53 are exact', () => {
    const start = 2n ** 62n
    const rates = ratesBetween({at: 0, counters: {BYTES_IN: start}}, {at: 1000, counters: {BYTES_IN: start + 1001n}})
    assert.equal(rates?.bytesIn, 1001)
  })
})

describe('a graph', () => {
  it('has the newest value on the right, and the lowest bar only for 0', () => {
    assert.equal(graph([0, 1, 50, 100], 4), '▁▂▄█')
    assert.equal(graph([100, 0, 1, 50, 100], 4), '▁▂▄█')
    assert.equal(graph([null, 5], 5), '    █')
    assert.equal(graph([0, 0], 2), '▁▁')
    assert.equal(graph([], 3), '   ')
    assert.equal(graph([1, 2], 0), '')
    assert.equal(graph([1, 2], -5), '')
  })

  it('has numbers beside it that show small rates', () => {
    assert.deepEqual(
      [0, 0.25, 9.96, 12.4, 1e6].map((n) => perSecond(n)),
      ['0', '0.3', '10.0', '12', '1000000'],
    )
    assert.equal(speed(1_258_291), '1.2 MiB/s')
  })
})
