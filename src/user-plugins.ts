import type {Interfaces} from '@oclif/core'

import {Config} from '@oclif/core/config'
import {existsSync} from 'node:fs'
import path from 'node:path'

import {dataFolder} from './folders'

/** With those that the user has installed or linked; one of the same name takes the place of ours. */
export async function withUserPlugins(core: Map<string, Interfaces.Plugin>): Promise<Map<string, Interfaces.Plugin>> {
  if (!existsSync(path.join(dataFolder(), 'package.json'))) return core
  const cli = [...core.values()][0]!
  // a CLI that comes with no plugin: oclif finds the user's, and theirs, and warns of what does not load
  const bare = new Config({
    pjson: {...cli.pjson, oclif: {...cli.pjson.oclif, plugins: []}},
    root: cli.root,
  })
  await bare.load()
  const users = bare.getPluginsList().filter(({name}) => name !== cli.name)
  return new Map([...core, ...users.map((plugin) => [plugin.name, plugin] as const)])
}
