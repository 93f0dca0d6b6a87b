import {execFile, execFileSync, spawnSync} from 'node:child_process'
import {chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import path from 'node:path'

import {repository} from '../support/repository'

/** The line with which each of those begins: it is run once for all of them. */
export const firstLine = 'npm ci'

/** The lines of the README that install ovpn3 in one of its ways. @param way how its paragraph begins */
export function installLines(way: string): string {
  const readme = readFileSync(path.join(repository, 'README.md'), 'utf8')
  const lines = new RegExp(`^${way}[^\`]+(?:\`[^\`\n]+\`[^\`]+)*\`\`\`sh\n([^]*?)^\`\`\`$`, 'm').exec(readme)?.[1]
  if (!lines) throw new Error(`README.md does not say how to install: ${way}`)
  if (!lines.startsWith(`${firstLine}\n`)) throw new Error(`README.md begins with something else: ${way}`)
  return lines
}

/** How the caller's npm reaches its registry; its settings would not get to another user. */
function npmSettings(): Record<string, string> {
  const settings = JSON.parse(execFileSync('npm', ['config', 'list', '--json'], {encoding: 'utf8'}))
  return Object.fromEntries(
    ['cafile', 'https-proxy', 'noproxy', 'registry'].flatMap((name) =>
      settings[name] ? [[`npm_config_${name.replace('-', '_')}`, String(settings[name])]] : [],
    ),
  )
}

/**
 * A folder with a copy of what is checked in, as somebody has it who cloned the project, and an empty prefix to install
 * into; all of it a user's who may nothing else.
 */
export class Checkout {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'ovpn3-packages-'))
  readonly clone = path.join(this.folder, 'clone')
  readonly home = path.join(this.folder, 'home')
  readonly prefix = path.join(this.folder, 'prefix')
  readonly #uid: number | undefined
  readonly #environment: Readonly<Record<string, string | undefined>>

  /**
   * @param uid whose it is; left out, the caller's
   * @param installed with what `npm ci` and a build have made here, so that they need not be run again
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

  /** Runs shell commands, one after another, and answers what they print; fails with the first that fails. */
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

  /** How one of the project's scripts ends here, and what it complains of. */
  script(name: string): {status: number | null; stderr: string} {
    const {status, stderr} = spawnSync(process.execPath, [path.join(this.clone, 'scripts', name)], {encoding: 'utf8'})
    return {status, stderr}
  }

  /** The same with a file changed for that time. */
  scriptOnChanged(name: string, changed: string, change: (text: string) => string): ReturnType<Checkout['script']> {
    const file = path.join(this.clone, changed)
    const text = readFileSync(file, 'utf8')
    const other = change(text)
    if (other === text) throw new Error(`${changed} is not changed`)
    writeFileSync(file, other)
    const outcome = this.script(name)
    writeFileSync(file, text)
    return outcome
  }

  remove(): void {
    rmSync(this.folder, {force: true, recursive: true})
  }
}
