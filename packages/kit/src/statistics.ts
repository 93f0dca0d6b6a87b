import {safeText} from '@ovpn3/sessions'

/** Width of a line of counters, without the indentation. */
const width = 32

/** Counters as openvpn3 prints them, one per line: `     BYTES_IN....................3674`. */
export function counterLines(statistics: Readonly<Record<string, bigint>>): string[] {
  return Object.entries(statistics).map(([counter, value]) => {
    const name = safeText(counter)
    const number = String(value)
    return `     ${name}${'.'.repeat(Math.max(1, width - name.length - number.length))}${number}`
  })
}

/** The same under a heading; empty if there are no counters. */
export function statisticsText(statistics: Readonly<Record<string, bigint>>): string {
  const lines = counterLines(statistics)
  return lines.length > 0 ? `\nConnection statistics:\n${lines.join('\n')}` : ''
}
