import {
  areExclusive,
  excludesSession,
  hostCompletion,
  hostGroup,
  type LiveValues,
  type OptionCompletion,
  requiredFlags,
  selectorCompletion,
  selectorGroup,
} from '@ovpn3/kit/flags'
import {safeText} from '@ovpn3/sessions'

import type {Line, WantedValue} from './line'

import {type Command, type Flag, type Installed, summaryOf} from './command'

/** A completion of a word. */
export interface Candidate {
  readonly value: string
  readonly description?: string
}

/** The live values to look up, and the parts of the command line that restrict them. */
export interface LiveQuery {
  readonly values: LiveValues
  readonly typed: string
  /** Minor codes of statuses whose sessions do not apply. */
  readonly skip: ReadonlySet<number>
  /** Only the user's own sessions apply. */
  readonly own: boolean
  /** The selected session. */
  readonly path?: string
  readonly config?: string
  readonly interface?: string
  /** The argument SESSION: a path, ID, profile or device. */
  readonly session?: string
  /** The user whose sessions apply, by name or uid. */
  readonly owner?: string
  /** The hosts whose values are meant; none: this machine. */
  readonly hosts: readonly string[]
  /** Values of the same option that are already on the line. */
  readonly taken: readonly string[]
}

/** Values of an option, or the query for them. `prefix` comes before each value in the same word. */
export interface Values {
  readonly prefix: string
  readonly values: LiveQuery | readonly string[]
}

/** The installed commands, and the verbs among their names. */
export interface CommandTable {
  readonly commands: readonly Installed[]
  readonly verbs: readonly string[]
}

const namesOf = ({cached: {aliases = [], hiddenAliases = []} = {}, id}: Installed) => [id, ...aliases, ...hiddenAliases]

/**
 * The words of command names that can follow these words. Each command is offered under one name: preferably a verb,
 * then its own name, then another alias.
 */
export function commandWords({commands, verbs}: CommandTable, words: readonly string[], current: string): Candidate[] {
  const start = words.map((word) => `${word}:`).join('')
  const found = new Map<string, string | undefined>()
  for (const command of commands) {
    if (command.cached?.hidden) continue
    const names = namesOf(command).filter((name) => name.startsWith(start + current))
    const name = names.find((each) => verbs.includes(each)) ?? names[0]
    if (name === undefined) continue
    const [word = '', ...rest] = name.slice(start.length).split(':')
    const isWhole = rest.length === 0
    if (isWhole || !found.has(word)) found.set(word, isWhole ? summaryOf(command.cached ?? {}) : undefined)
  }

  return [...found].map(([value, description]) => ({description, value}))
}

/** The command with a name. A command's own name wins over an alias, and a plugin's command over a verb. */
function commandNamed(commands: readonly Installed[], name: string): Installed | undefined {
  const own = commands.filter(({id}) => id === name)
  return own.find(({cached}) => !cached?.implied) ?? own[0] ?? commands.find((each) => namesOf(each).includes(name))
}

/** The command that the words begin with, and the number of words in its name. */
export function findCommand(
  commands: readonly Installed[],
  words: readonly string[],
): undefined | {readonly command: Installed; readonly length: number} {
  for (let {length} = words; length > 0; length--) {
    const command = commandNamed(commands, words.slice(0, length).join(':'))
    if (command) return {command, length}
  }

  return undefined
}

/** The options that can be added to the line. @param short includes one-letter options */
export function options(command: Command, given: Line['given'], {short}: {short: boolean}): Candidate[] {
  const flags = command.flags ?? {}
  const possible = (name: string) => isPossible(command, given, name)
  return [
    ...Object.entries(flags)
      .filter(
        ([name, flag]) =>
          !flag.hidden &&
          possible(name) &&
          [...requiredFlags(flag), completionOf(command, name).requires ?? [name]].every((names) =>
            names.some((needed) => given.has(needed) || (needed in flags && possible(needed))),
          ),
      )
      .flatMap(([name, flag]) =>
        spellingsOf(name, flag, short).map((value) => ({description: summaryOf(flag), value})),
      ),
    ...(flags.help ? [] : helpOptions(short)),
  ]
}

/** Whether an option can be added to those that are given. */
function isPossible(command: Command, given: Line['given'], name: string): boolean {
  const {flags = {}} = command
  if (given.has(name) && !flags[name]?.multiple) return false
  if (given.has('session') && excludesSession(flags, name)) return false
  return ![...given].some(
    ([other, values]) =>
      areExclusive(flags, name, other) || values.some((value) => excludes(command, other, value).includes(name)),
  )
}

