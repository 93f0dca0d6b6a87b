// C0, DEL and C1 controls, line and paragraph separators, and the characters that change the direction of text
// eslint-disable-next-line no-control-regex
const unsafe = /[\u0000-\u001F\u007F-\u009F\u061C\u200E\u200F\u2028\u2029\u202A-\u202E\u2066-\u2069]+/g

// control sequences, strings up to their terminator, and other escapes. This pattern takes linear time; with Node 24's
// own function (stripVTControlCharacters), a crafted name would block the process for minutes
const sequences =
  // eslint-disable-next-line no-control-regex
  /(?:\u001B\[|\u009B)[0-?]*[ -/]*[@-~]|(?:\u001B[PX\]^_]|[\u0090\u0098\u009D-\u009F])[^\u0000-\u001F\u0080-\u009F]*(?:\u0007|\u001B\\|\u009C)|\u001B[ -/]*[0-~]/g

/** Text from servers and other users, made safe for a terminal: one line, no control sequence, no bidi override. */
export function safeText(text: string): string {
  return text.replaceAll(sequences, '').replaceAll(unsafe, ' ').trim()
}

/** A word of a command line, quoted if a shell would interpret it. */
export function shellWord(text: string): string {
  return /^(?!=)[\p{L}\p{N}_+,./:@=-]+$/u.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
}

/** The first eight characters of a session id: enough to distinguish sessions and to select one. */
export function shortId(id: string): string {
  return safeText(id).slice(0, 8)
}

/** `3s`, `12m`, `5h 3m`, `2d 4h`: the two largest units. @param seconds below 0 counts as 0 */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds))
  if (s < 60) return `${s}s`
  const m = Math.floor(s / 60)
  if (m < 60) return `${m}m`
  const h = Math.floor(m / 60)
  if (h < 24) return m % 60 ? `${h}h ${m % 60}m` : `${h}h`
  const d = Math.floor(h / 24)
  return h % 24 ? `${d}d ${h % 24}h` : `${d}d`
}

/** Local time, as in `2026-11-23 16:44:36`. @param seconds since 1970 */
export function localTime(seconds: number): string {
  const time = new Date(seconds * 1000)
  const two = (n: number) => String(n).padStart(2, '0')
  const date = [time.getFullYear(), time.getMonth() + 1, time.getDate()].map((n) => two(n)).join('-')
  return `${date} ${[time.getHours(), time.getMinutes(), time.getSeconds()].map((n) => two(n)).join(':')}`
}

/** A time as `--json` shows it: ISO 8601 in UTC, `2026-11-23T15:44:36Z`. @param seconds since 1970 */
export function isoTime(seconds: number | null | undefined): string | null {
  const time = new Date((seconds ?? Number.NaN) * 1000)
  return Number.isNaN(time.getTime()) ? null : time.toISOString().replace(/\.\d+Z$/, 'Z')
}

/** `1 session`, `3 sessions`. */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`
}

const binaryUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB']

/** `0 B`, `17.4 MiB`: at most four digits. */
export function bytes(n: bigint | number): string {
  let value = Number(n)
  let unit = 0
  while (Math.abs(value) >= 1024 && unit < binaryUnits.length - 1) {
    value /= 1024
    unit++
  }

  return `${unit === 0 || Math.abs(value) >= 100 ? Math.round(value) : value.toFixed(1)} ${binaryUnits[unit]}`
}
