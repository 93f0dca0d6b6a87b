import {closest} from './closest'
import {
  areExclusive,
  didYouMean,
  type FlagNames,
  type FlagRelations,
  normalizeArgv,
  requiredFlags,
  selectorFor,
  selectorGroup,
  shortFlags,
} from './flags'
import {unexpected, unrecognized} from './flags/parser-error'
import {selectorFlags} from './selector'

/** What was wrong with a command line. */
export interface Misuse {
  readonly message: string
  readonly hint?: string
}

/** A command line that was not understood. */
export interface CommandLine {
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
      return {hint: 'Give one of them', message: `${list([name, ...clashing], 'and')} cannot be used together`}
  }

  for (const name of given) {
    for (const needed of requiredFlags(flags[name])) {
      if (needed.some((each) => given.includes(each))) continue
      const other = given.find((each) => needed.every((name) => areExclusive(flags, each, name)))
      return other === undefined
        ? {message: `--${name} needs ${list(needed, 'or')}`}
        : {hint: `It is an option of ${list(needed, 'and')}`, message: `--${name} does not go with --${other}`}
    }
  }

  return undefined
}

/** What is wrong with words that belong to no option. */
export function unexpectedArguments(words: readonly string[], line: CommandLine): Misuse {
  const {argv, command, flags, given, optionalValues, typed} = line
  const bare = Object.keys(flags).find(
    (name) => flags[name]!.type === 'boolean' && words.some((word) => argv.includes(`--${name}=${word}`)),
  )
  if (bare) {
    const isBare = (word: string) => word.startsWith(`--${bare}=`)
    return {
      hint: didYouMean([...command, ...typed.map((word, i) => (isBare(argv[i]!) ? `--${bare}` : word))]),
      message: `--${bare} takes no value`,
    }
  }

  const message = unexpected(words)
  if (words.includes('help')) return {hint: didYouMean([...command, '--help']), message}
  const mayBeSession = selectsSessions(flags) && !given.some((name) => flags[name]?.helpGroup === selectorGroup)
  const [first = ''] = words
  const at = argv.indexOf(first)
  const optional = Object.keys(optionalValues).find((name) => argv[at - 1] === `--${name}=${optionalValues[name]}`)
  if (optional && (/^\d/.test(first) || !mayBeSession)) {
    const joined = `--${optional}=${first}`
    return {hint: didYouMean([...command, ...typed.slice(0, at - 1), joined, ...typed.slice(at + 1)]), message}
  }

  const switches = new Set(words.filter((word) => isSwitch(line, word)))
  const [session, ...more] = words.filter((word) => !switches.has(word))
  if (more.length > 0 || (session !== undefined && !mayBeSession)) return {message}
  const meant = typed.flatMap((word) => {
    if (switches.has(word)) return [`--${word}`]
    return word === session ? selectorFor(word) : [word]
  })
  return {hint: didYouMean([...command, ...meant]), message}
}

/** Whether a word is the name of an option that needs no value. */
function isSwitch({flags, optionalValues}: CommandLine, word: string): boolean {
  return Object.hasOwn(flags, word) && (flags[word]!.type === 'boolean' || word in optionalValues)
}

function selectsSessions(flags: CommandLine['flags']): boolean {
  return flags.config?.helpGroup === selectorGroup
}

/**
 * What is wrong with an option that there is not.
 * @param instead what to say for an option that selects a session, where the command has none
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
  if (begun.length > 1)
    return {message: `option '${option}' is ambiguous; possibilities: ${begun.map((name) => `'--${name}'`).join(' ')}`}
  const message = unrecognized([option])
  if (option === '--all' && selectsSessions(flags))
    return {hint: 'Select one session with --path, --config or --interface', message}
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
