import {normalizeArgv, shortFlags} from '@ovpn3/kit/flags'

import type {Command, Flag} from './command'

/** The value of an option. */
export interface WantedValue {
  readonly kind: 'value'
  readonly flag: string
  /** The text before the value in the same word, such as `--config=`. */
  readonly prefix: string
  readonly typed: string
}

/** The part of the line that is to be completed. */
export type Wanted =
  /** The name of an option. */
  | {readonly kind: 'option'}
  | WantedValue
  /** An argument, by its position. */
  | {readonly kind: 'argument'; readonly position: number; readonly optionsEnded: boolean}

export interface Line {
  /** The options and arguments before the cursor, with their values. */
  readonly given: ReadonlyMap<string, readonly string[]>
  readonly wanted: Wanted
}

/** The options that a verb adds to its command. */
const impliedBy = ({implied = []}: Command) => new Map<string, string[]>(implied.map((name) => [name, []]))

/** Parses the words after a command as the command itself will. */
export function readLine(command: Command, words: readonly string[], current: string): Line {
  const {args = {}, flags = {}, optionalValues} = command
  const names = Object.keys(args)
  const given = impliedBy(command)
  const give = (name: string, value?: string) => {
    given.set(name, [...(given.get(name) ?? []), ...(value === undefined ? [] : [value])])
  }

  let awaiting: string | undefined
  let optionsEnded = false
  let position = 0
  const giveArgument = (value: string) => {
    const name = names[position++]
    if (name !== undefined) give(name, value)
  }

  /** Returns the option whose value is the next word. */
  const giveShort = (word: string): string | undefined => {
    const short = shortFlags(flags, word)
    for (const name of short.awaitsValue ? short.names.slice(0, -1) : short.names)
      give(name, flags[name]!.type === 'option' ? short.value : undefined)
    return short.awaitsValue ? short.names.at(-1) : undefined
  }

  for (const word of normalizeArgv(words, flags, optionalValues)) {
    if (awaiting !== undefined) {
      give(awaiting, word)
      awaiting = undefined
    } else if (optionsEnded || !/^-./.test(word)) giveArgument(word)
    else if (word === '--') optionsEnded = true
    else if (word.startsWith('--')) {
      const {name, value} = longOption(word)
      if (flags[name]?.type === 'option' && value === undefined) awaiting = name
      else give(flags[name] ? name : name.replace(/^no-/, ''), value)
    } else awaiting = giveShort(word)
  }

  const wanted =
    awaiting === undefined ? undefined : {flag: awaiting, kind: 'value' as const, prefix: '', typed: current}
  return {
    given,
    wanted: wanted ??
      (optionsEnded ? undefined : wantedOption(flags, current)) ?? {kind: 'argument', optionsEnded, position},
  }
}

/** The part to complete in a word that begins with a dash. */
function wantedOption(flags: Readonly<Record<string, Flag>>, current: string): Wanted | undefined {
  if (!current.startsWith('-')) return undefined
  const {name, value} = longOption(normalizeArgv([current], flags)[0]!)
  if (current.startsWith('--') && value !== undefined)
    return {flag: name, kind: 'value', prefix: current.slice(0, current.indexOf('=') + 1), typed: value}
  const short = shortFlags(flags, current)
  if (short.value === undefined) return {kind: 'option'}
  return {flag: short.names.at(-1)!, kind: 'value', prefix: current.slice(0, -short.value.length), typed: short.value}
}

function longOption(word: string): {readonly name: string; readonly value?: string} {
  const [, name = '', value] = /^--([^=]*)(?:=(.*))?$/s.exec(word) ?? []
  return {name, value}
}
