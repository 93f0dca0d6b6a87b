import {safeText} from '@ovpn3/sessions'

/** Width of a line of counters, without the indentation. */
const width = 32

/** Counters as the reference tool prints them, a line each: `     BYTES_IN....................3674`. */
export function counterLines(statistics: Readonly<Record<string, bigint>>): string[] {
  return Object.entries(statistics).map(([counter, value]) => {
    const name = safeText(counter)
    const number = String(value)
    return `     ${name}${'.'.repeat(Math.max(1, width - name.length - number.length))}${number}`
  })
}

/** The same under a heading; empty where there are none. */
export function statisticsText(statistics: Readonly<Record<string, bigint>>): string {
  const lines = counterLines(statistics)
  return lines.length > 0 ? `\nConnection statistics:\n${lines.join('\n')}` : ''
}
