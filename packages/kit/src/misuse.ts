import {safeText} from '@ovpn3/sessions'

import {closest} from './closest'
import {
  areExclusive,
  didYouMean,
  excludesSession,
  type FlagNames,
  type FlagRelations,
  normalizeArgv,
  requiredFlags,
  selectorGroup,
  shortFlags,
  switchWithValue,
} from './flags'
import {unexpected, unknownOptions} from './flags/parser-error'
import {selectorFlags} from './selector'

/** An error in a command line. */
export interface Misuse {
  readonly message: string
  readonly hint?: string
}

/** A command line with an error. */
export interface CommandLine {
  /** The arguments of the command, by their names. */
  readonly args: Readonly<Record<string, unknown>>
  /** Normalized. */
  readonly argv: readonly string[]
  /** The words that run the command. */
  readonly command: readonly string[]
  readonly flags: Readonly<Record<string, FlagNames & FlagRelations & {readonly helpGroup?: string}>>
  /** The names of the recognized options. */
  readonly given: readonly string[]
  readonly optionalValues: Readonly<Record<string, string>>
  /** `argv` as typed, word by word. */
  readonly typed: readonly string[]
}

/** An option that selects a session. */
export type SelectorName = keyof typeof selectorFlags

/**
 * The error for options that exclude each other or require another one, from the relations that the flags declare;
 * undefined if there is none, or if only oclif can tell.
 * @param given the names of the options, in the order in which the command declares them
 */
export function misuse(flags: Readonly<Record<string, FlagRelations>>, given: readonly string[]): Misuse | undefined {
  for (const name of given) {
    const conflicting = given.filter((other) => areExclusive(flags, name, other))
    if (conflicting.length > 0)
      return {hint: 'Pass only one of them', message: `${list([name, ...conflicting], 'and')} cannot be used together`}
  }

  for (const name of given) {
    for (const needed of requiredFlags(flags[name])) {
      if (needed.some((each) => given.includes(each))) continue
      const other = given.find((each) => needed.every((name) => areExclusive(flags, each, name)))
      return other === undefined
        ? {message: `--${name} requires ${list(needed, 'or')}`}
        : {
            hint: `Use --${name} with ${list(needed, 'or')}`,
            message: `--${name} and --${other} cannot be used together`,
          }
    }
  }

  return undefined
}

/** The error for a switch with a value; undefined if there is none. */
export function switchMisuse({argv, command, flags, optionalValues, typed}: CommandLine): Misuse | undefined {
  const found = switchWithValue(argv, flags, optionalValues)
  return (
    found && {
      hint: didYouMean([...command, ...typed.map((word, i) => (i === found.index ? `--${found.name}` : word))]),
      message: `--${found.name} takes no value`,
    }
  )
}

/** The error for the argument SESSION beside an option that selects a session itself, or needs none. */
export function argumentMisuse(word: string, line: CommandLine): Misuse | undefined {
  const conflicting = line.given.find((name) => excludesSession(line.flags, name))
  return conflicting === undefined
    ? undefined
    : {
        hint: suggestedLine([word], line) ?? 'Pass only one of them',
        message: `"${safeText(word)}" and --${conflicting} cannot be used together`,
      }
}

/**
 * The error for words beyond the arguments.
 * @param words all words that belong to no option
 */
export function extraMisuse(extra: readonly string[], words: readonly string[], line: CommandLine): Misuse {
  return {hint: suggestedLine(words, line), message: unexpected(extra)}
}

/**
 * Suggests a corrected command line if words are options without their dashes, or the value of the option before them.
 * @param words the words that belong to no option
 */
