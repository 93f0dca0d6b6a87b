import {durationOf} from '@ovpn3/kit'
import {leastCategory, logLevelNames, logLevelNumbers} from '@ovpn3/sessions'

/** States that can be waited for. */
export const goals = ['connected', 'disconnected'] as const
export type Goal = (typeof goals)[number]

/** Values of `--level`. */
export const levels: readonly string[] = [...logLevelNames, ...logLevelNumbers]

interface Flags {
  readonly level?: string
  readonly 'log-level'?: string
  readonly timeout?: string
  readonly until?: string
}

/** What the flags ask for. */
export interface Request {
  /** The state that ends the command. */
  readonly goal?: Goal
  /** The least severe category of lines that are shown. */
  readonly least: number
  /** The log level of the session manager, 0 to 6. */
  readonly logLevel?: number
  /** Seconds. */
  readonly timeout?: number
}

/** @throws Ovpn3Error `usage` */
export function requestOf({level, 'log-level': logLevel, timeout, until}: Flags): Request {
  return {
    goal: until as Goal | undefined,
    least: level === undefined ? 0 : leastCategory(level),
    logLevel: logLevel === undefined ? undefined : Number(logLevel),
    timeout:
      timeout === undefined
        ? undefined
        : durationOf('timeout', timeout, {hint: 'Omit --timeout to wait without a limit'}),
  }
}
