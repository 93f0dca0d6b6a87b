import {chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {after, afterEach, before, beforeEach} from 'node:test'

import {type Simulator, simulator} from '../simulator/simulator'
import {ovpn3, type RunOptions, type RunResult} from './cli'

/** The ways in which a host fails, each as the script that plays ssh for it. `$host` is the name of the host. */
export const failures = {
  'a bridge that logs to the journal': 'exit 1',
  'a bus that is missing': 'echo "Failed to start bus client: No such file or directory" >&2; exit 1',
  'a changed host key': `cat >&2 <<'END'
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!
Host key for gw1 has changed and you have requested strict checking.
Host key verification failed.
END
exit 255`,
  'a denied login': 'echo "admin@$host: Permission denied (publickey,password)." >&2; exit 255',
  'a long silence': 'exec sleep 1000',
  'a missing bridge': 'echo "bash: line 1: systemd-stdio-bridge: command not found" >&2; exit 127',
  'a refused connection': 'echo "ssh: connect to host $host port 22: Connection refused" >&2; exit 255',
  'a silence that ignores SIGTERM': "trap '' TERM; exec sleep 1000",
  'a timeout of ssh': 'echo "ssh: connect to host $host port 22: Connection timed out" >&2; exit 255',
  'an unknown host key': `echo "No ED25519 host key is known for $host and you have requested strict checking." >&2
echo "Host key verification failed." >&2; exit 255`,
  'an unknown name': 'echo "ssh: Could not resolve hostname $host: Name or service not known" >&2; exit 255',
  'an unreachable network': 'echo "ssh: connect to host $host port 22: No route to host" >&2; exit 255',
  'control characters': String.raw`printf '\033]0;title\007\033[31mThe tunnel\r\tis \302\233closed\n' >&2; exit 255`,
} as const

export type Failure = keyof typeof failures

export interface HostOptions {
  /** Commands that run before the bridge: they may print to standard output and standard error. */
  readonly before?: string
  /** The accounts of the host, as lines of passwd; default: those of this machine. */
  readonly passwd?: readonly string[]
}

/** An ssh that was started. */
export interface SshCall {
  readonly args: readonly string[]
  /** `user@host` or `host`. */
  readonly destination: string
  readonly pid: number
  /** The command on the host. */
  readonly words: readonly string[]
}

const ssh = `#!/bin/sh
folder=$(dirname "$0")
printf '%s\\n' "$$ $*" >>"$folder/calls"
while [ "$1" != -- ]; do shift; done
host=\${2#*@}
shift 2
if [ ! -f "$folder/hosts/$host" ]; then
    echo "ssh: Could not resolve hostname $host: Name or service not known" >&2
    exit 255
fi
. "$folder/hosts/$host"
`

const getent = `#!/bin/sh
shift
status=0
for key; do
    grep -E "^($key:|[^:]*:[^:]*:$key:)" "$(dirname "$0")/passwd" || status=2
done
exit $status
`

/** Hosts behind a program that stands in for ssh. */
export class Hosts {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'ovpn3-hosts-'))

  constructor() {
    chmodSync(this.#folder, 0o755)
    mkdirSync(path.join(this.#folder, 'hosts'))
    this.#program('ssh', ssh)
    this.forget()
    process.once('exit', () => this.close())
  }

  /** The variables of a command that uses these hosts. */
  get env(): {readonly OVPN3_SSH: string} {
    return {OVPN3_SSH: path.join(this.#folder, 'ssh')}
  }

  /** Adds a host with the bus of a simulator. */
  add(name: string, {busAddress}: {readonly busAddress: string}, {before = '', passwd}: HostOptions = {}): void {
    const programs = path.join(this.#folder, `${name}-programs`)
    mkdirSync(programs, {recursive: true})
    this.#program(
      `${name}-programs/systemd-stdio-bridge`,
      `#!/bin/sh\nexec /usr/bin/systemd-stdio-bridge '--bus-path=${busAddress}'\n`,
    )
    if (passwd) {
      writeFileSync(path.join(programs, 'passwd'), passwd.map((line) => `${line}\n`).join(''))
      this.#program(`${name}-programs/getent`, getent)
    }

    // as ssh does, the words are passed to a shell
    this.script(name, `${before}\nPATH=${programs}:$PATH exec sh -c "exec $*"`)
  }

  /** Adds a host that fails. */
  fail(name: string, failure: Failure): void {
    this.script(name, failures[failure])
  }

  /** Adds a host, or replaces it: the script plays ssh. */
  script(name: string, text: string): void {
    writeFileSync(path.join(this.#folder, 'hosts', name), `${text}\n`)
  }

  /** The script that plays ssh for a host. */
  scriptOf(name: string): string {
    return readFileSync(path.join(this.#folder, 'hosts', name), 'utf8')
  }

  /** Every ssh that was started, in order. */
  get calls(): readonly SshCall[] {
    return readFileSync(path.join(this.#folder, 'calls'), 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => {
        const [pid, ...args] = line.split(' ')
        const [destination, ...words] = args.slice(args.indexOf('--') + 1)
        return {args, destination: destination!, pid: Number(pid), words}
      })
  }

  /** The process IDs of those that are still running, of one host or of all. */
  running(host?: string): readonly number[] {
    return this.calls
      .filter(({destination, pid}) => (host === undefined || destination === host) && isRunning(pid))
      .map(({pid}) => pid)
  }

  /** Forgets the calls so far. */
  forget(): void {
    const file = path.join(this.#folder, 'calls')
    writeFileSync(file, '')
    // another user writes it
    chmodSync(file, 0o666)
  }

  close(): void {
    if (!existsSync(this.#folder)) return
    for (const pid of this.running()) process.kill(pid, 'SIGKILL')
    rmSync(this.#folder, {force: true, recursive: true})
  }

  #program(name: string, text: string): void {
    writeFileSync(path.join(this.#folder, name), text)
    chmodSync(path.join(this.#folder, name), 0o755)
  }
}

/** Commands that reach a simulator on each of several hosts. */
export interface Fleet {
  readonly hosts: Hosts
  /** The variables of a command: without the bus of this machine. */
  readonly env: Readonly<Record<string, string>>
  /** The simulator of a host. */
  world(name: string): Simulator
  /** Runs ovpn3 as alice. @param line its words, separated by spaces */
  run(line: string, options?: RunOptions): Promise<RunResult>
}

/** For a suite that uses hosts: a simulator for each, reset after each test. */
export function fleet(...names: readonly string[]): Fleet {
  const worlds = new Map<string, Simulator>()
  const hosts = new Hosts()
  before(async () => {
    await Promise.all(names.map(async (name) => worlds.set(name, await simulator())))
  })
  beforeEach(() => {
    hosts.forget()
    for (const [name, world] of worlds) hosts.add(name, world)
  })
  afterEach(() => Promise.all([...worlds.values()].map((world) => world.reset())))
  after(async () => {
    hosts.close()
    await Promise.all([...worlds.values()].map((world) => world.close()))
  })
  const env = {...hosts.env, DBUS_SYSTEM_BUS_ADDRESS: 'unix:path=/nowhere/bus'}
  return {
    env,
    hosts,
    run: (line, options) =>
      ovpn3(worlds.get(names[0]!)!, 'alice', line.split(' '), {...options, env: {...env, ...options?.env}}),
    world: (name) => worlds.get(name)!,
  }
}

/** Whether a process runs; one that has ended but was not waited for does not. */
export function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
