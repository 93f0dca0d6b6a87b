import type {Command, Interfaces} from '@oclif/core'

import {flush} from '@oclif/core/flush'
import {run, versionAddition} from '@oclif/core/run'
import {settings} from '@oclif/core/settings'
import {safeText} from '@ovpn3/sessions'

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

/* package.json names these exports for oclif. */
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
 * Ends the process if help or a list of plugins cannot be written: oclif's own listener, which is added later, throws
 * every error except EPIPE. Commands about sessions replace both listeners and continue.
 */
function failOnLostOutput({code, message}: NodeJS.ErrnoException): void {
  if (code === 'EPIPE') return
  process.stderr.write(`Error: cannot write the output: ${message}\n`)
  // eslint-disable-next-line n/no-process-exit, unicorn/no-process-exit -- otherwise, the next listener throws
  process.exit(1)
}

/** Prints a warning of Node.js or oclif in one line, without control characters. */
function printWarning({detail, message}: Error & {readonly detail?: string}): void {
  // oclif names the plugin and the reason in the details only
  const named = (label: string) => new RegExp(`^${label}: (.*)$`, 'm').exec(detail ?? '')?.[1]
  const plugin = named('plugin')
  const text = named('message') ?? message.split('\n', 1)[0]!
  process.stderr.write(`Warning: ${plugin === undefined ? '' : `plugin ${safeText(plugin)}: `}${safeText(text)}\n`)
}

/** Runs the command line of this process. @param find locates the package of the CLI faster than oclif */
export async function main(find: () => Promise<Interfaces.Options>): Promise<void> {
  // run the compiled code of a linked plugin, even if TypeScript is installed
  settings.enableAutoTranspile = false
  // without SHELL, oclif looks up the user, which fails for a uid without an account, as in a container
  process.env.SHELL ||= '/bin/sh'
  process.stdout.on('error', failOnLostOutput)
  // without a listener of Node's, warnings are off
  if (process.listenerCount('warning') > 0) {
    process.removeAllListeners('warning')
    process.on('warning', printWarning)
  }

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
