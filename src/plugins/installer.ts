import {isOvpn3Error, Ovpn3Error} from '@ovpn3/sessions'
import {existsSync, rmSync} from 'node:fs'
import {createRequire} from 'node:module'
import path from 'node:path'
import {pathToFileURL} from 'node:url'

import {type PackageJson, readJson} from './find'
import {npmMissing, type NpmOptions, runNpm, withoutCredentials} from './npm'

/** An installed or linked plugin, from the package.json of the data folder. */
export interface UserPlugin {
  readonly name: string
  readonly type: 'link' | 'user'
  /** The folder of a linked plugin. */
  readonly root?: string
}

/** A plugin as the commands report it. */
export interface PluginRecord {
  readonly name: string
  readonly version: string | null
  readonly type: 'core' | 'link' | 'user'
  readonly location: string
  /** Why it cannot be loaded; only of a broken plugin. */
  readonly broken?: string
}

/** The parts of oclif's configuration that are used here. */
export interface Settings {
  readonly dataDir: string
  readonly name: string
  readonly npmRegistry?: string
  readonly root: string
}

/** The parts of the class behind @oclif/plugin-plugins that are used here. */
interface PluginManager {
  npm: {
    exec(args: string[], options: {readonly cwd: string}): Promise<{stderr: string[]; stdout: string[]}>
    findNpm(): Promise<string>
  }
  npmHasPackage(name: string): Promise<boolean>
  install(name: string, options: {readonly force?: boolean; readonly tag?: string}): Promise<{readonly name: string}>
  link(folder: string, options: {readonly install: boolean}): Promise<{readonly name: string}>
  list(): Promise<readonly UserPlugin[]>
  pjson(): Promise<{readonly dependencies?: Readonly<Record<string, string>>}>
  remove(name: string): Promise<void>
  uninstall(name: string): Promise<void>
  update(): Promise<void>
}

/** A package in the registry, or a URL that npm can install from. */
export type PluginSpec = {readonly name: string; readonly tag?: string} | {readonly url: string}

const packageName = /^(?:@[\da-z~][\w.~-]*\/)?[\da-z~][\w.~-]*$/

/**
 * Parses the argument of `plugins install`: NAME, NAME@VERSION, a URL, a GitHub `user/repository`, or a path that
 * starts with `.` or `/`.
 * @throws Ovpn3Error `usage`
 */
