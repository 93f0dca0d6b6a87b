import {Ovpn3Error} from '@ovpn3/sessions'

/** Answers by the name of what they answer (`username`, `password`, …). An empty one is an answer, too. */
export type Values = ReadonlyMap<string, string>

/** What OpenVPN 3 Linux asks for (24.1 and 27.1). */
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
 * Reads credentials: one JSON object of strings by name or, where they do not begin with `{`, the two lines of OpenVPN's
 * `auth-user-pass` file. As OpenVPN does, more lines are ignored; an empty line answers nothing.
 * @param from where they are from, for errors; those never quote the content
 * @throws Ovpn3Error `usage`
 */
export function parseCredentials(bytes: Uint8Array, from: string): Values {
  const malformed = (why: string, hint?: string) => new Ovpn3Error('usage', `${from}: ${why}`, {hint})
  let text: string
  try {
    text = new TextDecoder('utf8', {fatal: true}).decode(bytes)
  } catch {
    throw malformed('not UTF-8')
  }

  if (text.trim() === '') throw malformed('empty', form)
  const values = /^\s*\{/.test(text) ? fromJson(text, malformed) : fromLines(text)
  // the bus would close the connection
  if ([...values.values()].some((value) => value.includes('\0'))) throw malformed('a value has a NUL character')
  return values
}

const form = 'Give the user name and the password on a line each, or a JSON object of strings by name'

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
    throw malformed('not valid JSON', form)
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
