import {readdirSync, statSync} from 'node:fs'
import path from 'node:path'
import {pathToFileURL} from 'node:url'

import {type FoundPlugin, readJson} from './find'

/** A command by its id: its words, joined by colons. */
export interface FoundCommand<T> {
  readonly id: string
  /** What the plugin's manifest says of it. */
  readonly cached?: T
  /** Loads the command's class, which takes as long as a start of the command. */
  load(): Promise<T>
}

/** The commands of a plugin, by its manifest; without one, a command is a file in the folder that package.json names. */
export function commandsOf<T>(plugin: FoundPlugin): FoundCommand<T>[] {
  const manifest = manifestOf<T>(plugin)
  if (manifest) return Object.entries(manifest.commands).map(([id, cached]) => ({cached, id, load: async () => cached}))
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
        const all = (await functionsIn(path.join(folder, file))) as readonly {baseFlags?: object; flags?: object}[]
        const command = all.find((each) => 'run' in each)
        return {...command, flags: {...command?.baseFlags, ...command?.flags}} as T
      },
    }))
    .filter(({id}) => id !== '')
}

/** What oclif would use: undefined where there is none, where it is broken, or of another version. */
function manifestOf<T>({folder, pjson}: FoundPlugin): undefined | {readonly commands: Readonly<Record<string, T>>} {
  const file = path.join(folder, 'oclif.manifest.json')
  const release = (version?: string) => version?.split('-', 1)[0]
  try {
    const manifest = readJson<{commands: Record<string, T>; version?: string}>(file)
    if (release(manifest.version) === release(pjson.version)) return manifest
  } catch {}
}

/** What answers a hook in a plugin. Each is loaded when it is called, and called as oclif does, but without its config. */
export function hooksOf<T extends (options: never) => unknown>({folder, pjson}: FoundPlugin, event: string): T[] {
  const hooks = [pjson.oclif?.hooks?.[event] ?? []].flat()
  return hooks.map((hook) => {
    const {identifier = 'default', target} = typeof hook === 'string' ? {target: hook} : hook
    const answer = async (options: object) => {
      const [answering] = await functionsIn(moduleFile(path.join(folder, target)), identifier)
      return answering?.call({debug() {}, log() {}, warn() {}}, options) as unknown
    }

    return answer as unknown as T
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
