/** Width of a line of counters, without the indentation. */
const width = 32

/**
 * Counters as the reference tool prints them, `BYTES_IN....................3674`, under a heading; empty where there
 * are none.
 */
export function statisticsText(statistics: Readonly<Record<string, bigint>>): string {
  const lines = Object.entries(statistics).map(([name, value]) => {
    const number = String(value)
    return `     ${name}${'.'.repeat(Math.max(1, width - name.length - number.length))}${number}`
  })
  return lines.length > 0 ? `\nConnection statistics:\n${lines.join('\n')}` : ''
}
