import {
  argumentValuesOf,
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

/** Looks up live values. */
export type LookUp = (query: LiveQuery) => Promise<readonly Candidate[]>

/**
 * The completions of the last word of a command line.
 * @param words the words before it, without the name of the program
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
  if (found) next.push(...(await afterCommand(await found.command.load(), words.slice(found.length), current, lookUp)))
  else if (isOption && words.length === 0)
    next.push(
      ...helpOptions(true),
      ...['--version', '-V', '-v'].map((value) => ({description: 'Show the version', value})),
    )
  return presentable(next)
}

async function afterCommand(
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
    wanted.kind === 'argument'
      ? await candidatesOf(argumentValuesOf(command, given, wanted.position, current), lookUp)
      : []
  // offer options if the line takes no other argument
  const isOption = wanted.kind === 'option' || (found.length === 0 && !wanted.optionsEnded && current === '')
  return isOption ? options(command, given, {short: /^-(?!-)/.test(current)}) : found
}

async function candidatesOf(values: LiveQuery | readonly string[], lookUp: LookUp): Promise<readonly Candidate[]> {
  return 'typed' in values ? lookUp(values) : values.map((value): Candidate => ({value}))
}
