import {execFile, execFileSync} from 'node:child_process'
import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import path from 'node:path'

import {repository} from '../support/repository'

export interface ShellResult {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** For a test's `skip`: the reason why packages cannot be installed, or false. Never skips with CI=true. */
export function skipRegistry(): string | false {
  if (process.env.CI === 'true') return false
  try {
    execFileSync('npm', ['view', '@oclif/core@~4.14.0', 'version', '--fetch-retries=0', '--fetch-timeout=5000'], {
      stdio: 'ignore',
    })
    return false
  } catch {
    return 'requires an npm registry'
  }
}

/**
 * A folder for packages and CLIs, with a shell in which `ovpn3` is the CLI. The CLI stores its plugins in the folder,
 * so that the user's files are not changed.
 */
export class Sandbox {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'ovpn3-plugins-'))
  readonly #environment: Readonly<Record<string, string | undefined>>

  constructor(environment: Readonly<Record<string, string>> = {}) {
    this.write('bin/ovpn3', `#!/bin/sh\nexec "${process.execPath}" "${path.join(repository, 'bin', 'run.js')}" "$@"\n`)
    this.#environment = {
      ...process.env,
      // A test runner of the plugin would take this one for its parent.
      NODE_TEST_CONTEXT: undefined,
      LC_ALL: 'C.UTF-8',
      PATH: `${path.join(this.folder, 'bin')}:${process.env.PATH}`,
      // Some libraries use colours on CI systems.
      NO_COLOR: '1',
      XDG_CACHE_HOME: path.join(this.folder, 'cache'),
      XDG_CONFIG_HOME: path.join(this.folder, 'config'),
      XDG_DATA_HOME: path.join(this.folder, 'data'),
      npm_config_loglevel: 'error',
      npm_config_prefer_offline: 'true',
      npm_config_update_notifier: 'false',
      ...environment,
    }
  }

  /** Writes a file, relative to the folder. Files in bin/ are executable. */
  write(file: string, text: string): void {
    const target = path.join(this.folder, file)
    mkdirSync(path.dirname(target), {recursive: true})
    writeFileSync(target, text, {mode: path.basename(path.dirname(target)) === 'bin' ? 0o755 : 0o644})
  }

  /** Runs a shell command. @param cwd relative to the folder */
  run(command: string, cwd = '.', environment: Readonly<Record<string, string>> = {}): Promise<ShellResult> {
    return new Promise((resolve) => {
      execFile(
        '/bin/sh',
        ['-c', command],
        {
          cwd: path.resolve(this.folder, cwd),
          env: {...this.#environment, ...environment},
          maxBuffer: 1e7,
          timeout: 120_000,
        },
        (error, stdout, stderr) => {
          const status = error ? (typeof error.code === 'number' ? error.code : 255) : 0
          resolve({status, stderr, stdout})
        },
      )
    })
  }

  /** As `run`, but fails if the command does. */
  async must(command: string, cwd?: string, environment?: Readonly<Record<string, string>>): Promise<string> {
    const {status, stderr, stdout} = await this.run(command, cwd, environment)
    if (status !== 0) throw new Error(`exit status ${status}: ${command}\n${stdout}${stderr}`)
    return stdout
  }

  /** Packs a workspace of this repository and returns the path of the package. */
  async pack(workspace: string): Promise<string> {
    const name = await this.must(
      `npm pack --silent --workspace ${workspace} --pack-destination "${this.folder}"`,
      repository,
    )
    return path.join(this.folder, name.trim())
  }

  remove(): void {
    rmSync(this.folder, {force: true, recursive: true})
  }
}
