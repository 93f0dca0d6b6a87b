import type {Command, Installed, Resolver} from '@ovpn3/plugin-autocomplete'

import {readdirSync, statSync} from 'node:fs'
import path from 'node:path'
import {pathToFileURL} from 'node:url'

import {type FoundPlugin, readJson} from './find'

/** The commands of a plugin, by its manifest; without one, a command is a file in the folder that package.json names. */
export function commandsOf(plugin: FoundPlugin): Installed[] {
  const known = manifestOf(plugin)
  if (known) return Object.entries(known).map(([id, cached]) => ({cached, id, load: async () => cached}))
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

/** What oclif would use: undefined where there is none, where it is broken, or of another version. */
function manifestOf({folder, pjson}: FoundPlugin): Readonly<Record<string, Command>> | undefined {
  const release = (version?: string) => version?.split('-', 1)[0]
  try {
    const manifest = readJson<{commands: Record<string, Command>; version?: string}>(
      path.join(folder, 'oclif.manifest.json'),
    )
    if (release(manifest.version) === release(pjson.version)) return manifest.commands
  } catch {}
}

/** What answers for sessions in a plugin. Each is loaded when it is called, as oclif does it, but without its config. */
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

/** A module's file, whose ending may be left out. */
function moduleFile(file: string): string {
  const files = ['', '.js', '.mjs', '.cjs', '/index.js'].map((ending) => file + ending)
  return files.find((each) => statSync(each, {throwIfNoEntry: false})?.isFile()) ?? file
}

/** The functions that a module exports by this name; by default all, the most likely one first. */
async function functionsIn(file: string, name = 'default') {
  // what it may print is not for the shell
  process.stdout.write = () => true
  const module = (await import(pathToFileURL(file).href)) as Exports
  // of a CommonJS module it is all that it exports
  const exported = module.default as Exports | undefined
  const found =
    name === 'default'
      ? [exported, exported?.default, ...Object.values(exported ?? {}), ...Object.values(module)]
      : [module[name], exported?.[name]]
  return found.filter((each): each is (options: object) => unknown => typeof each === 'function')
}

type Exports = Readonly<Record<string, unknown>>
