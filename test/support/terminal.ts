import {execFile, execFileSync} from 'node:child_process'
import {readFileSync} from 'node:fs'
import {after, afterEach, before} from 'node:test'
import {promisify} from 'node:util'

import type {Place, UserName} from './world'

import {type Simulator, simulator} from '../simulator/simulator'
import {asUser, cli, until} from './cli'

const run = promisify(execFile)

/** For a test's `skip`: the reason why no terminal is available, or false. Never skips with CI=true. */
export function skipTerminal(): string | false {
  if (process.env.CI === 'true') return false
  try {
    execFileSync('tmux', ['-V'], {stdio: 'ignore'})
    return false
  } catch {
    return 'requires tmux'
  }
}

let count = 0

export interface TerminalOptions {
  readonly columns?: number
  readonly env?: Readonly<Record<string, string>>
  /** Runs an interactive shell with job control; it shows no exit statuses. */
  readonly jobs?: boolean
  readonly rows?: number
  /** A command line that replaces the shell. */
  readonly shell?: readonly string[]
}

const interactive = () =>
  `exec bash --noprofile --rcfile <(echo "alias ovpn3='${process.execPath} ${cli()}'; PS1='> '") -i`

/** A shell that shows the exit status of each command. */
const statuses = () =>
  `ovpn3() { "${process.execPath}" "${cli()}" "$@"; }; trap : INT; while printf '> ' && read -r line; do eval "$line"; echo "[status $?]"; done`

/** A terminal of a user of the world, and its screen. */
export class Terminal {
  readonly #socket = `ovpn3-test-${process.pid}-${count++}`

  /**
   * Opens a terminal with a shell in which `ovpn3` runs the CLI. Another `shell` must have the prompt `> ` or `$ `.
   */
  static async open(
    world: Place,
    user: UserName,
    {columns = 80, env = {}, jobs = false, rows = 30, shell}: TerminalOptions = {},
  ): Promise<Terminal> {
    const terminal = new Terminal()
    const uid = String(world.uid(user))
    const variables = Object.entries({...asUser(world, user).env, PS1: '> ', TERM: 'tmux-256color', ...env})
    await terminal.#tmux([
      '-f',
      '/dev/null',
      'new-session',
      '-d',
      // a folder that every user may enter
      '-c',
      '/',
      '-x',
      String(columns),
      '-y',
      String(rows),
      ...(world.canBecome ? ['setpriv', '--reuid', uid, '--regid', uid, '--clear-groups'] : []),
      'env',
      '-i',
      ...variables.map(([name, value]) => `${name}=${value}`),
      ...(shell ?? ['bash', '-c', jobs ? interactive() : statuses()]),
    ])
    await until('the shell shows its prompt', async () => /[$>]$/.test(await terminal.screen()))
    return terminal
  }

  /** Types text or keys by their tmux names: `Enter`, `Down`, `C-c`. */
  async type(...keys: readonly string[]): Promise<void> {
    for (const key of keys) await this.#tmux(['send-keys', key])
  }

  /** Clears the screen, runs a command, and returns the screen. */
  async run(command: string): Promise<string> {
    // tmux clears the screen: a typed `clear` would echo at the cursor position of a command that is still running.
    await this.type('-R', command, 'Enter')
    const screen = await this.shows(/\[status \d+\]\n>$/)
    return screen.slice(command.length + 1, screen.lastIndexOf('[status')).trimEnd()
  }

  async screen({escapes = false} = {}): Promise<string> {
    const {stdout} = await this.#tmux(['capture-pane', '-p', ...(escapes ? ['-e'] : [])])
    return stdout.replaceAll(/[ \t]+$/gm, '').trimEnd()
  }

  /** Waits until the screen matches, and returns the screen. */
  async shows(what: RegExp, limit = 30_000): Promise<string> {
    let screen = ''
    try {
      await until(
        `the terminal shows ${what}`,
        async () => {
          screen = await this.screen()
          return what.test(screen)
        },
        limit,
      )
    } catch (error) {
      throw new Error(`${(error as Error).message}; the screen shows:\n${screen}`)
    }

    return screen
  }

  async cursorIsVisible(): Promise<boolean> {
    const {stdout} = await this.#tmux(['display-message', '-p', '#{cursor_flag}'])
    return stdout.trim() === '1'
  }

  /** Sends a signal to the foreground processes. */
  async signal(name: NodeJS.Signals): Promise<void> {
    const {stdout} = await this.#tmux(['display-message', '-p', '#{pane_pid}'])
    const shell = stdout.trim()
    const children = readFileSync(`/proc/${shell}/task/${shell}/children`, 'utf8').trim()
    for (const child of children.split(' ')) process.kill(Number(child), name)
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#tmux(['resize-window', '-x', String(columns), '-y', String(rows)])
  }

  async close(): Promise<void> {
    await this.#tmux(['kill-server']).catch(() => {})
  }

  #tmux(args: readonly string[]) {
    return run('tmux', ['-L', this.#socket, ...args], {env: {...process.env, TMUX: '', LC_ALL: 'C.UTF-8'}})
  }
}

/**
 * For a suite that uses terminals: a simulator for the suite that is reset after each test, and terminals that are
 * closed after each test.
 */
export function terminals(): {
  open(options?: TerminalOptions): Promise<Terminal>
  readonly world: Simulator
} {
  let world: Simulator
  const opened: Terminal[] = []
  before(async () => {
    world = await simulator()
  })
  afterEach(async () => {
    for (const terminal of opened.splice(0)) await terminal.close()
    await world.reset()
  })
  after(() => world.close())
  return {
    async open(options) {
      const terminal = await Terminal.open(world, 'alice', options)
      opened.push(terminal)
      return terminal
    },
    get world() {
      return world
    },
  }
}
