import {Ovpn3Error} from '@ovpn3/sessions'

/** Seconds in each unit, the largest first. */
const units = {d: 86_400, h: 3600, m: 60, s: 1, ms: 0.001}
const number = String.raw`\d+(?:\.\d+)?`
const inUnits = new RegExp(
  `^${Object.keys(units)
    .map((unit) => `(?:(${number})${unit})?`)
    .join('')}$`,
)
const plain = new RegExp(`^${number}$`)
/** The longest duration in seconds: the limit of a Node.js timer, 24 days. */
const max = 2_147_483

/**
 * The seconds of a duration: plain seconds, or units as in `1m30s`.
 * @param option the option's name, for errors
 * @param hint for a duration that is out of range
 * @throws Ovpn3Error `usage`
 */
export function durationOf(
  option: string,
  text: string,
  {hint, min = 1}: {readonly hint?: string; readonly min?: number} = {},
): number {
  const seconds = secondsIn(text)
  const invalid = (why: string, next?: string) => new Ovpn3Error('usage', `--${option}: "${text}" ${why}`, {hint: next})
  if (seconds === undefined) throw invalid('is not a duration', 'Pass a duration such as 30, 10s or 1m30s')
  if (seconds < min || seconds > max) throw invalid(`is out of range: ${min} s to 24 days`, hint)
  return seconds
}

function secondsIn(text: string): number | undefined {
  if (plain.test(text)) return Number(text)
  const [, ...counts] = inUnits.exec(text) ?? []
  if (counts.every((count) => count === undefined)) return undefined
  return Object.values(units).reduce((sum, unit, i) => sum + Number(counts[i] ?? 0) * unit, 0)
}