export function pluginSpec(typed: string): PluginSpec {
  // npm would parse it as an option
  if (typed.startsWith('-')) throw invalidNameError(typed)
  if (/^\.{0,2}\//.test(typed)) return {url: `file:${path.resolve(typed)}`}
  if (typed.startsWith('file:')) return {url: `file:${path.resolve(typed.slice('file:'.length))}`}
  if (typed.includes(':') || typed.endsWith('.git')) return {url: typed}
  const [, name = '', tag] = /^(@?[^@]*)(?:@(.*))?$/.exec(typed)!
  if (packageName.test(name)) return {name, ...(tag && {tag})}
  if (/^[\w.-]+\/[\w.-]+$/.test(typed)) return {url: `https://github.com/${typed}`}
  throw invalidNameError(typed)
}

const invalidNameError = (typed: string) =>
  new Ovpn3Error('usage', `"${typed}" is not the name of a package`, {
    hint: 'Pass a name, a file or a git URL, such as `./plugin.tgz`',
  })

/**
 * Installs, links and removes plugins of the user with @oclif/plugin-plugins and npm. Translates their errors, and
 * hides the output of npm unless `log` is given.
 */
export class PluginInstaller {
  readonly #manager: PluginManager
  readonly #settings: Settings

  private constructor(manager: PluginManager, settings: Settings, options: NpmOptions) {
    this.#manager = manager
    this.#settings = settings
    const {npm} = manager
    npm.exec = async (args, {cwd}) => {
      await runNpm(await this.#npm(), args, cwd, {...options, registry: settings.npmRegistry})
      return {stderr: [], stdout: []}
    }

    // the original reports every failure as "does not exist", even a missing network
    manager.npmHasPackage = async (name) => {
      await npm.exec(['view', name, 'name'], {cwd: settings.dataDir})
      return true
    }

    // the original uninstalls a plugin whose reinstallation fails; `install` rolls back only new packages
    manager.uninstall = async () => {}
  }

  /** Loads @oclif/plugin-plugins, which only these commands need. */
  static async load(settings: Settings, options: NpmOptions): Promise<PluginInstaller> {
    const entry = createRequire(path.join(settings.root, 'package.json')).resolve('@oclif/plugin-plugins')
    const file = path.join(path.dirname(entry), 'plugins.js')
    const {default: Plugins} = (await import(pathToFileURL(file).href)) as {
      default: new (options: object) => PluginManager
    }
    return new PluginInstaller(new Plugins({config: settings, logLevel: 'silent'}), settings, options)
  }

  /** @throws Ovpn3Error */
  async install(typed: string, force: boolean): Promise<PluginRecord> {
    const spec = pluginSpec(typed)
    if ('name' in spec && spec.name === this.#settings.name)
      throw new Ovpn3Error('usage', `${spec.name} is this program, not a plugin`)
    return attempt(`cannot install ${withoutCredentials(typed)}`, async () => {
      await this.#npm()
      const before = await this.#dependencies()
      try {
        const {name} =
          'url' in spec
            ? await this.#manager.install(spec.url, {force})
            : await this.#manager.install(spec.name, {force, tag: spec.tag})
        return this.#record({name, type: 'user'})
      } catch (error) {
        await this.#rollBack(before)
        throw error
      }
    })
  }

  /** Links the folder of a plugin. @param install whether npm first installs its dependencies. @throws Ovpn3Error */
  async link(folder: string, install: boolean): Promise<PluginRecord> {
    const root = path.resolve(folder)
    return attempt(`cannot link ${folder}`, async () => {
      if (!existsSync(path.join(root, 'package.json')))
        throw new Ovpn3Error('plugin-not-found', 'no package.json there', {hint: 'Pass the folder of a plugin'})
      checkManifest(root)
      // a plugin that uses yarn or pnpm must be installed with those
      const hasLock = existsSync(path.join(root, 'package-lock.json'))
      if (install && hasLock) await this.#manager.npm.exec(['install'], {cwd: root})
      const {name} = await this.#manager.link(root, {install: false})
      return this.#record({name, root, type: 'link'})
    })
  }

  /** Uninstalls or unlinks a plugin. @param typed its name, or the folder of a linked one. @throws Ovpn3Error */
  async uninstall(typed: string): Promise<PluginRecord> {
    const listed = await this.list()
    const name = typed.replace(/(?<=.)@[^/]*$/, '')
    const plugin = listed.find(
      (each) => each.name === name || (each.root !== undefined && each.root === path.resolve(typed)),
    )
    if (!plugin) throw notInstalled(typed)
    const record = this.#record(plugin)
    return attempt(`cannot uninstall ${plugin.name}`, async () => {
      if (plugin.type === 'user')
        await this.#manager.npm.exec(['uninstall', plugin.name], {cwd: this.#settings.dataDir})
      await this.#manager.remove(plugin.name)
      return record
    })
  }

  /** Updates all installed plugins, not linked ones. @returns each before and after. @throws Ovpn3Error */
  async update(): Promise<{readonly after: PluginRecord; readonly before: PluginRecord}[]> {
    const installed = (await this.list()).filter(({type}) => type === 'user')
    const before = installed.map((plugin) => this.#record(plugin))
    if (before.length > 0) await attempt('cannot update', () => this.#manager.update())
    return installed.map((plugin, i) => ({after: this.#record(plugin), before: before[i]!}))
  }

  /** Removes all plugins and the files of npm, without npm. @throws Ovpn3Error */
  async reset(): Promise<PluginRecord[]> {
    const records = (await this.list()).map((plugin) => this.#record(plugin))
    await attempt('cannot remove the plugins', async () => {
      for (const name of ['node_modules', 'package.json', 'package-lock.json', 'yarn.lock'])
        rmSync(path.join(this.#settings.dataDir, name), {force: true, recursive: true})
    })
    return records
  }

  list(): Promise<readonly UserPlugin[]> {
    return this.#manager.list()
  }

  async #npm(): Promise<string> {
    try {
      return await this.#manager.npm.findNpm()
    } catch (error) {
      throw npmMissing(error)
    }
  }

  async #dependencies(): Promise<Readonly<Record<string, string>>> {
    return (await this.#manager.pjson()).dependencies ?? {}
  }

  async #rollBack(before: Readonly<Record<string, string>>): Promise<void> {
    const added = Object.keys(await this.#dependencies()).filter((name) => !(name in before))
    if (added.length === 0) return
    try {
      await this.#manager.npm.exec(['uninstall', ...added], {cwd: this.#settings.dataDir})
    } catch {
      // the error of the installation is reported
    }
  }

  #record({name, root, type}: UserPlugin): PluginRecord {
    const location = root ?? path.join(this.#settings.dataDir, 'node_modules', name)
    return {location, name, type, version: versionIn(location)}
  }
}

/** The error for a plugin that is not installed. */
export function notInstalled(name: string): Ovpn3Error {
  return new Ovpn3Error('plugin-not-found', `${name} is not installed`, {
    hint: 'Run `ovpn3 plugins` for a list of installed plugins',
  })
}

/** The version of the package in a folder; null if unknown. */
export function versionIn(folder: string): string | null {
  try {
    return readJson<PackageJson>(path.join(folder, 'package.json')).version ?? null
  } catch {
    return null
  }
}

/** @throws Ovpn3Error if a plugin's package.json cannot be used: oclif would report it several times */
function checkManifest(folder: string): void {
  const hint = `Correct ${path.join(folder, 'package.json')}`
  let manifest: PackageJson | null
  try {
    manifest = readJson<PackageJson | null>(path.join(folder, 'package.json'))
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new Ovpn3Error('failed', 'its package.json is not valid JSON', {cause: error, hint})
  }

  if (!manifest?.name) throw new Ovpn3Error('failed', 'its package.json has no name', {hint})
}

/** Runs an operation. @throws Ovpn3Error `what failed: why` */
async function attempt<T>(failure: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    const {code, hint, message} = isOvpn3Error(error) ? error : translated(error as NodeJS.ErrnoException)
    throw new Ovpn3Error(code, `${failure}: ${message}`, {cause: error, hint})
  }
}

/** Translates an error of @oclif/plugin-plugins or of the file system. */
function translated(error: NodeJS.ErrnoException): Ovpn3Error {
  const {message} = error
  if (message.includes('plugin is invalid'))
    return new Ovpn3Error('failed', 'the package is not an oclif plugin', {
      hint: 'Its package.json needs an "oclif" section: docs/plugins.md shows a plugin',
    })
  const denied = /(?:EACCES|EPERM).*?'([^']*)'/.exec(message)
  if (denied)
    return new Ovpn3Error('access-denied', `permission denied: ${denied[1]}`, {
      hint: 'Plugins belong to a user. Run the command as the user who owns this folder',
    })
  return new Ovpn3Error('failed', message)
}
