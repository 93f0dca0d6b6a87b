import type {CommandTable} from './candidates'

import {bashReplies, type BashRequest, bashWords} from './bash'
import {complete} from './complete'
import {liveCandidates, type Resolver} from './live'

/** Time limit for live values, in milliseconds. */
const timeout = 500

/**
 * The lines to print for a shell.
 * @param args the name of the shell and the arguments of its script in this package, which describe the command line
 * @param resolvers the implementations of the hook `session-resolver`
 */
export async function reply(
  [shell, ...args]: readonly string[],
  {resolvers, ...table}: CommandTable & {readonly resolvers: readonly Resolver[]},
): Promise<string[]> {
  // a command without a manifest has been loaded by then, which can take longer on a busy machine
  const timeIsUp = () =>
    new Promise<void>((resolve) => {
      setTimeout(resolve, timeout)
    })
  const candidatesFor = (words: readonly string[], current = '') =>
    complete(table, words, current, (query) => liveCandidates(query, {resolvers, timeIsUp: timeIsUp()}))
  if (shell === 'bash') {
    const [type, columns, line = '', point, replaced = '', ...words] = args
    const request: BashRequest = {
      columns: Number(columns),
      line: line.slice(0, Number(point)),
      replaced,
      type: Number(type),
      words,
    }
    const [, ...typed] = bashWords(request)
    return bashReplies(request, await candidatesFor(typed.slice(0, -1), typed.at(-1)))
  }

  const [current, ...words] = args
  const candidates = await candidatesFor(words, current)
  return candidates.map(({description, value}) => `${value}\t${description ?? ''}`)
}
