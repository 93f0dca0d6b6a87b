import type {Outcome, SessionResult} from '@ovpn3/sessions'

import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

import type {Action} from '../../src/lib/plan'

import {summaryLine, trafficText} from '../../src/lib/summary'

const base = {changed: true, config: 'office', id: '7c1b02d4', message: '', path: '/7c1b02d4', status: null}
const of = (...outcomes: readonly Outcome[]): SessionResult[] => outcomes.map((outcome) => ({...base, outcome}))

describe('the summary of several results', () => {
  for (const [action, outcomes, line] of [
    ['disconnect', ['failed', 'done', 'removed', 'done', 'kept'], '2 disconnected, 1 already gone, 1 kept, 1 failed'],
    ['pause', ['unchanged', 'done'], '1 paused, 1 unchanged'],
    ['pause', ['planned', 'failed'], '1 would be paused, 1 failed'],
    ['cleanup', ['kept', 'removed', 'kept'], '1 removed, 2 kept'],
    ['cleanup', ['planned', 'planned'], '2 would be checked'],
  ] as const satisfies readonly (readonly [Action, readonly Outcome[], string])[])
    it(`${action}: ${line}`, () => assert.equal(summaryLine(action, of(...outcomes)), line))

  it('counts only awaited sessions as connected', () => {
    const connection = {address: null, device: null, name: '', server: {host: 'vpn', port: 1194, protocol: 'udp'}}
    const results = [...of('done', 'failed'), {...base, connection, outcome: 'done'} as const]
    assert.equal(summaryLine('resume', results), '1 in the background, 1 connected, 1 failed')
  })
})

describe('the traffic of a session', () => {
  it('is in human units, and a missing counter is 0', () => {
    assert.equal(
      trafficText({BYTES_IN: 1_258_291n, BYTES_OUT: 300n, TUN_BYTES_IN: 7n}),
      ', received 1.2 MiB, sent 300 B',
    )
    assert.equal(trafficText({BYTES_OUT: 2048n}), ', received 0 B, sent 2.0 KiB')
  })

  it('is omitted if there was none', () => {
    assert.deepEqual([trafficText(), trafficText({PACKETS_IN: 1n})], ['', ''])
  })
})
