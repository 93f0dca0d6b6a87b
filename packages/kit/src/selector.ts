import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import {Ovpn3Error, type Selector} from '@ovpn3/sessions'

import {selectorGroup as helpGroup} from './flags'

/** A selector of the sources, or a word that can be a profile name, a device or an ID. */
export type Selection = Selector | {readonly kind: 'word'; readonly word: string}

/** The argument that selects one session, in place of one of the flags. */
export const selectorArgs = {
  session: Args.string({
    description:
      'Select a session by profile name, device, ID (4 or more characters) or path; a public session of another user only by path or full ID',
    // oclif would read the argument from standard input, which contains answers
    ignoreStdin: true,
    required: false,
  }),
}

/** The flags that select one session. They exclude each other, except `owner`, which narrows the others. */
export const selectorFlags = {
  path: Flags.string({
    aliases: ['session-path'],
    char: 'o',
    helpGroup,
    helpValue: 'SESSION',
    summary: 'Select a session by D-Bus path or ID; the first 4 or more characters of the ID are enough',
  }),
  config: Flags.string({
    char: 'c',
    exclusive: ['path'],
    helpGroup,
    helpValue: 'NAME',
    summary: 'Select a session by the name of its profile',
  }),
  interface: Flags.string({
    char: 'I',
    exclusive: ['path', 'config'],
    helpGroup,
    helpValue: 'DEVICE',
    summary: 'Select a session by its network interface, such as tun0',
  }),
  owner: Flags.string({
    helpGroup,
    helpValue: 'USER',
    summary: 'Select only sessions of this user, by name or uid',
  }),
}

/** The flag of commands that can act on all sessions. */
export const allFlag = {
  all: Flags.boolean({
    exclusive: ['path', 'config', 'interface'],
    helpGroup,
    summary: 'Select all your sessions, and those you were granted access to',
  }),
}

export interface SelectorValues {
  readonly all?: boolean
  readonly config?: string
  readonly interface?: string
  readonly owner?: string
  readonly path?: string
  /** The value of the argument of `selectorArgs`. */
  readonly session?: string
}

/**
 * The selection of the flags or the argument; undefined without any.
 * @throws Ovpn3Error `usage` if there are several selectors, or an invalid one
 */
export function selectorOf(values: SelectorValues): Selection | undefined {
  const given = (['session', 'path', 'config', 'interface', 'all'] as const).filter(
    (name) => values[name] !== undefined,
  )
  if (given.length > 1)
    throw new Ovpn3Error(
      'usage',
      `${given.map((name) => (name === 'session' ? 'SESSION' : `--${name}`)).join(' and ')} cannot be used together`,
      {
        hint: 'Pass only one of them',
      },
    )
  if (values.session !== undefined) return selectionOf(checkText(values.session, 'SESSION', 'name, device, ID or path'))
  if (values.path !== undefined) return {kind: 'path', path: values.path}
  if (values.config !== undefined) return {kind: 'config', name: checkText(values.config, '--config', 'profile name')}
  if (values.interface !== undefined)
    return {device: checkText(values.interface, '--interface', 'network interface'), kind: 'interface'}
  return values.all ? {kind: 'all'} : undefined
}

/** A selector as it was typed, for messages: `--config office`, or `"office"` for the argument. */
export function selectorText(values: SelectorValues): string {
  if (values.session !== undefined) return `"${values.session}"`
  const name = (['path', 'config', 'interface'] as const).find((each) => values[each] !== undefined)
  return name ? `--${name} ${values[name]}` : '--all'
}

/** A word with a leading slash is a path; any other is ambiguous. */
const selectionOf = (word: string): Selection =>
  word.startsWith('/') ? {kind: 'path', path: word} : {kind: 'word', word}

function checkText(value: string, flag: string, what: string): string {
  // an unset variable in a script selects nothing
  if (value === '') throw new Ovpn3Error('usage', `${flag} is empty: it requires a ${what}`)
  // D-Bus strings cannot contain NUL; the bus would close the connection without an error
  if (value.includes('\0')) throw new Ovpn3Error('usage', `${flag}: a ${what} cannot contain a NUL character`)
  return value
}
