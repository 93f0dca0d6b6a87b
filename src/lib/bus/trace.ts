import {safeText} from '@ovpn3/sessions'

const name = 'ovpn3:bus'

export type Trace = (line: string) => void

/** Writes the bus traffic to stderr if `DEBUG` selects it (`DEBUG=ovpn3:*`, `DEBUG=*`); otherwise undefined. */
export function tracer(): Trace | undefined {
  const patterns = (process.env.DEBUG ?? '').split(/[\s,]+/).filter(Boolean)
  if (!patterns.some((pattern) => matches(pattern))) return undefined
  return (line) => process.stderr.write(`${name} ${safeText(line)}\n`)
}

function matches(pattern: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern
}

/** The body of a message as text for the trace. */
export function traced(body: readonly unknown[] = []): string {
  return JSON.stringify(body, (_, value: unknown) => (typeof value === 'bigint' ? Number(value) : value))
}
