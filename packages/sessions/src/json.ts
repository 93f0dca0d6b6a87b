// what JSON.stringify leaves as it is, yet a terminal would obey
const terminalControls = /[\u007F-\u009F\u061C\u200E\u200F\u2028\u2029\u202A-\u202E\u2066-\u2069]/g

// D-Bus strings and arguments cannot contain NUL, so a string that begins with it is one of ours
const mark = '\u0000'
const marked = /"\\u0000(-?\d+)"/g

/**
 * JSON as every `--json` prints it: 64-bit integers as numbers, with all their digits, and every control character
 * escaped, so that it is safe to look at in a terminal.
 */
export function toJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? mark + v : v), indent)
    .replaceAll(marked, '$1')
    .replaceAll(terminalControls, (c) => String.raw`\u` + c.codePointAt(0)!.toString(16).padStart(4, '0'))
}