export function suggestedLine(words: readonly string[], line: CommandLine): string | undefined {
  const {argv, command, flags, given, optionalValues, typed} = line
  if (words.includes('help')) return didYouMean([...command, '--help'])
  const isSelected = !takesSession(line) || given.some((name) => flags[name]?.helpGroup === selectorGroup)
  for (const word of words) {
    const at = argv.lastIndexOf(word)
    const optional = Object.keys(optionalValues).find((name) => argv[at - 1] === `--${name}=${optionalValues[name]}`)
    if (optional && (/^\d/.test(word) || isSelected))
      return didYouMean([...command, ...typed.slice(0, at - 1), `--${optional}=${word}`, ...typed.slice(at + 1)])
  }

  const switches = new Set(words.filter((word) => isSwitch(line, word)))
  if (switches.size === 0 || words.length - switches.size > (isSelected ? 0 : 1)) return undefined
  return didYouMean([...command, ...typed.map((word) => (switches.has(word) ? `--${word}` : word))])
}

/** Whether a word is the name of an option that needs no value. */
function isSwitch({flags, optionalValues}: CommandLine, word: string): boolean {
  return Object.hasOwn(flags, word) && (flags[word]!.type === 'boolean' || word in optionalValues)
}

/** Whether a command selects sessions: it then has options in that help group. */
function selectsSessions(flags: CommandLine['flags']): boolean {
  return flags.config?.helpGroup === selectorGroup
}

/** Whether a command takes SESSION as its argument. */
const takesSession = ({args}: CommandLine) => 'session' in args

/**
 * The error for an unknown option.
 * @param instead returns the words to use instead of an option that selects a session, if the command has no such option
 */
export function unknownOption(
  option: string,
  {argv, command, flags, typed: line}: CommandLine,
  instead: (selector: SelectorName, value: string) => readonly string[] | undefined,
): Misuse {
  const names = Object.entries(flags).flatMap(([name, {aliases = []}]) => [
    name,
    ...aliases.filter((alias) => alias.length > 1),
  ])
  const typed = option.replace(/^-+/, '').replace(/=.*$/s, '')
  if (option.startsWith('--help=')) return {hint: didYouMean([...command, '--help']), message: '--help takes no value'}
  const completions = option.startsWith('--') ? names.filter((name) => name.startsWith(typed)) : []
  if (completions.length > 1) return {message: `ambiguous option: ${option} could be ${list(completions, 'or')}`}
  const message = unknownOptions([option])
  if (option === '--all' && selectsSessions(flags))
    return {hint: 'Select one session: pass its name, device or ID', message}
  const at = argv.indexOf(option)
  const selector = selectorTyped(option, argv[at + 1])
  const other = selector && instead(selector.name, selector.value)
  if (other)
    return {hint: didYouMean([...command, ...line.slice(0, at), ...other, ...line.slice(at + selector.words)]), message}
  const close = closest(typed, names)
  if (!close) return {message}
  const meant = `--${close}${/=.*$/s.exec(option)?.[0] ?? ''}`
  return {hint: didYouMean([...command, ...line.slice(0, at), meant, ...line.slice(at + 1)]), message}
}

interface TypedSelector {
  readonly name: SelectorName
  /** The typed value, or its placeholder if none was typed. */
  readonly value: string
  /** How many words of the line it takes. */
  readonly words: number
}

/** The option that selects a session in other commands, if one was typed. @param next the word after it */
function selectorTyped(option: string, next: string | undefined): TypedSelector | undefined {
  const [word = ''] = normalizeArgv([option], selectorFlags)
  const short = shortFlags(selectorFlags, word)
  const [, long = '', attached] = /^--([^=]*)(?:=(.*))?$/s.exec(word) ?? []
  const name = (Object.keys(selectorFlags) as SelectorName[]).find((each) => each === (short.names[0] ?? long))
  if (name === undefined) return undefined
  const inline = short.value ?? attached
  if (inline !== undefined) return {name, value: inline, words: 1}
  return next === undefined || next.startsWith('-')
    ? {name, value: String(selectorFlags[name].helpValue), words: 1}
    : {name, value: next, words: 2}
}

function list(names: readonly string[], word: string): string {
  const options = names.map((name) => `--${name}`)
  return options.length > 1 ? `${options.slice(0, -1).join(', ')} ${word} ${options.at(-1)}` : options.join('')
}
