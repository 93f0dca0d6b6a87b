import type {Command, Interfaces} from '@oclif/core'

import {Plugin} from '@oclif/core/config'
import {safeText} from '@ovpn3/sessions'

import {addBroken} from '../src/plugins/broken'
import {findPlugins, type FoundPlugin, type Listed} from '../src/plugins/find'
import {verbNames} from '../src/verbs'
import {bundled} from './bundled'

/** A plugin whose folder is known. The commands of core plugins are in the bundle. */
class LocatedPlugin extends Plugin {
  constructor(found: FoundPlugin) {
    const {alias, folder, pjson, tag, type, url} = found
    // oclif does not search for the folder of a root plugin. It must load a plugin without an oclif section itself,
    // because the settings may be in another file.
    const known = pjson.oclif && {isRoot: true, pjson: pjson as Interfaces.PJSON}
    super({name: alias, root: folder, tag, type, url, ...known})
    // oclif prints what happens to a command that cannot be loaded; the method is private
    Object.assign(this, {warn: (error: Error) => warnOf(error, found)})
  }

  override async findCommand(id: string, options: {must: true}): Promise<Command.Class> {
    const {commands, version} = bundled[this.name] ?? {}
    const load = this.type === 'core' && version === this.version ? commands?.[id] : undefined
    if (!load) return super.findCommand(id, options)
    const command = load()
    command.id = id
    command.plugin = this
    return command
  }
}

/** Prints one line for each broken plugin. */
function warnOf(error: Error, plugin?: Listed): void {
  if (!plugin) process.emitWarning(error)
  else {
    const broken = addBroken(plugin, error)
    if (broken) process.stderr.write(`Warning: plugin ${safeText(broken.name)} is broken: ${safeText(broken.reason)}\n`)
  }
}

/**
 * The CLI and its plugins for oclif, by name. A plugin that cannot be loaded is omitted with a warning.
 */
export async function loadPlugins(root: string): Promise<Map<string, Interfaces.Plugin>> {
  const plugins = new Map(findPlugins(root, warnOf).map((found) => [found, new LocatedPlugin(found)]))
  await Promise.all(
    [...plugins].map(async ([found, plugin]) => {
      try {
        await plugin.load()
      } catch (error) {
        plugins.delete(found)
        warnOf(error as Error, found)
      }
    }),
  )
  for (const [{alias, parent}, plugin] of plugins) {
    plugin.isRoot = alias === undefined
    // Lists of plugins show core plugins at the top level.
    plugin.parent = parent?.alias === undefined ? undefined : plugins.get(parent)
    plugin.parent?.children.push(plugin)
  }

  const loaded = [...plugins.values()]
  yieldVerbs(loaded)
  return new Map(loaded.map((plugin) => [plugin.name, plugin]))
}

/** Removes each verb for which a user plugin has a command, because oclif would prefer the verb. */
function yieldVerbs(plugins: readonly LocatedPlugin[]): void {
  const users = plugins.filter(({type}) => type !== 'core').flatMap(({commandIDs}) => commandIDs)
  const taken = new Set(users.filter((id) => verbNames.includes(id)))
  if (taken.size === 0) return
  for (const plugin of plugins.filter(({type}) => type === 'core'))
    plugin.commands = plugin.commands
      .filter(({id}) => !taken.has(id))
      .map((command) => ({...command, aliases: command.aliases.filter((alias) => !taken.has(alias))}))
}
