// control characters for terminals that JSON.stringify does not escape
const terminalControls = /[\u007F-\u009F\u061C\u200E\u200F\u2028\u2029\u202A-\u202E\u2066-\u2069]/g

// marks numbers: no other string starts with NUL, because D-Bus strings and arguments cannot contain it
const mark = '\u0000'
const marked = /"\\u0000(-?\d+)"/g

/**
 * JSON as every `--json` prints it: 64-bit integers are numbers with all digits, and control characters are
 * escaped, so that a terminal can show it safely.
 */
export function toJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? mark + v : v), indent)
    .replaceAll(marked, '$1')
    .replaceAll(terminalControls, (c) => String.raw`\u` + c.codePointAt(0)!.toString(16).padStart(4, '0'))
}
