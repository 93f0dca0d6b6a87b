import type {Command, Interfaces} from '@oclif/core'

import {Plugin} from '@oclif/core/config'

import {findPlugins, type FoundPlugin} from '../src/plugins/find'
import {verbNames} from '../src/verbs'
import {bundled} from './bundled'

/** A plugin whose place is known; if it comes with the CLI, its commands are in the bundle. */
class LocatedPlugin extends Plugin {
  constructor({alias, folder, pjson, tag, type, url}: FoundPlugin) {
    // oclif looks for every plugin but the root; it does read what a package.json without a section for it leaves out
    const known = pjson.oclif && {isRoot: true, pjson: pjson as Interfaces.PJSON}
    super({name: alias, root: folder, tag, type, url, ...known})
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

/** The CLI and its plugins for oclif, by name. One that cannot be loaded is left out with a warning, as oclif does. */
export async function loadPlugins(root: string): Promise<Map<string, Interfaces.Plugin>> {
  const warn = (error: Error) => process.emitWarning(error)
  const plugins = new Map(findPlugins(root, warn).map((found) => [found, new LocatedPlugin(found)]))
  await Promise.all(
    [...plugins].map(async ([found, plugin]) => {
      try {
        await plugin.load()
      } catch (error) {
        plugins.delete(found)
        warn(error as Error)
      }
    }),
  )
  for (const [{alias, parent}, plugin] of plugins) {
    plugin.isRoot = alias === undefined
    // what the CLI brings stands on its own in lists of plugins
    plugin.parent = parent?.alias === undefined ? undefined : plugins.get(parent)
    plugin.parent?.children.push(plugin)
  }

  const loaded = [...plugins.values()]
  yieldVerbs(loaded)
  return new Map(loaded.map((plugin) => [plugin.name, plugin]))
}

/** Drops each verb that a plugin of the user has a command for: oclif would prefer ours. */
function yieldVerbs(plugins: readonly LocatedPlugin[]): void {
  const users = plugins.filter(({type}) => type !== 'core').flatMap(({commandIDs}) => commandIDs)
  const taken = new Set(users.filter((id) => verbNames.includes(id)))
  if (taken.size === 0) return
  for (const plugin of plugins.filter(({type}) => type === 'core'))
    plugin.commands = plugin.commands
      .filter(({id}) => !taken.has(id))
      .map((command) => ({...command, aliases: command.aliases.filter((alias) => !taken.has(alias))}))
}
