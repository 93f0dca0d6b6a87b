import {bytes, type Outcome, type SessionResult} from '@ovpn3/sessions'

import type {Action} from './plan'

const order: readonly Outcome[] = ['done', 'planned', 'removed', 'unchanged', 'kept', 'failed']
const participles: Readonly<Record<Action, string>> = {
  cleanup: 'checked',
  disconnect: 'disconnected',
  'log-level': 'set',
  pause: 'paused',
  restart: 'restarted',
  resume: 'resumed',
}

/** The number of results by outcome: `5 disconnected, 1 failed`. */
export function summaryLine(action: Action, results: readonly SessionResult[]): string {
  const counts = new Map<string, number>()
  for (const result of [...results].sort((a, b) => order.indexOf(a.outcome) - order.indexOf(b.outcome))) {
    const word = wordOf(action, result)
    counts.set(word, (counts.get(word) ?? 0) + 1)
  }

  return [...counts].map(([word, n]) => `${n} ${word}`).join(', ')
}

function wordOf(action: Action, {connection, outcome}: SessionResult): string {
  switch (outcome) {
    case 'done':
      if (action === 'restart' || action === 'resume') return connection ? 'connected' : 'in the background'
      return participles[action]
    case 'planned':
      return `would be ${participles[action]}`
    case 'removed':
      return action === 'disconnect' ? 'already gone' : outcome
    case 'failed':
    case 'kept':
    case 'unchanged':
      return outcome
  }
}

/** The traffic of a session for the end of a line: `, received 1.2 MiB, sent 300 KiB`; empty without counters. */
export function trafficText({BYTES_IN, BYTES_OUT}: NonNullable<SessionResult['statistics']> = {}): string {
  if (BYTES_IN === undefined && BYTES_OUT === undefined) return ''
  return `, received ${bytes(BYTES_IN ?? 0)}, sent ${bytes(BYTES_OUT ?? 0)}`
}
