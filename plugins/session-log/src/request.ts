import {closest, durationOf} from '@ovpn3/kit'
import {didYouMean} from '@ovpn3/kit/flags'
import {leastCategory, logLevelNames, logLevelNumbers, Ovpn3Error} from '@ovpn3/sessions'

/** Values of `--until`. */
export const goals = ['connected', 'disconnected'] as const
export type Goal = (typeof goals)[number]

/** Values of `--level`. */
const levels: ReadonlySet<string> = new Set([...logLevelNames, ...logLevelNumbers])

interface Flags {
  readonly level?: string
  readonly 'log-level'?: string
  readonly timeout?: string
  readonly until?: string
}

/** The validated options of session-log. */
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
    least: level === undefined ? 0 : leastCategory(levelOf(level)),
    logLevel: logLevel === undefined ? undefined : Number(logLevel),
    timeout:
      timeout === undefined
        ? undefined
        : durationOf('timeout', timeout, {hint: 'Omit --timeout to wait without a limit'}),
  }
}

function levelOf(level: string): string {
  if (levels.has(level)) return level
  const near = logLevelNames.find((name) => level.toLowerCase().startsWith(name)) ?? closest(level, logLevelNames)
  throw new Ovpn3Error('usage', `--level: invalid level: "${level}"`, {
    hint: near === undefined ? `Pass one of ${logLevelNames.join(', ')}, or a number from 0 to 6` : didYouMean([near]),
  })
}
