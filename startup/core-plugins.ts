import type {Command, Interfaces} from '@oclif/core'

import {Plugin} from '@oclif/core/config'
import {readFileSync} from 'node:fs'
import path from 'node:path'

import {packageFolder} from '../src/folders'
import {bundled} from './bundled'

/** A plugin that comes with the CLI: where it is and what it says of itself is read, its commands are in the bundle. */
class CorePlugin extends Plugin {
  // in the core's place it is the root, which oclif does not go looking for
  constructor(root: string, pjson: Interfaces.PJSON) {
    super({isRoot: true, pjson, root, type: 'core'})
  }

  override async findCommand(id: string, options: {must: true}): Promise<Command.Class> {
    const {commands, version} = bundled[this.name] ?? {}
    const load = version === this.version ? commands?.[id] : undefined
    if (!load) return super.findCommand(id, options)
    const command = load()
    command.id = id
    command.plugin = this
    return command
  }
}

/**
 * The CLI and the plugins that come with it, by name. oclif would find them as well; it takes longer than all the rest
 * of the start-up.
 */
export async function corePlugins(root: string): Promise<Map<string, Interfaces.Plugin>> {
  const cli = readPackage(root)
  const found = (cli.oclif.plugins ?? []).flatMap((name) => {
    const folder = packageFolder(name, root)
    // as oclif does with a plugin that somebody has deleted: the others work
    return folder ? new CorePlugin(folder, readPackage(folder)) : []
  })
  const plugins = [new CorePlugin(root, cli), ...found]
  await Promise.all(plugins.map((plugin) => plugin.load()))
  for (const plugin of found) plugin.isRoot = false
  return new Map(plugins.map((plugin) => [plugin.name, plugin]))
}

function readPackage(folder: string): Interfaces.PJSON {
  return JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'))
}
