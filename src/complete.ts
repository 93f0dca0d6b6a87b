/**
 * What the shells call on Tab, as `ovpn3 --complete SHELL …`: prints the candidates, one a line, and nothing else
 * whatever happens. A program of its own, which loads as little as it can: every Tab is a start.
 */
import {reply, type Resolver} from '@ovpn3/plugin-autocomplete'
import {writeSync} from 'node:fs'

import {localSource} from './hooks/session-resolver'
import {findPlugins} from './plugins/find'
import {commandsOf, resolversOf} from './plugins/modules'
import {verbNames} from './verbs'

let asks = 0

/** Whether the service was asked. */
export const asked = (): boolean => asks > 0

const ownResolver: Resolver = async (options) => {
  asks++
  return localSource(options)
}

/** There is nobody to tell: the person is in the middle of a line. */
function report(error: unknown): void {
  if (process.env.DEBUG) console.error(error)
}

/** Answers the command line of this process. @param root the folder of the CLI's package */
export async function start(root: string): Promise<void> {
  // in code of a plugin, it is no reason to offer nothing
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

  // what has not answered by now is not waited for
  // eslint-disable-next-line n/no-process-exit, unicorn/no-process-exit
  process.exit(0)
}
