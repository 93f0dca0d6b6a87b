import type {Completion, FlagNames, FlagRelations} from '@ovpn3/kit/flags'

import {readdirSync, readFileSync} from 'node:fs'
import path from 'node:path'
import {pathToFileURL} from 'node:url'

import {dataFolder, packageFolder} from '../folders'

/** What is known of a flag, from a manifest or from the class itself. */
export interface Flag extends FlagNames, FlagRelations {
  readonly allowNo?: boolean
  readonly description?: string
  readonly helpGroup?: string
  readonly hidden?: boolean
  readonly multiple?: boolean
  readonly options?: readonly string[]
  readonly summary?: string
}

/** What is known of a command. */
export interface Command {
  readonly args?: Readonly<Record<string, {readonly options?: readonly string[]}>>
  readonly completion?: Completion
  readonly description?: string
  readonly flags?: Readonly<Record<string, Flag>>
  readonly optionalValues?: Readonly<Record<string, string>>
  readonly summary?: string
}

/** A command that is installed, by its id: its words, joined by colons. */
export interface Installed {
  readonly aliases: readonly string[]
  readonly hidden: boolean
  readonly id: string
  /** Of what is not in a manifest no more is known beforehand. */
  readonly summary?: string
  load(): Command | Promise<Command>
}

interface ManifestCommand extends Command {
  readonly aliases?: readonly string[]
  readonly hidden?: boolean
  readonly hiddenAliases?: readonly string[]
}

interface PackageJson {
  readonly oclif?: {
    readonly commands?: string | {readonly target?: string}
    readonly plugins?: readonly (string | {readonly name: string; readonly root?: string; readonly type: string})[]
  }
}

/** Everything that can be called: by the CLI in this folder, the plugins it brings, and those of the user. */
export function installedCommands(root: string): Installed[] {
  return pluginFolders(root).flatMap((folder) => commandsIn(folder))
}

function pluginFolders(root: string): string[] {
  // as oclif does: a user's plugin takes the place of one of ours
  return [...userPlugins(), root].flatMap((folder) => withPlugins(folder))
}

/** A plugin and the plugins that it brings. */
function withPlugins(folder: string): string[] {
  const names = readJson<PackageJson>(path.join(folder, 'package.json'))?.oclif?.plugins ?? []
  const children = names.flatMap((name) => (typeof name === 'string' && packageFolder(name, folder)) || [])
  return [folder, ...children.flatMap((child) => withPlugins(child))]
}

/** What `ovpn3 plugins install` and `ovpn3 plugins link` have put where oclif looks. */
function userPlugins(): string[] {
  const data = dataFolder()
  const plugins = readJson<PackageJson>(path.join(data, 'package.json'))?.oclif?.plugins ?? []
  return plugins.flatMap((plugin) => {
    if (typeof plugin === 'string') return []
    return plugin.type === 'link' ? (plugin.root ?? []) : path.join(data, 'node_modules', plugin.name)
  })
}

function commandsIn(folder: string): Installed[] {
  const manifest = readJson<{commands?: Record<string, ManifestCommand>}>(path.join(folder, 'oclif.manifest.json'))
  if (!manifest?.commands) return commandFiles(folder)
  return Object.entries(manifest.commands).map(([id, command]) => ({
    aliases: [...(command.aliases ?? []), ...(command.hiddenAliases ?? [])],
    hidden: Boolean(command.hidden),
    id,
    load: () => command,
    summary: summaryOf(command),
  }))
}

/** Without a manifest a command is a file in the folder that package.json names. */
function commandFiles(folder: string): Installed[] {
  const {commands} = readJson<PackageJson>(path.join(folder, 'package.json'))?.oclif ?? {}
  const target = typeof commands === 'string' ? commands : commands?.target
  if (target === undefined) return []
  const root = path.join(folder, target)
  return filesIn(root)
    .filter((file) => /(?<!\.(d|test|spec))\.[cm]?[jt]s$/.test(file) && !file.endsWith('.ts'))
    .map((file) => ({
      aliases: [],
      hidden: false,
      id: file.replace(/(^|\/)index\.\w+$|\.\w+$/, '').replaceAll('/', ':'),
      load: () => loadClass(path.join(root, file)),
    }))
    .filter(({id}) => id !== '')
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder, {encoding: 'utf8', recursive: true})
  } catch {
    return []
  }
}

/** Costs as much time as the command takes to start: only for a plugin without a manifest. */
async function loadClass(file: string): Promise<Command> {
  // what it may print is not for the shell
  process.stdout.write = () => true
  const module = (await import(pathToFileURL(file).href)) as {default?: unknown}
  const exported = module.default as undefined | {default?: unknown}
  const command = (exported?.default ?? exported) as Command & {baseFlags?: Command['flags']}
  return {...command, flags: {...command.baseFlags, ...command.flags}}
}

/** A command or a flag in a line. */
export function summaryOf({description, summary}: {description?: string; summary?: string}): string | undefined {
  const [line] = (summary ?? description ?? '').split('\n', 1)
  return line!.replaceAll(/<%=\s*config\.bin\s*%>/g, 'ovpn3').replace(/\.$/, '') || undefined
}

/** Undefined where there is no such file, or it is something else. */
function readJson<T>(file: string): T | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T
  } catch {
    return undefined
  }
}
