/** A line of a session's log from the signal `Log`, `(uus)`. */
export interface LogLine {
  /** The part of the service that logged it: 7 is the VPN client of the session. */
  readonly group: number
  /** The severity, an index of `logCategories`. */
  readonly category: number
  /** Can have several lines. Untrusted text: pass it through `safeText` before showing it. */
  readonly message: string
}

const clientGroup = 7

/** By code, the least severe first. Codes 1 to 4 were seen on the wire (24.1, 27.1); the others are from the service's source. */
const logCategories = ['unset', 'debug', 'verb2', 'verb1', 'info', 'warn', 'error', 'crit', 'fatal'] as const

/** The names of the log levels, the least severe first. */
export const logLevelNames: readonly string[] = logCategories.slice(1)

/** The numbers of the log levels in the service: 0 is crit and fatal only, 6 is everything. */
export const logLevelNumbers: readonly string[] = ['0', '1', '2', '3', '4', '5', '6']

/**
 * The address of a session's tunnel, from the line that its VPN client logs after it connects:
 * `Connected: … via /UDP on tun/10.8.0.2/ gw=[…`, with an IPv4 address, an IPv6 address or both.
 */
export function tunnelAddress({group, message}: Pick<LogLine, 'group' | 'message'>): string | undefined {
  if (group !== clientGroup) return undefined
  const [, ipv4, ipv6] = /^Connected: .* on [^/ ]+\/([\d.]*)\/([\da-f.:]*) gw=\[/is.exec(message) ?? []
  return ipv4 || ipv6 || undefined
}

/** The name of a line's level; an unknown code is shown as its number. */
export function logLevelName({category}: Pick<LogLine, 'category'>): string {
  return logCategories[category] ?? String(category)
}

/** The least severe category of a level: one of `logLevelNames` or `logLevelNumbers`. */
export function leastCategory(level: string): number {
  return logLevelNumbers.includes(level) ? 7 - Number(level) : (logCategories as readonly string[]).indexOf(level)
}

/** Whether a line has this category or a more severe one. A line without a category always counts. */
export function isAtLeast({category}: Pick<LogLine, 'category'>, least: number): boolean {
  return category === 0 || category >= least
}
