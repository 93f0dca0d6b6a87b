import {shellWord} from '@ovpn3/sessions'

import {closest} from './closest'
import {
  areExclusive,
  type FlagNames,
  type FlagRelations,
  needsOf,
  normalizeArgv,
  selectorGroup,
  shortFlags,
} from './flags'
import {selectorFlags} from './selector'

/** What was wrong with a command line. */
export interface Misuse {
  readonly message: string
  readonly hint?: string
}

/** A command line that was not understood. */
export interface WrongLine {
  readonly argv: readonly string[]
  readonly flags: Readonly<Record<string, FlagNames & FlagRelations & {readonly helpGroup?: string}>>
  /** The names of the options that were understood. */
  readonly given: readonly string[]
  readonly optionalValues: Readonly<Record<string, string>>
}

/** An option that selects a session. */
export type SelectorName = keyof typeof selectorFlags

/**
 * What is wrong with options that are given together, by what the flags say of each other; undefined where oclif's
 * own rules are more than that.
 * @param given the names of the options, in the order in which the command declares them
 */
export function misuse(flags: Readonly<Record<string, FlagRelations>>, given: readonly string[]): Misuse | undefined {
  for (const name of given) {
    const clashing = given.filter((other) => areExclusive(flags, name, other))
    if (clashing.length > 0)
      return {hint: 'Give one of them', message: `${list([name, ...clashing], 'and')} cannot be used together`}
  }

  for (const name of given) {
    for (const needed of needsOf(flags[name])) {
      if (needed.some((each) => given.includes(each))) continue
      const other = given.find((each) => needed.every((needs) => areExclusive(flags, each, needs)))
      return other === undefined
        ? {message: `--${name} needs ${list(needed, 'or')}`}
        : {hint: `It is an option of ${list(needed, 'and')}`, message: `--${name} does not go with --${other}`}
    }
  }

  return undefined
}

/**
 * What is wrong with words that belong to no option.
 * @param help where more can be read
 */
export function unexpectedArguments(words: readonly string[], line: WrongLine, help: string): Misuse {
  const {argv, flags, given, optionalValues} = line
  const bare = Object.keys(flags).find(
    (name) => flags[name]!.type === 'boolean' && words.some((word) => argv.includes(`--${name}=${word}`)),
  )
  if (bare) return {message: `--${bare} takes no value`}
  const message = `unexpected argument${words.length > 1 ? 's' : ''}: ${words.join(', ')}`
  const mayBeSession = selectsSessions(flags) && !given.some((name) => flags[name]?.helpGroup === selectorGroup)
  const [first = ''] = words
  const before = argv[argv.indexOf(first) - 1]
  const optional = Object.keys(optionalValues).find((name) => before === `--${name}=${optionalValues[name]}`)
  if (optional && (/^\d/.test(first) || !mayBeSession))
    return {hint: `Write --${optional}=${shellWord(first)}`, message}
  const switches = words.filter((word) => isSwitch(line, word))
  const [session, ...more] = words.filter((word) => !switches.includes(word))
  if (more.length > 0 || (session !== undefined && !mayBeSession)) return {message}
  const selector = session && `--${session.startsWith('/') ? 'path' : 'config'} ${shellWord(session)}`
  if (switches.length === 0) return {hint: selector && `Select a session with ${selector}`, message}
  const meant = [...switches.map((name) => `--${name}`), selector].filter(Boolean).join(' ')
  return {hint: `Did you mean ${meant}? ${help}`, message}
}

/** Whether a word is the name of an option that needs no value. */
function isSwitch({flags, optionalValues}: WrongLine, word: string): boolean {
  return Object.hasOwn(flags, word) && (flags[word]!.type === 'boolean' || word in optionalValues)
}

function selectsSessions(flags: WrongLine['flags']): boolean {
  return flags.config?.helpGroup === selectorGroup
}

/**
 * What is wrong with an option that there is not.
 * @param instead a hint for who selects a session where the command cannot
 * @param help where more can be read
 */
export function unknownOption(
  option: string,
  {argv, flags}: WrongLine,
  instead: (selector: SelectorName, value: string) => string | undefined,
  help: string,
): Misuse {
  const names = Object.entries(flags).flatMap(([name, {aliases = []}]) => [
    name,
    ...aliases.filter((alias) => alias.length > 1),
  ])
  const typed = option.replace(/^-+/, '').replace(/=.*$/s, '')
  const begun = option.startsWith('--') ? names.filter((name) => name.startsWith(typed)) : []
  if (begun.length > 1) return {message: `${option} is ambiguous: ${begun.map((name) => `--${name}`).join(', ')}`}
  const message = `there is no option ${option}`
  if (option === '--all' && selectsSessions(flags))
    return {hint: 'Select one session with --path, --config or --interface', message}
  const selector = selectorTyped(option, argv)
  const close = closest(typed, names)
  return {
    hint: (selector && instead(selector.name, selector.value)) ?? (close && `Did you mean --${close}? ${help}`),
    message,
  }
}

/** The option of other commands that selects a session, with its value, or the word for it. */
function selectorTyped(
  option: string,
  argv: readonly string[],
): undefined | {readonly name: SelectorName; readonly value: string} {
  const [word = ''] = normalizeArgv([option], selectorFlags)
  const short = shortFlags(selectorFlags, word)
  const [, long = '', attached] = /^--([^=]*)(?:=(.*))?$/s.exec(word) ?? []
  const name = (Object.keys(selectorFlags) as SelectorName[]).find((each) => each === (short.names[0] ?? long))
  if (name === undefined) return undefined
  const next = argv[argv.indexOf(option) + 1]
  const value = short.value ?? attached ?? (next?.startsWith('-') ? undefined : next)
  return {name, value: value ?? String(selectorFlags[name].helpValue)}
}

function list(names: readonly string[], word: string): string {
  const options = names.map((name) => `--${name}`)
  return options.length > 1 ? `${options.slice(0, -1).join(', ')} ${word} ${options.at(-1)}` : options.join('')
}
