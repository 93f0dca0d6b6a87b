import {
  argumentsOf,
  type Candidate,
  commandWords,
  findCommand,
  helpOptions,
  type LiveQuery,
  options,
  presentable,
  valuesOf,
} from './candidates'
import {type Command, type Installed} from './installed'
import {readLine} from './line'

/**
 * What the word at the end of a command line can become.
 * @param words those before it, without the name of the program
 * @param lookUp finds live values
 */
export async function complete(
  commands: readonly Installed[],
  words: readonly string[],
  current: string,
  lookUp: (query: LiveQuery) => Promise<Candidate[]>,
): Promise<Candidate[]> {
  return presentable(await candidates(commands, words, current, lookUp))
}

async function candidates(
  commands: readonly Installed[],
  words: readonly string[],
  current: string,
  lookUp: (query: LiveQuery) => Promise<Candidate[]>,
): Promise<Candidate[]> {
  if (words[0] === 'help' && !current.startsWith('-')) return commandWords(commands, words.slice(1))
  const found = findCommand(commands, words)
  const isNext = words.length === (found?.length ?? words.length)
  const next = isNext && !current.startsWith('-') ? commandWords(commands, words) : []
  if (found)
    return [...next, ...(await ofCommand(await found.command.load(), words.slice(found.length), current, lookUp))]
  if (words.length > 0 || !current.startsWith('-')) return next
  return [...helpOptions(true), {description: 'Show the version', value: '--version'}]
}

async function ofCommand(
  command: Command,
  words: readonly string[],
  current: string,
  lookUp: (query: LiveQuery) => Promise<Candidate[]>,
): Promise<Candidate[]> {
  const line = readLine(command, words, current)
  const {wanted} = line
  switch (wanted.kind) {
    case 'argument': {
      const values = argumentsOf(command, wanted.position)
      // where nothing else can come it is an option
      return values.length > 0 || wanted.optionsEnded || current !== ''
        ? values
        : options(command, line, {short: false})
    }

    case 'option':
      return options(command, line, {short: !current.startsWith('--')})
    case 'value': {
      const values = valuesOf(command, line.given, wanted)
      const found = 'query' in values ? await lookUp(values.query) : values.values.map((value): Candidate => ({value}))
      return found.map(({description, value}) => ({description, value: values.prefix + value}))
    }
  }
}
