import type {Command, Interfaces} from '@oclif/core'

import {flush} from '@oclif/core/flush'
import {run, versionAddition} from '@oclif/core/run'
import {settings} from '@oclif/core/settings'

import {actionVerb} from './commands/action-verb'
import Plugins from './commands/plugins'
import PluginsInspect from './commands/plugins/inspect'
import PluginsInstall from './commands/plugins/install'
import PluginsLink from './commands/plugins/link'
import PluginsReset from './commands/plugins/reset'
import PluginsUninstall from './commands/plugins/uninstall'
import PluginsUpdate from './commands/plugins/update'
import SessionManage from './commands/session-manage'
import {fail} from './failure'
import {actionVerbs} from './verbs'
import {versionReport} from './version'

/* What package.json names for oclif. */
export {default as Help} from './help'
export {default as commandNotFound} from './hooks/command-not-found'
export {default as sessionResolver} from './hooks/session-resolver'
export const commands: Readonly<Record<string, Command.Class>> = Object.defineProperties(
  {},
  Object.fromEntries(
    [
      ...actionVerbs.map((verb) => ({load: () => actionVerb(verb), name: verb.name})),
      {load: () => Plugins, name: 'plugins'},
      {load: () => PluginsInspect, name: 'plugins:inspect'},
      {load: () => PluginsInstall, name: 'plugins:install'},
      {load: () => PluginsLink, name: 'plugins:link'},
      {load: () => PluginsReset, name: 'plugins:reset'},
      {load: () => PluginsUninstall, name: 'plugins:uninstall'},
      {load: () => PluginsUpdate, name: 'plugins:update'},
      {load: () => SessionManage, name: 'session-manage'},
    ].map(({load, name}) => [name, {enumerable: true, get: load}]),
  ),
)

/**
 * Where help, or a list of plugins, cannot be written: oclif's own listener, which comes later, throws what is not
 * EPIPE. Commands about sessions go on, with a listener in place of these.
 */
function failOnLostOutput({code, message}: NodeJS.ErrnoException): void {
  if (code === 'EPIPE') return
  process.stderr.write(`Error: cannot write the output: ${message}\n`)
  // eslint-disable-next-line n/no-process-exit, unicorn/no-process-exit -- else the next listener throws
  process.exit(1)
}

/** Runs the command line of this process. @param find finds the CLI's package, and what oclif need not look for */
export async function main(find: () => Promise<Interfaces.Options>): Promise<void> {
  // a linked plugin is run as it is, whether TypeScript is there or not
  settings.enableAutoTranspile = false
  // without it oclif looks the user up, and fails for a uid that has no entry, as in a container
  process.env.SHELL ||= '/bin/sh'
  process.stdout.on('error', failOnLostOutput)
  const cli = await find()
  const argv = process.argv.slice(2)
  try {
    if (versionAddition(argv, cli as Interfaces.Config)) process.stdout.write(await versionReport(argv, cli.pjson!))
    else await run(argv, cli)
    await flush()
  } catch (error) {
    await fail(error as Parameters<typeof fail>[0], cli.pjson!.oclif.bin!)
  }
}
