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

/** What was wrong with a command line. */
export interface Misuse {
  readonly message: string
  readonly hint?: string
}

/** A command line that was not understood. */
export interface CommandLine {
  /** The arguments of the command, by their names. */
  readonly args: Readonly<Record<string, unknown>>
  /** Normalized. */
  readonly argv: readonly string[]
  /** The words that run the command. */
  readonly command: readonly string[]
  readonly flags: Readonly<Record<string, FlagNames & FlagRelations & {readonly helpGroup?: string}>>
  /** The names of the options that were understood. */
  readonly given: readonly string[]
  readonly optionalValues: Readonly<Record<string, string>>
  /** `argv` as it was typed, word by word. */
  readonly typed: readonly string[]
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
      return {hint: 'Pass only one of them', message: `${list([name, ...clashing], 'and')} cannot be used together`}
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

/** Says that a switch was given a value; undefined where none was. */
export function switchMisuse({argv, command, flags, optionalValues, typed}: CommandLine): Misuse | undefined {
  const found = switchWithValue(argv, flags, optionalValues)
  return (
    found && {
      hint: didYouMean([...command, ...typed.map((word, i) => (i === found.index ? `--${found.name}` : word))]),
      message: `--${found.name} takes no value`,
    }
  )
}

/** Says that a session is selected by the argument and by an option, or that the option selects none. */
export function argumentMisuse(word: string, line: CommandLine): Misuse | undefined {
  const clashing = line.given.find((name) => excludesSession(line.flags, name))
  return clashing === undefined
    ? undefined
    : {
        hint: meantLine([word], line) ?? 'Pass only one of them',
        message: `"${word}" and --${clashing} cannot be used together`,
      }
}

/**
 * What is wrong with words beyond the arguments.
 * @param words all that belong to no option
 */
export function extraMisuse(extra: readonly string[], words: readonly string[], line: CommandLine): Misuse {
  return {hint: meantLine(words, line), message: unexpected(extra)}
}

/**
 * Suggests the command line that was probably meant, where words are options of the command without their dashes, or
 * the value of the option before them.
 * @param words those that belong to no option
 */
export function meantLine(words: readonly string[], line: CommandLine): string | undefined {
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

/** Whether a word is the name of an option that can do without a value. */
function isSwitch({flags, optionalValues}: CommandLine, word: string): boolean {
  return Object.hasOwn(flags, word) && (flags[word]!.type === 'boolean' || word in optionalValues)
}

/** Whether a command selects sessions: its options say so in the help, too. */
function selectsSessions(flags: CommandLine['flags']): boolean {
  return flags.config?.helpGroup === selectorGroup
}

/** Whether a command takes SESSION as its argument. */
const takesSession = ({args}: CommandLine) => 'session' in args

/**
 * What is wrong with an unknown option.
 * @param instead the words to use in place of an option that selects a session, where the command has none
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
  const begun = option.startsWith('--') ? names.filter((name) => name.startsWith(typed)) : []
  if (begun.length > 1) return {message: `ambiguous option: ${option} could be ${list(begun, 'or')}`}
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
  /** Or the word for it, where none was typed. */
  readonly value: string
  /** How many words of the line it takes. */
  readonly words: number
}

/** The option of other commands that selects a session. @param next the word behind it */
function selectorTyped(option: string, next: string | undefined): TypedSelector | undefined {
  const [word = ''] = normalizeArgv([option], selectorFlags)
  const short = shortFlags(selectorFlags, word)
  const [, long = '', attached] = /^--([^=]*)(?:=(.*))?$/s.exec(word) ?? []
  const name = (Object.keys(selectorFlags) as SelectorName[]).find((each) => each === (short.names[0] ?? long))
  if (name === undefined) return undefined
  const own = short.value ?? attached
  if (own !== undefined) return {name, value: own, words: 1}
  return next === undefined || next.startsWith('-')
    ? {name, value: String(selectorFlags[name].helpValue), words: 1}
    : {name, value: next, words: 2}
}

function list(names: readonly string[], word: string): string {
  const options = names.map((name) => `--${name}`)
  return options.length > 1 ? `${options.slice(0, -1).join(', ')} ${word} ${options.at(-1)}` : options.join('')
}
