import type {Command, Installed, Resolver} from '@ovpn3/plugin-autocomplete'

import {readdirSync, statSync} from 'node:fs'
import path from 'node:path'
import {pathToFileURL} from 'node:url'

import {type FoundPlugin, readJson} from './find'

/** The commands of a plugin, from its manifest; without one, from the files in the commands folder of package.json. */
export function commandsOf(plugin: FoundPlugin): Installed[] {
  const manifest = manifestOf(plugin)
  if (manifest) return Object.entries(manifest).map(([id, cached]) => ({cached, id, load: async () => cached}))
  const {commands} = plugin.pjson.oclif ?? {}
  const target = typeof commands === 'string' ? commands : commands?.target
  if (target === undefined) return []
  const folder = path.join(plugin.folder, target)
  if (!statSync(folder, {throwIfNoEntry: false})?.isDirectory()) return []
  return readdirSync(folder, {encoding: 'utf8', recursive: true})
    .filter((file) => /(?<!\.(d|test|spec))\.[cm]?js$/.test(file))
    .map((file) => ({
      id: file.replace(/(^|\/)index\.\w+$|\.\w+$/, '').replaceAll('/', ':'),
      async load() {
        const all = (await functionsIn(path.join(folder, file))) as readonly (Command & {
          baseFlags?: Command['flags']
        })[]
        const command = all.find((each) => 'run' in each)
        return {...command, flags: {...command?.baseFlags, ...command?.flags}}
      },
    }))
    .filter(({id}) => id !== '')
}

/** The commands in the manifest; undefined if it is missing, invalid or of another version, as in oclif. */
function manifestOf({folder, pjson}: FoundPlugin): Readonly<Record<string, Command>> | undefined {
  const release = (version?: string) => version?.split('-', 1)[0]
  try {
    const manifest = readJson<{commands: Record<string, Command>; version?: string}>(
      path.join(folder, 'oclif.manifest.json'),
    )
    if (release(manifest.version) === release(pjson.version)) return manifest.commands
  } catch {}
}

/** The `session-resolver` hooks of a plugin, loaded when they are called. Unlike in oclif, `this.config` is missing. */
export function resolversOf({folder, pjson}: FoundPlugin): Resolver[] {
  const hooks = [pjson.oclif?.hooks?.['session-resolver'] ?? []].flat()
  return hooks.map((hook) => {
    const {identifier = 'default', target} = typeof hook === 'string' ? {target: hook} : hook
    return async (options) => {
      const [resolver] = await functionsIn(moduleFile(path.join(folder, target)), identifier)
      return resolver?.call({debug() {}, log() {}, warn() {}}, options) as ReturnType<Resolver>
    }
  })
}

/** The file of a module. Its extension may be missing, as in oclif's hooks. */
function moduleFile(file: string): string {
  const files = ['', '.js', '.mjs', '.cjs', '/index.js'].map((extension) => file + extension)
  return files.find((each) => statSync(each, {throwIfNoEntry: false})?.isFile()) ?? file
}

/** The functions that a module exports under a name; for `default`, all of its functions, the default export first. */
async function functionsIn(file: string, name = 'default') {
  // the shell would read the output of the module as candidates
  process.stdout.write = () => true
  const module = (await import(pathToFileURL(file).href)) as Exports
  // for a CommonJS module, `default` is its whole exports object
  const exported = module.default as Exports | undefined
  const found =
    name === 'default'
      ? [exported, exported?.default, ...Object.values(exported ?? {}), ...Object.values(module)]
      : [module[name], exported?.[name]]
  return found.filter((each): each is (options: object) => unknown => typeof each === 'function')
}

type Exports = Readonly<Record<string, unknown>>
