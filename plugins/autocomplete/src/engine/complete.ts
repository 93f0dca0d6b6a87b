import {
  argumentsOf,
  type Candidate,
  type CommandTable,
  commandWords,
  findCommand,
  helpOptions,
  type LiveQuery,
  options,
  presentable,
  valuesOf,
} from './candidates'
import {type Command} from './command'
import {readLine} from './line'

/** Finds live values. */
export type LookUp = (query: LiveQuery) => Promise<readonly Candidate[]>

/**
 * What the word at the end of a command line can become.
 * @param words those before it, without the name of the program
 */
export async function complete(
  table: CommandTable,
  words: readonly string[],
  current: string,
  lookUp: LookUp,
): Promise<readonly Candidate[]> {
  const isOption = current.startsWith('-')
  if (words[0] === 'help' && !isOption) return presentable(commandWords(table, words.slice(1), current))
  const found = findCommand(table.commands, words)
  const isNext = !isOption && words.length === (found?.length ?? words.length)
  const next = isNext ? commandWords(table, words, current) : []
  if (found) next.push(...(await ofCommand(await found.command.load(), words.slice(found.length), current, lookUp)))
  else if (isOption && words.length === 0)
    next.push(
      ...helpOptions(true),
      ...['--version', '-V', '-v'].map((value) => ({description: 'Show the version', value})),
    )
  return presentable(next)
}

async function ofCommand(
  command: Command,
  words: readonly string[],
  current: string,
  lookUp: LookUp,
): Promise<readonly Candidate[]> {
  const {given, wanted} = readLine(command, words, current)
  if (wanted.kind === 'value') {
    const {prefix, values} = valuesOf(command, given, wanted)
    const found = await candidatesOf(values, lookUp)
    return found.map(({description, value}) => ({description, value: prefix + value}))
  }

  const found =
    wanted.kind === 'argument' ? await candidatesOf(argumentsOf(command, given, wanted.position, current), lookUp) : []
  // where nothing else can come it is an option
  const isOption = wanted.kind === 'option' || (found.length === 0 && !wanted.optionsEnded && current === '')
  return isOption ? options(command, given, {short: /^-(?!-)/.test(current)}) : found
}

async function candidatesOf(values: LiveQuery | readonly string[], lookUp: LookUp): Promise<readonly Candidate[]> {
  return 'typed' in values ? lookUp(values) : values.map((value): Candidate => ({value}))
}
