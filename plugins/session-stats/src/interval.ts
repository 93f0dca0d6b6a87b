import {durationOf} from '@ovpn3/kit'
import {Ovpn3Error} from '@ovpn3/sessions'

/** Seconds between two samples if `--watch` has no value. */
export const defaultInterval = '2'
/** Seconds. Each read takes the service some milliseconds. */
const minInterval = 0.2

/**
 * Returns the milliseconds between two samples, or undefined without `--watch`.
 * @throws Ovpn3Error `usage`
 */
export function intervalOf({format, watch}: {format?: string; watch?: string}): number | undefined {
  if (watch === undefined) return undefined
  if (format === 'prometheus')
    throw new Ovpn3Error('usage', '--watch and --format=prometheus cannot be used together', {
      hint: 'Omit --watch and run the command from a timer: Prometheus calculates rates itself',
    })
  const hint = `Pass --watch=5, or omit the value: the default is ${defaultInterval} s`
  return durationOf('watch', watch, {hint, min: minInterval}) * 1000
}
