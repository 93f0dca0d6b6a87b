import {type ChildProcess, execFileSync, spawn} from 'node:child_process'
import {chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {connect, createServer} from 'node:net'
import {tmpdir, userInfo} from 'node:os'
import path from 'node:path'

import {until} from './cli'

const sshd = ['/usr/sbin/sshd', '/usr/local/sbin/sshd'].find((file) => existsSync(file))
/** Where sshd of root drops its privileges. */
const separation = '/run/sshd'

/** For a test's `skip`: what is missing for an sshd, or false. Never skips with CI=true. */
export function skipSshd(): string | false {
  if (process.env.CI === 'true') return false
  const missing = ['ssh', 'ssh-keygen', 'systemd-stdio-bridge'].filter((name) => !existsSync(`/usr/bin/${name}`))
  if (!sshd) missing.push('sshd')
  if (/\/(?:nologin|false)$/.test(userInfo().shell ?? '')) missing.push('an account with a shell')
  return missing.length > 0 && `requires ${missing.join(', ')}`
}

/**
 * An sshd on this machine, for the user who runs the tests, with its own keys. Each host is a name in the configuration
 * of ssh; its commands find a bridge to the bus of a simulator.
 */
export class Sshd {
  readonly #folder: string
  readonly #port: number
  #daemon: ChildProcess | undefined

  private constructor(folder: string, port: number) {
    this.#folder = folder
    this.#port = port
  }

  /** @param buses the address of the bus of each host */
  static async start(buses: Readonly<Record<string, string>>): Promise<Sshd> {
    if (!sshd) throw new Error('sshd is not installed')
    const server = new Sshd(mkdtempSync(path.join(tmpdir(), 'ovpn3-sshd-')), await freePort())
    process.once('exit', () => server.#remove())
    server.#configure(buses)
    await server.restart()
    return server
  }

  /** The variables of a command that uses these hosts. */
  get env(): {readonly OVPN3_SSH: string} {
    return {OVPN3_SSH: this.#file('ssh')}
  }

  /** Starts it, unless it runs. */
  async restart(): Promise<void> {
    if (this.#daemon) return
    // sshd requires its absolute path
    const daemon = spawn(sshd!, ['-D', '-e', '-f', this.#file('sshd_config')], {stdio: ['ignore', 'ignore', 'pipe']})
    this.#daemon = daemon
    let log = ''
    daemon.stderr.setEncoding('utf8').on('data', (text: string) => {
      log += text
    })
    let ended = false
    daemon.once('exit', () => {
      ended = true
    })
    await until(
      () => `sshd listens: ${log}`,
      async () => {
        if (ended) throw new Error(`sshd ended: ${log}`)
        return accepts(this.#port)
      },
    )
  }

  /** Kills the sshd that listens, and the processes of its connections. */
  kill(): void {
    const {pid} = this.#daemon ?? {}
    this.#daemon = undefined
    if (pid === undefined) return
    for (const each of [...descendants(pid), pid]) {
      try {
        process.kill(each, 'SIGKILL')
      } catch {
        // it has ended
      }
    }
  }

  /** Gives the server another host key, which the clients do not know. */
  changeHostKey(): void {
    this.kill()
    for (const name of ['host_key', 'host_key.pub']) rmSync(this.#file(name))
    this.#key('host_key')
  }

  /** Makes the clients forget the host key. */
  forgetHostKey(): void {
    writeFileSync(this.#file('known_hosts'), '')
  }

  /** Withdraws the user's key. */
  denyLogins(): void {
    writeFileSync(this.#file('authorized_keys'), '')
  }

  close(): void {
    this.#remove()
  }

  #remove(): void {
    this.kill()
    rmSync(this.#folder, {force: true, recursive: true})
  }

  #configure(buses: Readonly<Record<string, string>>): void {
    // sshd closes the connection if it is missing
    if (process.getuid!() === 0) mkdirSync(separation, {mode: 0o755, recursive: true})
    chmodSync(this.#folder, 0o755)
    this.#key('host_key')
    this.#key('user_key')
    writeFileSync(this.#file('authorized_keys'), readFileSync(this.#file('user_key.pub')))
    const hostKey = readFileSync(this.#file('host_key.pub'), 'utf8')
    writeFileSync(this.#file('known_hosts'), `[127.0.0.1]:${this.#port} ${hostKey}`)
    writeFileSync(
      this.#file('sshd_config'),
      [
        `AuthorizedKeysFile ${this.#file('authorized_keys')}`,
        `ForceCommand ${this.#file('command')}`,
        `HostKey ${this.#file('host_key')}`,
        'KbdInteractiveAuthentication no',
        'ListenAddress 127.0.0.1',
        'PasswordAuthentication no',
        'PermitRootLogin prohibit-password',
        'PidFile none',
        `Port ${this.#port}`,
        'AcceptEnv OVPN3_TEST_HOST',
        'StrictModes no',
        'UsePAM no',
        '',
      ].join('\n'),
    )
    // the name of the host comes with the connection: it decides which bridge the command finds
    this.#program(
      'command',
      `PATH="${this.#folder}/bin-$OVPN3_TEST_HOST:$PATH" exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"`,
    )
    for (const [name, bus] of Object.entries(buses)) {
      mkdirSync(this.#file(`bin-${name}`))
      this.#program(`bin-${name}/systemd-stdio-bridge`, `exec /usr/bin/systemd-stdio-bridge '--bus-path=${bus}'`)
    }

    const common = [
      'HostName 127.0.0.1',
      `IdentityFile ${this.#file('user_key')}`,
      'IdentitiesOnly yes',
      'IdentityAgent none',
      `Port ${this.#port}`,
      'StrictHostKeyChecking yes',
      `User ${userInfo().username}`,
      `UserKnownHostsFile ${this.#file('known_hosts')}`,
    ]
    const hosts = Object.keys(buses).map((name) => `Host ${name}\n    SetEnv OVPN3_TEST_HOST=${name}\n`)
    writeFileSync(
      this.#file('ssh_config'),
      `${hosts.join('')}Host *\n${common.map((line) => `    ${line}\n`).join('')}`,
    )
    this.#program('ssh', `exec ssh -F '${this.#file('ssh_config')}' "$@"`)
  }

  #file(name: string): string {
    return path.join(this.#folder, name)
  }

  #key(name: string): void {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', this.#file(name)])
  }

  #program(name: string, text: string): void {
    writeFileSync(this.#file(name), `#!/bin/sh\n${text}\n`)
    chmodSync(this.#file(name), 0o755)
  }
}

/** A port of 127.0.0.1 on which nobody listens. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject).listen(0, '127.0.0.1', () => {
      const {port} = server.address() as {port: number}
      server.close(() => resolve(port))
    })
  })
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

/** The process IDs of all children of a process, and theirs. */
function descendants(pid: number): number[] {
  const parents = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const [, parent] = /\) \S (\d+)/.exec(readFileSync(`/proc/${name}/stat`, 'utf8')) ?? []
      parents.set(Number(parent), [...(parents.get(Number(parent)) ?? []), Number(name)])
    } catch {
      // it has ended
    }
  }

  const of = (parent: number): number[] => (parents.get(parent) ?? []).flatMap((child) => [child, ...of(child)])
  return of(pid)
}
