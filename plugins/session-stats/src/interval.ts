import {Ovpn3Error} from '@ovpn3/sessions'

/** Seconds between two samples if `--watch` has no value. */
export const defaultInterval = '2'
/** Seconds. Each read takes the service some milliseconds. */
const minInterval = 0.2
/** Seconds: the limit of a timer, 24 days. */
const maxInterval = 2_147_483

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
  const seconds = /^\d+(\.\d+)?$/.test(watch) ? Number(watch) : 0
  if (seconds < minInterval || seconds > maxInterval)
    throw new Ovpn3Error(
      'usage',
      `--watch: "${watch}" is not a number of seconds between ${minInterval} and ${maxInterval}`,
      {hint: `Pass a number such as --watch=5, or omit the value for ${defaultInterval} seconds`},
    )
  return seconds * 1000
}
