/* eslint-disable @typescript-eslint/no-require-imports, n/no-missing-require -- an import would not wait */
import {type Command, flush, run, settings} from '@oclif/core'

import {loadPlugins} from './plugins'

/**
 * Where help, or a list of plugins, cannot be written: oclif's own listener, which comes later, throws what is not
 * EPIPE. Commands about sessions go on, with a listener in place of these.
 */
function failOnLostOutput({code, message}: NodeJS.ErrnoException): void {
  if (code === 'EPIPE') return
  process.stderr.write(`Error: the output cannot be written: ${message}\n`)
  // eslint-disable-next-line n/no-process-exit, unicorn/no-process-exit -- else the next listener throws
  process.exit(1)
}

/** Runs the command line of this process. @param root the folder of the CLI's package */
async function start(root: string): Promise<void> {
  // a linked plugin is run as it is, whether TypeScript is there or not
  settings.enableAutoTranspile = false
  // without it oclif looks the user up, and fails for a uid that has no entry, as in a container
  process.env.SHELL ||= '/bin/sh'
  process.stdout.on('error', failOnLostOutput)
  const plugins = await loadPlugins(root)
  const {pjson} = plugins.get('ovpn3')!
  try {
    await run(process.argv.slice(2), {pjson, plugins, root})
    await flush()
  } catch (error) {
    const {fail} = require('../src/failure') as typeof import('../src/failure')
    await fail(error as Parameters<typeof fail>[0], pjson.oclif.bin!)
  }
}

/* What package.json names for oclif. Each is loaded when it is asked for: a command's code not for another's help. */
export = {
  commands: {
    get 'session-manage'(): Command.Class {
      return (require('../src/commands/session-manage') as typeof import('../src/commands/session-manage')).default
    },
  },
  get commandNotFound() {
    return (require('../src/hooks/command-not-found') as typeof import('../src/hooks/command-not-found')).default
  },
  get Help() {
    return (require('../src/help') as typeof import('../src/help')).default
  },
  get sessionResolver() {
    return (require('../src/hooks/session-resolver') as typeof import('../src/hooks/session-resolver')).default
  },
  start,
}
