import {safeText} from '@ovpn3/sessions'

const name = 'ovpn3:bus'

export type Trace = (line: string) => void

/** What writes the traffic on the bus to stderr, where `DEBUG` asks for it as it does for other Node programs:
 * `DEBUG=ovpn3:*`, `DEBUG=*`. Undefined where it does not. */
export function tracer(): Trace | undefined {
  const patterns = (process.env.DEBUG ?? '').split(/[\s,]+/).filter(Boolean)
  if (!patterns.some((pattern) => matches(pattern))) return undefined
  return (line) => process.stderr.write(`${name} ${safeText(line)}\n`)
}

function matches(pattern: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern
}

/** The body of a message in a line of the trace. */
export function traced(body: readonly unknown[] = []): string {
  return JSON.stringify(body, (_, value: unknown) => (typeof value === 'bigint' ? Number(value) : value))
}
