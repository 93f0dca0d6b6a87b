import {Ovpn3Error} from '@ovpn3/sessions'

const yes = new Set(['1', 'on', 'true', 'yes'])
const no = new Set(['0', 'false', 'no', 'off'])

/** What the value of a flag says. @throws Ovpn3Error `usage` where it says neither */
export function booleanOf(text: string, flag: string): boolean {
  const word = text.toLowerCase()
  if (!yes.has(word) && !no.has(word))
    throw new Ovpn3Error('usage', `--${flag}: "${text}" is neither true nor false`, {
      hint: 'Give true or false; yes, no, on, off, 1 and 0 are understood too',
    })
  return yes.has(word)
}
