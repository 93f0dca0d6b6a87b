import {existsSync, readFileSync} from 'node:fs'
import {homedir} from 'node:os'
import path from 'node:path'

type Hook = string | {readonly identifier?: string; readonly target: string}

/** The fields of a plugin's package.json that are used here. */
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

/** A plugin in the list of the CLI, of another plugin or of the user. */
export interface Listed {
  /** Its name in the list; undefined for the CLI, which is in no list. */
  readonly alias?: string
  readonly folder: string
  /** The plugin whose list it is in. */
  readonly parent?: FoundPlugin
  readonly tag?: string
  readonly type: 'core' | 'link' | 'user'
  readonly url?: string
}

type OnBroken = (error: Error, plugin?: Listed) => void

/** A plugin with its package.json. Its code is not loaded. */
export interface FoundPlugin extends Listed {
  readonly name: string
  readonly pjson: PackageJson
}

/**
 * Finds the CLI in this folder, its core plugins, and the plugins that the user installed or linked, which replace core
 * plugins of the same name. The result is the same as oclif's, in a fraction of the time.
 * @param onBroken receives the error of each plugin that is omitted
 */
export function findPlugins(root: string, onBroken: OnBroken = () => {}): FoundPlugin[] {
  const core = withNested([{folder: root, type: 'core'}], onBroken)
  const users = withNested(listedByUser(onBroken), onBroken)
  const [cli] = core.keys()
  if (cli !== undefined) users.delete(cli)
  return [...new Map([...core, ...users]).values()]
}

/** Plugins with the plugins in their own lists. Of two with the same name, the less deeply nested one wins. */
function withNested(listed: readonly Listed[], onBroken: OnBroken): Map<string, FoundPlugin> {
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

/** The plugins in a plugin's list: names, or patterns such as `@scope/plugin-*`, that match its dependencies. */
function listedBy(parent: FoundPlugin): Listed[] {
  const {dependencies = {}, oclif} = parent.pjson
  const names = (oclif?.plugins ?? []).flatMap((pattern) => {
    const parts = pattern.split('*').map((part) => part.replaceAll(/[^\w-]/g, String.raw`\$&`))
    const matching = new RegExp(`^${parts.join('[^/]*')}$`)
    return Object.keys(dependencies).filter((name) => matching.test(name))
  })
  return names.map((alias) => ({alias, folder: packageFolder(alias, parent.folder), parent, type: parent.type}))
}

/** The plugins that `ovpn3 plugins install` and `ovpn3 plugins link` have added to the user's data folder. */
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

/** The folder where Node would find a package: in the nearest node_modules that has it, otherwise in the first one. */
export function packageFolder(name: string, from: string, above = from): string {
  const folder = path.join(above, 'node_modules', name)
  if (existsSync(path.join(folder, 'package.json'))) return folder
  const parent = path.dirname(above)
  return parent === above ? path.join(from, 'node_modules', name) : packageFolder(name, from, parent)
}

/** @throws if there is no such file, or it is not JSON */
export function readJson<T>(file: string): T {
  return JSON.parse(readFileSync(file, 'utf8')) as T
}
