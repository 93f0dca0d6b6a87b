/**
 * The program behind `ovpn3 --complete SHELL …`, which the shells run on Tab. It prints one candidate a line, and never
 * an error. It loads as little as possible, because every Tab starts it anew.
 */
import {reply, type Resolver} from '@ovpn3/plugin-autocomplete'
import {writeSync} from 'node:fs'

import {ownSources} from './hooks/session-resolver'
import {findPlugins} from './plugins/find'
import {commandsOf, resolversOf} from './plugins/modules'
import {verbNames} from './verbs'

let asks = 0

/** Whether the session manager was called. */
export const asked = (): boolean => asks > 0

const ownResolver: Resolver = async (options) => {
  asks++
  return ownSources(options)
}

/** Prints an error for debugging only: the user is in the middle of a command line. */
function report(error: unknown): void {
  if (process.env.DEBUG) console.error(error)
}

/** Prints the candidates for the command line of this process. @param root the folder of the CLI's package */
export async function start(root: string): Promise<void> {
  // an error in a plugin must not prevent the other candidates
  process.on('uncaughtException', report)
  try {
    const [cli, ...others] = findPlugins(root)
    const lines = await reply(process.argv.slice(3), {
      commands: [cli!, ...others].flatMap((plugin) => commandsOf(plugin)),
      verbs: verbNames,
      resolvers: [ownResolver, ...others.flatMap((plugin) => resolversOf(plugin))],
    })
    writeSync(1, lines.map((line) => `${line}\n`).join(''))
  } catch (error) {
    report(error)
  }

  // do not wait for sources that have not answered by now
  // eslint-disable-next-line n/no-process-exit, unicorn/no-process-exit
  process.exit(0)
}
