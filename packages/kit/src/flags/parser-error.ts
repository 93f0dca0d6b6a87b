import type {FlagRelations} from './relations'

/**
 * The data in the errors of oclif's parser. It exports no classes for them, and a plugin may bring its own copy of
 * oclif, so their fields distinguish them.
 */
export interface ParserError extends Error {
  /** Unknown options (`NonExistentFlagsError`). */
  readonly flags?: readonly string[]
  /** Words beyond the arguments (`UnexpectedArgsError`), or the definitions of missing arguments (`RequiredArgsError`). */
  readonly args?: unknown
  readonly parse?: Partial<ParsedLine>
}

interface ParsedLine {
  readonly input: {readonly flags: Readonly<Record<string, FlagRelations>>}
  readonly output: {
    /** The words that belong to no option. */
    readonly argv: readonly unknown[]
    readonly flags: Readonly<Record<string, unknown>>
    readonly metadata: {readonly flags?: Readonly<Record<string, {readonly setFromDefault?: boolean}>>}
  }
}

/**
 * The sentences of oclif that we reword: these errors have no data. test/kit/parser-error.test.ts fails when oclif
 * changes one.
 */
const sentences: readonly (readonly [RegExp, string])[] = [
  [/\nSee more help with --help$/, ''],
  [/^Flag (--\S+) expects a value$/, 'option $1 requires a value'],
  [/^Flag (?=--)/, ''],
  [/^Expected (--[^=]+)=([^]*) to be one of: ([^]*)$/, 'invalid value for $1: $2: pass one of $3'],
]

/** An error of oclif's parser as one line of ours, without a reference to the help. */
export function parserText(error: ParserError): string {
  if (error.flags) return unknownOptions(error.flags)
  const words = extraWords(error)
  if (words) return unexpected(words)
  const missing = missingArgs(error)
  if (missing) return `missing argument${missing.length > 1 ? 's' : ''}: ${missing.join(', ')}`
  return sentences
    .reduce((text, [pattern, ours]) => text.replace(pattern, ours), error.message)
    .replace(/^[A-Z][a-z]/, (start) => start.toLowerCase())
    .replaceAll(/\s*\n\s*/g, ' ')
}

/** The words beyond the arguments of the command. */
export function extraWords({args}: ParserError): readonly string[] | undefined {
  return Array.isArray(args) && args.every((each): each is string => typeof each === 'string') ? args : undefined
}

/** The names of missing arguments, as the help shows them. */
function missingArgs({args}: ParserError): readonly string[] | undefined {
  const names = Array.isArray(args) ? args.map((each: unknown) => (each as {readonly name?: unknown} | null)?.name) : []
  return names.length > 0 && names.every((name) => typeof name === 'string')
    ? names.map((name) => name.toUpperCase())
    : undefined
}

/** The flags that were typed, in the order in which they are declared. */
export function givenFlags({parse: {input, output} = {}}: Pick<ParserError, 'parse'>): string[] {
  if (!input || !output) return []
  const {flags, metadata} = output
  return Object.keys(input.flags).filter((name) => flags[name] !== undefined && !metadata.flags?.[name]?.setFromDefault)
}

/** Says which options are unknown. */
export function unknownOptions(options: readonly string[]): string {
  return `unknown option${options.length > 1 ? 's' : ''}: ${options.join(', ')}`
}

/** Says which words are beyond the arguments. */
export function unexpected(words: readonly string[]): string {
  return `unexpected argument${words.length > 1 ? 's' : ''}: ${words.join(', ')}`
}
