import {Ovpn3Error, type Waiting} from '@ovpn3/sessions'

export const actions = ['pause', 'resume', 'restart', 'disconnect', 'cleanup', 'log-level'] as const
export type Action = (typeof actions)[number]

/** The checked request of a session-manage command line. */
export type Plan =
  | {readonly action: 'cleanup'; readonly failed: boolean}
  | {readonly action: 'disconnect'}
  | {readonly action: 'log-level'; readonly level?: number}
  | {readonly action: 'pause'; readonly reason: string}
  | ConnectPlan

export interface ConnectPlan extends Wait {
  readonly action: 'restart' | 'resume'
}

interface Wait {
  readonly keep: boolean
  /** Seconds. */
  readonly timeout: number
  readonly wait: Waiting
}

export interface PlanFlags {
  readonly cleanup?: boolean
  readonly disconnect?: boolean
  readonly failed?: boolean
  readonly 'log-level'?: string
  readonly pause?: boolean
  readonly reason?: string
  readonly restart?: boolean
  readonly resume?: boolean
}

/** The value of `--log-level` without a value. */
export const showLevel = 'show'

/**
 * The plan for a set of flags whose combination was already checked.
 * @param wait how to wait for the connection
 * @throws Ovpn3Error `usage`
 */
export function planOf(flags: PlanFlags, wait: Wait): Plan {
  const action = actions.find((name) => flags[name] !== undefined && flags[name] !== false)
  if (action === undefined)
    throw new Ovpn3Error('usage', 'no action given', {
      hint: 'Run `ovpn3 pause`, `ovpn3 resume`, `ovpn3 restart`, `ovpn3 disconnect` or `ovpn3 cleanup`, or pass --log-level',
    })

  switch (action) {
    case 'cleanup':
      return {action, failed: Boolean(flags.failed)}
    case 'disconnect':
      return {action}
    case 'log-level':
      return {action, level: levelOf(flags['log-level']!)}
    case 'pause':
      return {action, reason: flags.reason ?? 'paused with ovpn3'}
    case 'restart':
    case 'resume':
      return {action, ...wait}
  }
}

function levelOf(value: string): number | undefined {
  if (value === showLevel) return undefined
  if (!/^[0-6]$/.test(value))
    throw new Ovpn3Error('usage', `--log-level: invalid log level: "${value}"`, {
      hint: 'Pass a level from 0 to 6, or omit the value to show the current level',
    })
  return Number(value)
}