/** The options that cannot be used beside a value of an option. */
function excludes(command: Command, name: string, value: string): readonly string[] {
  const all = completionOf(command, name).excludes ?? {}
  return (Object.hasOwn(all, value) && all[value]) || []
}

/** The options of every command. */
export function helpOptions(short: boolean): Candidate[] {
  return ['--help', ...(short ? ['-h'] : [])].map((value) => ({description: 'Show help', value}))
}

function spellingsOf(name: string, {aliases = [], allowNo, char}: Flag, short: boolean): string[] {
  return [
    `--${name}`,
    ...(allowNo ? [`--no-${name}`] : []),
    ...aliases.filter((alias) => alias.length > 1).map((alias) => `--${alias}`),
    ...(short && char ? [`-${char}`] : []),
  ]
}

/** The values of an option; none if the option cannot be used on this line. */
export function valuesOf(command: Command, given: Line['given'], wanted: WantedValue): Values {
  const {flags = {}} = command
  const {flag} = wanted
  const {list, ...completion} = completionOf(command, flag)
  const {key, values} = valuesAfterKey(completion, wanted.typed)
  const prefix = wanted.prefix + key
  const typed = wanted.typed.slice(key.length)
  if (!isPossible(command, given, flag)) return {prefix, values: []}
  if (typeof values === 'string') return {prefix, values: queryOf(command, given, {name: flag, typed, values})}

  const all = flags[flag]?.options ?? values
  const fixed = all.filter((value) => !excludes(command, flag, value).some((name) => given.has(name)))
  if (!list) return {prefix, values: fixed}
  const complete = typed.slice(0, typed.lastIndexOf(',') + 1)
  return {prefix: prefix + complete, values: fixed.filter((value) => !complete.split(',').includes(value))}
}

/** The query for values of an option or an argument. */
function queryOf(
  command: Command,
  given: Line['given'],
  {name, typed, values}: Pick<LiveQuery, 'typed' | 'values'> & {readonly name: string},
): LiveQuery {
  const completions = [...given.keys(), name].map((each) => completionOf(command, each))
  return {
    hosts: given.get('host') ?? [],
    ...Object.fromEntries(selectors.flatMap((each) => given.get(each)?.map((value) => [each, value]) ?? [])),
    own: completions.some(({own}) => own),
    skip: new Set(completions.flatMap(({skip = []}) => skip)),
    taken: given.get(name) ?? [],
    typed,
    values,
  }
}

/** The values of an option. For an option with `keys` (KEY=VALUE), the keys, or the values of the typed key. */
function valuesAfterKey(
  {keys, values = []}: OptionCompletion,
  typed: string,
): {readonly key: string; readonly values: LiveValues | readonly string[]} {
  const key = keys ? typed.slice(0, typed.indexOf('=') + 1) : ''
  if (!keys) return {key, values}
  if (key === '') return {key, values: Object.keys(keys).map((name) => `${name}=`)}
  const name = key.slice(0, -1)
  return {key, values: Object.hasOwn(keys, name) ? keys[name]! : []}
}

const selectors = ['path', 'config', 'interface', 'owner', 'session'] as const

/** The completion of an option or argument, by default that of kit's options that select sessions. */
function completionOf({args, completion, flags}: Command, name: string): OptionCompletion {
  const isSelector = flags?.[name]?.helpGroup === selectorGroup || (name === 'session' && args?.session !== undefined)
  const isHost = flags?.[name]?.helpGroup === hostGroup
  return (
    completion?.[name] ??
    (isSelector ? selectorCompletion[name] : undefined) ??
    (isHost ? hostCompletion[name] : undefined) ??
    {}
  )
}

/** The values of an argument, from the same declarations as those of options. */
export function argumentValuesOf(
  command: Command,
  given: Line['given'],
  position: number,
  typed: string,
): LiveQuery | readonly string[] {
  const [name, argument] = Object.entries(command.args ?? {})[position] ?? []
  if (name === undefined) return []
  const {requires, values} = completionOf(command, name)
  if (requires && !requires.some((option) => given.has(option))) return []
  if (name === 'session' && [...given.keys()].some((option) => excludesSession(command.flags ?? {}, option))) return []
  if (typeof values === 'string') return queryOf(command, given, {name, typed, values})
  return argument?.options ?? values ?? []
}

/** Candidates that are safe to print. Omits values with control characters, whose safe text would be another value. */
export function presentable(candidates: readonly Candidate[]): Candidate[] {
  return candidates
    .filter(({value}) => value !== '' && safeText(`_${value}_`) === `_${value}_`)
    .map(({description, value}) => ({description: description && safeText(description), value}))
}
