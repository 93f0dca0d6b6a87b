import {existsSync, readFileSync} from 'node:fs'
import {homedir} from 'node:os'
import path from 'node:path'

type Hook = string | {readonly identifier?: string; readonly target: string}

/** What is read of a plugin's package.json. */
export interface PackageJson {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly name: string
  readonly oclif?: {
    readonly commands?: string | {readonly target?: string}
    readonly hooks?: Readonly<Record<string, Hook | readonly Hook[]>>
    readonly plugins?: readonly string[]
  }
  readonly version?: string
}

/** A plugin as it is listed by the CLI, by another plugin, or among the user's. */
export interface Listed {
  /** Its name there; the CLI is listed nowhere. */
  readonly alias?: string
  readonly folder: string
  /** The plugin that brings it. */
  readonly parent?: FoundPlugin
  readonly tag?: string
  readonly type: 'core' | 'link' | 'user'
  readonly url?: string
}

type OnBroken = (error: Error, plugin?: Listed) => void

/** A plugin by what its package.json says. None of its code has been loaded. */
export interface FoundPlugin extends Listed {
  readonly name: string
  readonly pjson: PackageJson
}

/**
 * The CLI in this folder, the plugins that it brings, and those that the user has installed or linked. A user's plugin
 * takes the place of one of ours of the same name. These are the plugins that oclif would find; without oclif it takes
 * a fraction of the time.
 * @param onBroken is told why a plugin is left out, or all of the user's
 */
export function findPlugins(root: string, onBroken: OnBroken = () => {}): FoundPlugin[] {
  const core = withTheirs([{folder: root, type: 'core'}], onBroken)
  const users = withTheirs(listedByUser(onBroken), onBroken)
  const [cli] = core.keys()
  if (cli !== undefined) users.delete(cli)
  return [...new Map([...core, ...users]).values()]
}

/** Plugins and those that they bring; of two of the same name, the one that is nearer to the top. */
function withTheirs(listed: readonly Listed[], onBroken: OnBroken): Map<string, FoundPlugin> {
  const found = new Map<string, FoundPlugin>()
  const queue = [...listed]
  for (const each of queue) {
    try {
      const pjson = readJson<PackageJson>(path.join(each.folder, 'package.json'))
      if (!pjson.name) throw new Error('no name in package.json')
      if (found.has(pjson.name)) continue
      const plugin: FoundPlugin = {...each, name: pjson.name, pjson}
      found.set(plugin.name, plugin)
      queue.push(...listedBy(plugin))
    } catch (error) {
      onBroken(error as Error, each)
    }
  }

  return found
}

/** A plugin lists others by name, or by a pattern such as `@scope/plugin-*`, and has to depend on them. */
function listedBy(parent: FoundPlugin): Listed[] {
  const {dependencies = {}, oclif} = parent.pjson
  const names = (oclif?.plugins ?? []).flatMap((pattern) => {
    const parts = pattern.split('*').map((part) => part.replaceAll(/[^\w-]/g, String.raw`\$&`))
    const matching = new RegExp(`^${parts.join('[^/]*')}$`)
    return Object.keys(dependencies).filter((name) => matching.test(name))
  })
  return names.map((alias) => ({alias, folder: packageFolder(alias, parent.folder), parent, type: parent.type}))
}

/** What `ovpn3 plugins install` and `ovpn3 plugins link` have put where oclif looks. */
function listedByUser(onBroken: OnBroken): Listed[] {
  const {HOME, OVPN3_DATA_DIR, XDG_DATA_HOME} = process.env
  const data = OVPN3_DATA_DIR || path.join(XDG_DATA_HOME || path.join(HOME || homedir(), '.local', 'share'), 'ovpn3')
  const file = path.join(data, 'package.json')
  if (!existsSync(file)) return []
  try {
    type Entry = Omit<Listed, 'alias' | 'folder'> & {readonly name: string; readonly root?: string}
    const entries = readJson<{oclif?: {plugins?: readonly Entry[]}}>(file).oclif?.plugins ?? []
    return (['user', 'link'] as const).flatMap((type) =>
      entries
        .filter((entry) => entry.type === type)
        .map(({name, root, tag, url}) => ({
          alias: name,
          folder: type === 'link' && root ? root : packageFolder(name, data),
          tag,
          type,
          url,
        })),
    )
  } catch (error) {
    onBroken(error as Error)
    return []
  }
}

/** Where Node would find a package: in the nearest node_modules that has it, else in the first of them. */
export function packageFolder(name: string, from: string, above = from): string {
  const folder = path.join(above, 'node_modules', name)
  if (existsSync(path.join(folder, 'package.json'))) return folder
  const parent = path.dirname(above)
  return parent === above ? path.join(from, 'node_modules', name) : packageFolder(name, from, parent)
}

/** @throws where there is no such file, or it is not JSON */
export function readJson<T>(file: string): T {
  return JSON.parse(readFileSync(file, 'utf8')) as T
}
