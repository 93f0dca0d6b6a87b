import * as Flags from '@oclif/core/flags'
import {Ovpn3Error, type Selector} from '@ovpn3/sessions'

import {selectorGroup as helpGroup} from './flags'

/**
 * The flags that select one session. Exactly one is to be given, `selectorOf` sees to it, but for `owner`, which narrows
 * the others.
 */
export const selectorFlags = {
  path: Flags.string({
    aliases: ['session-path'],
    char: 'o',
    helpGroup,
    helpValue: 'SESSION',
    summary: 'D-Bus path or id of the session, or the beginning of its id (4 characters or more).',
  }),
  config: Flags.string({
    char: 'c',
    exclusive: ['path'],
    helpGroup,
    helpValue: 'NAME',
    summary: 'Name of the profile that the session was started from.',
  }),
  interface: Flags.string({
    char: 'I',
    exclusive: ['path', 'config'],
    helpGroup,
    helpValue: 'DEVICE',
    summary: 'Network interface of the session, such as tun0.',
  }),
  owner: Flags.string({
    helpGroup,
    helpValue: 'USER',
    summary: 'Only sessions of this user, by name or uid.',
  }),
}

/** For commands that can act on every session. */
export const allFlag = {
  all: Flags.boolean({
    exclusive: ['path', 'config', 'interface'],
    helpGroup,
    summary: 'All your sessions, and those that you were granted access to.',
  }),
}

export interface SelectorValues {
  readonly all?: boolean
  readonly config?: string
  readonly interface?: string
  readonly owner?: string
  readonly path?: string
}

/**
 * The selector that the flags stand for; undefined where none was given.
 * @throws Ovpn3Error `usage` where there is more than one, or where it cannot be right
 */
export function selectorOf(values: SelectorValues): Selector | undefined {
  const given = (['path', 'config', 'interface', 'all'] as const).filter((name) => values[name] !== undefined)
  if (given.length > 1)
    throw new Ovpn3Error('usage', `${given.map((name) => `--${name}`).join(' and ')} cannot be used together`, {
      hint: 'Select a session in one way only',
    })
  if (values.path !== undefined) return {kind: 'path', path: values.path}
  if (values.config !== undefined) return {kind: 'config', name: checkText(values.config, '--config', 'profile name')}
  if (values.interface !== undefined)
    return {device: checkText(values.interface, '--interface', 'network interface'), kind: 'interface'}
  return values.all ? {kind: 'all'} : undefined
}

/** A selector in words, for messages: `--config office`. */
export function selectorText(selector: Selector): string {
  switch (selector.kind) {
    case 'all':
      return '--all'
    case 'config':
      return `--config ${selector.name}`
    case 'interface':
      return `--interface ${selector.device}`
    case 'path':
      return `--path ${selector.path}`
  }
}

function checkText(value: string, flag: string, what: string): string {
  if (value === '') throw new Ovpn3Error('usage', `${flag} needs a ${what}`)
  // D-Bus strings cannot hold it, and would fail for a reason that says nothing
  if (value.includes('\0')) throw new Ovpn3Error('usage', `${flag}: a ${what} has no NUL character`)
  return value
}
