import {durationOf} from '@ovpn3/kit'
import {Ovpn3Error} from '@ovpn3/sessions'

/** Seconds, what `--watch` without a value stands for. */
export const defaultInterval = '2'
/** Seconds: the service takes some milliseconds for each session that it is asked about. */
const minInterval = 0.2

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
  const hint = `Pass --watch=5, or omit the value: the default is ${defaultInterval} s`
  return durationOf('watch', watch, {hint, min: minInterval}) * 1000
}
