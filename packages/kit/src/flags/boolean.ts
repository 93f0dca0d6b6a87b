import {Ovpn3Error} from '@ovpn3/sessions'

const yes = new Set(['1', 'on', 'true', 'yes'])
const no = new Set(['0', 'false', 'no', 'off'])

/** The boolean value of a flag. @throws Ovpn3Error `usage` if it is none */
export function booleanOf(text: string, flag: string): boolean {
  const word = text.toLowerCase()
  if (!yes.has(word) && !no.has(word))
    throw new Ovpn3Error('usage', `--${flag}: invalid boolean: "${text}"`, {
      hint: 'Pass true or false (or yes, no, on, off, 1, 0)',
    })
  return yes.has(word)
}
