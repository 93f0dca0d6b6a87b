import {Ovpn3Error} from '@ovpn3/sessions'

/** Seconds, what `--watch` without a value stands for. */
export const defaultInterval = '2'
/** Seconds: the service takes some milliseconds for each session that it is asked about. */
const minInterval = 0.2
/** Seconds: what a timer can do, 24 days. */
const maxInterval = 2_147_483

/**
 * Milliseconds from one sample to the next; undefined where nothing is watched.
 * @throws Ovpn3Error `usage`
 */
export function intervalOf({format, watch}: {format?: string; watch?: string}): number | undefined {
  if (watch === undefined) return undefined
  if (format === 'prometheus')
    throw new Ovpn3Error('usage', '--watch does not go with --format=prometheus', {
      hint: 'Prometheus works out the rates itself: run it from a timer',
    })
  const seconds = /^\d+(\.\d+)?$/.test(watch) ? Number(watch) : 0
  if (seconds < minInterval || seconds > maxInterval)
    throw new Ovpn3Error(
      'usage',
      `--watch: "${watch}" is not a number of seconds from ${minInterval} to ${maxInterval}`,
      {hint: `Such as --watch=5; without a value it is ${defaultInterval}`},
    )
  return seconds * 1000
}
