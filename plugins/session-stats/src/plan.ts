import {Ovpn3Error} from '@ovpn3/sessions'

/** What a command line of session-stats asks for, checked. */
export type Plan =
  | {readonly kind: 'prometheus' | 'show'}
  /** Milliseconds from one sample to the next. */
  | {readonly kind: 'watch'; readonly interval: number}

export interface PlanFlags {
  readonly format?: string
  readonly watch?: string
}

/** Seconds, what `--watch` without a value stands for. */
export const defaultInterval = '2'
/** Seconds: the service takes some milliseconds for each session that it is asked about. */
const minInterval = 0.2
/** Seconds: what a timer can do, 24 days. */
const maxInterval = 2_147_483

/** @throws Ovpn3Error `usage` */
export function planOf({format, watch}: PlanFlags): Plan {
  if (format === 'prometheus') {
    if (watch !== undefined)
      throw new Ovpn3Error('usage', '--watch does not go with --format=prometheus', {
        hint: 'Prometheus works out the rates itself: run it from a timer',
      })
    return {kind: 'prometheus'}
  }

  return watch === undefined ? {kind: 'show'} : {interval: intervalOf(watch) * 1000, kind: 'watch'}
}

function intervalOf(value: string): number {
  const seconds = /^\d+(\.\d+)?$/.test(value) ? Number(value) : 0
  if (seconds < minInterval || seconds > maxInterval)
    throw new Ovpn3Error(
      'usage',
      `--watch: "${value}" is not a number of seconds from ${minInterval} to ${maxInterval}`,
      {
        hint: `Such as --watch=5; without a value it is ${defaultInterval}`,
      },
    )
  return seconds
}
