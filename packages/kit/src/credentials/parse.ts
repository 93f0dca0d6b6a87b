import {type ErrorCode, Ovpn3Error} from '@ovpn3/sessions'

/** Answers by the name of the input (`username`, `password`, …). An empty answer counts. */
export type Values = ReadonlyMap<string, string>

/** The inputs that OpenVPN 3 Linux asks for (24.1 and 27.1). */
export const slots: readonly string[] = [
  'username',
  'password',
  'static_challenge',
  'dynamic_challenge',
  'auth_pending',
  'pk_passphrase',
  'http_proxy_user',
  'http_proxy_pass',
]

/**
 * Parses credentials: a JSON object of strings by name, or, if they do not start with `{`, the two lines of OpenVPN's
 * `auth-user-pass` file. As in OpenVPN, further lines are ignored; an empty line answers nothing.
 * @param from their origin, for errors, which never quote the content
 * @throws Ovpn3Error `usage`
 */
export function parseCredentials(bytes: Uint8Array, from: string): Values {
  const malformed = (why: string, hint?: string) => unusable('usage', from, why, {hint})
  let text: string
  try {
    text = new TextDecoder('utf8', {fatal: true}).decode(bytes)
  } catch {
    throw malformed('not UTF-8 text')
  }

  if (text.trim() === '') throw malformed('empty', formatHint)
  const values = /^\s*\{/.test(text) ? fromJson(text, malformed) : fromLines(text)
  // the bus would close the connection
  if ([...values.values()].some((value) => value.includes('\0'))) throw malformed('a value contains a NUL character')
  return values
}

/** The error for credentials that cannot be used. */
export function unusable(
  code: ErrorCode,
  from: string,
  why: string,
  options: {cause?: unknown; hint?: string} = {},
): Ovpn3Error {
  return new Ovpn3Error(code, `cannot read credentials from ${from}: ${why}`, options)
}

const formatHint = 'Write the user name and the password on separate lines, or a JSON object of strings by name'

function fromLines(text: string): Values {
  const lines = text.split('\n', 2).map((line) => line.replace(/\r$/, ''))
  return new Map(lines.map((line, i) => [slots[i]!, line] as const).filter(([, value]) => value !== ''))
}

function fromJson(text: string, malformed: (why: string, hint?: string) => Ovpn3Error): Values {
  let json: object
  try {
    json = JSON.parse(text) as object
  } catch {
    // Node's own error quotes the text
    throw malformed('not valid JSON', formatHint)
  }

  const entries = Object.entries(json)
  for (const [name, value] of entries)
    if (typeof value !== 'string')
      throw malformed(
        slots.includes(name) ? `the value of "${name}" is not a string` : 'a value is not a string',
        'Put each value in double quotes',
      )
  return new Map(entries as [string, string][])
}
