import {execFile, execFileSync, spawnSync} from 'node:child_process'
import {chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import path from 'node:path'

import {repository} from '../support/repository'

/** The first line of all ways to install, which runs only once. */
export const firstLine = 'npm ci'

/** The lines of the README for one way to install ovpn3. @param way the start of its paragraph */
export function installLines(way: string): string {
  const readme = readFileSync(path.join(repository, 'README.md'), 'utf8')
  const lines = new RegExp(`^${way}[^\`]+(?:\`[^\`\n]+\`[^\`]+)*\`\`\`sh\n([^]*?)^\`\`\`$`, 'm').exec(readme)?.[1]
  if (!lines) throw new Error(`README.md has no installation: ${way}`)
  if (!lines.startsWith(`${firstLine}\n`)) throw new Error(`README.md has another first line: ${way}`)
  return lines
}

/** The lines of the README that remove what it installed with npm. */
export function uninstallLines(): string {
  const readme = readFileSync(path.join(repository, 'README.md'), 'utf8')
  const lines = /^To uninstall it, run:\n\n```sh\n([^]*?)^```$/m.exec(readme)?.[1]
  if (!lines) throw new Error('README.md does not say how to uninstall')
  return lines
}

/** The caller's npm settings for its registry, to pass them on to another user. */
function npmSettings(): Record<string, string> {
  const settings = JSON.parse(execFileSync('npm', ['config', 'list', '--json'], {encoding: 'utf8'}))
  return Object.fromEntries(
    ['cafile', 'https-proxy', 'noproxy', 'registry'].flatMap((name) =>
      settings[name] ? [[`npm_config_${name.replace('-', '_')}`, String(settings[name])]] : [],
    ),
  )
}

/**
 * A folder with a copy of the repository's files, like a new clone, and an empty prefix to install into. Everything
 * belongs to an unprivileged user.
 */
export class Checkout {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'ovpn3-packages-'))
  readonly clone = path.join(this.folder, 'clone')
  readonly home = path.join(this.folder, 'home')
  readonly prefix = path.join(this.folder, 'prefix')
  readonly #uid: number | undefined
  readonly #environment: Readonly<Record<string, string | undefined>>

  /**
   * @param uid the owner; default: the caller
   * @param installed also copies the results of `npm ci` and the build
   */
  constructor({
    environment = {},
    installed = false,
    uid,
  }: {environment?: Readonly<Record<string, string>>; installed?: boolean; uid?: number} = {}) {
    this.#uid = uid
    this.#environment = {
      ...npmSettings(),
      HOME: this.home,
      LC_ALL: 'C.UTF-8',
      PATH: `${path.join(this.prefix, 'bin')}:${process.env.PATH}`,
      TZ: 'UTC',
      npm_config_loglevel: 'error',
      npm_config_prefix: this.prefix,
      npm_config_update_notifier: 'false',
      ...environment,
    }
    chmodSync(this.folder, 0o755)
    const list = (...options: readonly string[]) =>
      execFileSync('git', ['ls-files', '-z', '--others', '--exclude-standard', ...options], {
        cwd: repository,
        encoding: 'utf8',
      })
        .split('\0')
        .filter(Boolean)
    for (const file of list('--cached'))
      cpSync(path.join(repository, file), path.join(this.clone, file), {preserveTimestamps: true})
    for (const file of installed ? list('--ignored', '--directory') : [])
      if (file !== 'release/') execFileSync('cp', ['-a', path.join(repository, file), path.join(this.clone, file)])
    for (const folder of [this.home, this.prefix]) mkdirSync(folder)
    if (uid !== undefined) execFileSync('chown', ['-R', `${uid}:${uid}`, this.clone, this.home, this.prefix])
  }

  /** Runs shell commands one after the other and returns their output; stops at the first failure. */
  async run(commands: string, cwd = this.clone): Promise<string> {
    return new Promise((resolve, reject) => {
      execFile(
        '/bin/sh',
        ['-ec', commands],
        {
          cwd,
          env: {...this.#environment},
          maxBuffer: 1e8,
          timeout: 300_000,
          ...(this.#uid === undefined ? {} : {gid: this.#uid, uid: this.#uid}),
        },
        (error, stdout, stderr) => {
          if (error) reject(new Error(`${error.message}\n${stdout}${stderr}`))
          else resolve(stdout)
        },
      )
    })
  }

  /** Runs one of the project's scripts; returns its exit status and errors. */
  script(name: string): {status: number | null; stderr: string} {
    const {status, stderr} = spawnSync(process.execPath, [path.join(this.clone, 'scripts', name)], {encoding: 'utf8'})
    return {status, stderr}
  }

  /** As `script`, with a file changed for this run. */
  scriptOnChanged(name: string, changed: string, change: (text: string) => string): ReturnType<Checkout['script']> {
    const file = path.join(this.clone, changed)
    const text = readFileSync(file, 'utf8')
    const other = change(text)
    if (other === text) throw new Error(`the change of ${changed} has no effect`)
    writeFileSync(file, other)
    const outcome = this.script(name)
    writeFileSync(file, text)
    return outcome
  }

  remove(): void {
    rmSync(this.folder, {force: true, recursive: true})
  }
}
