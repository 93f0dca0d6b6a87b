import {execFile, spawn} from 'node:child_process'
import {existsSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync} from 'node:fs'
import {Socket} from 'node:net'
import path from 'node:path'
import {setTimeout as sleep} from 'node:timers/promises'
import {promisify} from 'node:util'

import type {Profile, StartOptions, UserName, World} from '../support/world'

import {BusClient, CallError} from '../support/bus-client'

export type Suite = 'sid' | 'trixie'
/** The lab of a suite, or its second lab, so that two test files can run at the same time. */
export type LabName = `${Suite}-2` | Suite

const run = promisify(execFile)

const SESSIONS = 'net.openvpn.v3.sessions'
const CONFIGURATION = 'net.openvpn.v3.configuration'
const PROPERTIES = 'org.freedesktop.DBus.Properties'
const MANAGER = '/net/openvpn/v3/sessions'
const PROFILES = '/net/openvpn/v3/configuration'

const UIDS: Readonly<Record<UserName, number>> = {alice: 6001, bob: 6002, carol: 6003, root: 0}
const USERS = Object.keys(UIDS) as UserName[]

const INPUT: Readonly<Record<Profile, readonly string[]>> = {
  cert: [],
  cert2: [],
  chal: ['vpnuser', 'secret', '123456'],
  dead: [],
  key: ['opensesame'],
  pass: ['vpnuser', 'secret'],
  web: ['vpnuser', 'secret'],
}

/** Minor status codes. */
const LOADED = new Set([2, 4])
const CONNECTED = 7
const HOPELESS = new Set([9, 10, 11])

const labs = (): string => path.resolve(process.env.OVPN3_LAB_DIR || '/var/tmp/ovpn3-lab')

const scripts = (): string => {
  for (let dir = __dirname; dir !== path.dirname(dir); dir = path.dirname(dir)) {
    const file = path.join(dir, 'package.json')
    if (existsSync(file) && JSON.parse(readFileSync(file, 'utf8')).name === 'ovpn3')
      return path.join(dir, 'test/real/lab')
  }

  throw new Error(`No repository around ${__dirname}`)
}

/** For a test's `skip`: the reason why no lab is available, or false. As root with CI=true, tests fail instead. */
export function skipLab(): string | false {
  if (process.getuid?.() !== 0) return 'the lab requires root'
  if (process.env.CI === 'true') return false
  const release = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : ''
  return /^ID="?debian"?$/m.test(release) ? false : 'the lab requires Debian'
}

async function until<T>(what: () => string, seconds: number, ask: () => Promise<T | undefined> | T | undefined) {
  const end = Date.now() + seconds * 1000
  for (;;) {
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer
    if (Date.now() > end) throw new Error(`timed out after ${seconds} s, waiting until: ${what()}`)
    await sleep(25)
  }
}

/** A process's state as one letter; undefined if there is no such process. */
const stateOf = (pid: number): string | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2)[0]
  } catch {
    return undefined
  }
}

const isAlive = (pid: number): boolean => ![undefined, 'X', 'Z'].includes(stateOf(pid))

const signal = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

const kill = async (pid: number): Promise<void> => {
  signal(pid, 'SIGKILL')
  await until(
    () => `process ${pid} is dead`,
    5,
    () => !isAlive(pid),
  )
}

interface Started {
  readonly owner: UserName
  readonly backend: number
}

class Lab implements World {
  readonly real = true
  readonly patience = 10
  readonly canBecome = true
  readonly version: '24.1' | '27.1'
  readonly busAddress: string
  readonly #root: string
  readonly #namespace: string
  readonly #clients: Readonly<Record<UserName, BusClient>>
  readonly #started = new Map<string, Started>()
  readonly #copies = new Map<string, UserName>()
  readonly #release: () => void

  constructor(
    readonly name: LabName,
    release: () => void,
  ) {
    this.version = name.startsWith('sid') ? '27.1' : '24.1'
    this.#root = path.join(labs(), name)
    this.#namespace = `/run/netns/ovpn3-${name}-c`
    this.busAddress = `unix:path=${this.#root}/run/dbus/system_bus_socket`
    this.#clients = {
      alice: new BusClient(UIDS.alice, this.busAddress),
      bob: new BusClient(UIDS.bob, this.busAddress),
      carol: new BusClient(UIDS.carol, this.busAddress),
      root: new BusClient(UIDS.root, this.busAddress),
    }
    this.#release = release
  }

  uid(user: UserName): number {
    return UIDS[user]
  }

  profileText(profile: Profile): string {
    return readFileSync(path.join(this.#root, 'lab', `${profile}.ovpn`), 'utf8')
  }

  async startSession(user: UserName, profile: Profile, options: StartOptions = {}): Promise<string> {
    const session = await this.#loadedSession(user, profile, options.fresh ?? false)
    let status = ''
    const reached = (wanted: (minor: number) => boolean, seconds: number) =>
      until(
        () => `${profile} reaches the wanted status; its status is ${status}`,
        seconds,
        async () => {
          const [major, minor, message] = (await this.#get(user, session, 'status')) as [number, number, string]
          status = `${major},${minor} ${message}`
          return wanted(minor)
        },
      )

    // Read this now: a later read of a stale session would remove it.
    this.#started.set(session, {owner: user, backend: (await this.#get('root', session, 'backend_pid')) as number})
    if (options.until === 'new') return session

    await this.#provide(user, session, options.input ?? INPUT[profile])
    await this.#session(user, session, 'Connect')
    if (options.until === 'started') return session

    await reached((minor) => {
      if (HOPELESS.has(minor)) throw new Error(`${profile} does not connect: ${status}`)
      return minor === CONNECTED
    }, 30)
    return session
  }

  async setPublicAccess(session: string, enabled: boolean): Promise<void> {
    const body = [SESSIONS, 'public_access', {signature: 'b', value: enabled}]
    await this.#call(await this.#ownerOf(session), SESSIONS, session, PROPERTIES, 'Set', 'ssv', body)
  }

  async grant(session: string, user: UserName): Promise<void> {
    await this.#session(await this.#ownerOf(session), session, 'AccessGrant', 'u', [UIDS[user]])
  }

  async killBackend(session: string): Promise<void> {
    await kill(await this.#runningBackendOf(session))
  }

  async stopBackend(session: string): Promise<void> {
    const pid = await this.#runningBackendOf(session)
    signal(pid, 'SIGSTOP')
    await until(
      () => `process ${pid} is stopped`,
      5,
      () => stateOf(pid) === 'T',
    )
  }

  async grantWebAuthentication(granted: boolean): Promise<void> {
    const file = path.join(this.#root, 'lab/web-ok')
    if (granted) writeFileSync(file, '')
    else rmSync(file, {force: true})
  }

  async coldStart(): Promise<void> {
    const before = await this.#managerOnBus()
    for (const pid of this.#processes('sessionmgr')) signal(pid, 'SIGTERM')
    await Promise.all(this.#processes('client').map((pid) => kill(pid)))
    // The name may have a new owner already: a command that still runs may have started the next manager.
    await until(
      () => `the session manager ${before} has left the bus`,
      10,
      async () => before === undefined || (await this.#managerOnBus()) !== before,
    )
    this.#started.clear()
  }

  async killLogService(): Promise<void> {
    await Promise.all(this.#processes('log').map((pid) => kill(pid)))
  }

  async sessions(): Promise<string[]> {
    return [...(await this.#listed()).keys()]
  }

  async carriesTraffic(session: string): Promise<boolean> {
    try {
      const pid = await this.#backendOf(session)
      // A call to a session with a dead or hung backend would make the manager remove it.
      if (!isAlive(pid) || stateOf(pid) === 'T') return false
      const device = String(await this.#get('root', session, 'device_name'))
      if (device === '') return false
      const inside = [`--net=${this.#namespace}`, 'chroot', this.#root]
      await run('nsenter', [...inside, 'ping', '-c1', '-w3', '-I', device, await this.#serverBehind(device)])
      return true
    } catch {
      return false
    }
  }

  async reset(): Promise<void> {
    await this.grantWebAuthentication(false)
    // A hung backend would block the manager for 10 s; a dead one is detected at once.
    await Promise.all(
      this.#processes('client')
        .filter((pid) => stateOf(pid) === 'T')
        .map((pid) => kill(pid)),
    )
    const listed = await this.#listed()
    await Promise.all([...listed].map(([session, users]) => this.#remove(session, users)))
    if (listed.size > 0) {
      try {
        await until(
          () => 'no session is left',
          5,
          async () => (await this.#listed()).size === 0,
        )
      } catch {
        await this.coldStart()
      }
    }

    const ended = until(
      () => 'no backend is left',
      1,
      () => this.#processes('client').length === 0,
    )
    await ended.catch(() => Promise.all(this.#processes('client').map((pid) => kill(pid))))
    await Promise.all([...this.#copies].map(([copy, user]) => this.#forget(user, copy)))
    this.#copies.clear()
    this.#started.clear()
  }

  async close(): Promise<void> {
    for (const client of Object.values(this.#clients)) client.close()
    this.#release()
  }

  /** Starts a session and waits until its backend has loaded the profile. */
  async #loadedSession(user: UserName, profile: Profile, fresh: boolean, attempts = 3): Promise<string> {
    const session = await this.#newTunnel(user, profile, fresh)
    try {
      await until(
        () => `${profile} is loaded`,
        10,
        async () => LOADED.has(((await this.#get(user, session, 'status')) as [number, number, string])[1]),
      )
      return session
    } catch (error) {
      // On a busy machine a backend sometimes exits during its start, and its session disappears (observed on 24.1).
      if (!(error instanceof CallError && error.text.includes('does not exist')) || attempts === 1) throw error
      process.stderr.write(`${profile}: ${session} vanished during its start; retrying\n`)
      return this.#loadedSession(user, profile, true, attempts - 1)
    }
  }

  async #newTunnel(user: UserName, profile: Profile, fresh: boolean): Promise<string> {
    const start = async (config: string) =>
      String(await this.#manager(user, SESSIONS, MANAGER, 'NewTunnel', 'o', [config]))
    if (!fresh) {
      const found = await this.#manager(user, CONFIGURATION, PROFILES, 'LookupConfigName', 's', [profile])
      const config = (found as string[]).find((candidate) => !this.#copies.has(candidate))
      try {
        if (config) return await start(config)
      } catch (error) {
        if (!(error as CallError).text.includes('already running')) throw error
      }
    }

    const body = [profile, this.profileText(profile), false, false]
    const copy = String(await this.#manager(user, CONFIGURATION, PROFILES, 'Import', 'ssbb', body))
    this.#copies.set(copy, user)
    return start(copy)
  }

  async #provide(user: UserName, session: string, input: readonly string[]): Promise<void> {
    const rest = [...input]
    for (;;) {
      try {
        await this.#session(user, session, 'Ready')
        return
      } catch (error) {
        if (!(error as CallError).text.includes('net.openvpn.v3.error.ready')) throw error
      }

      const [groups] = await this.#session(user, session, 'UserInputQueueGetTypeGroup')
      for (const [type, group] of groups as [number, number][]) {
        const [ids] = await this.#session(user, session, 'UserInputQueueCheck', 'uu', [type, group])
        for (const id of ids as number[]) {
          const value = rest.shift()
          if (value === undefined) throw new Error(`More than ${input.length} lines of input are required`)
          await this.#session(user, session, 'UserInputProvide', 'uuus', [type, group, id, value])
        }
      }
    }
  }

  async #remove(session: string, users: readonly UserName[]): Promise<void> {
    const owner = this.#started.get(session)?.owner
    for (const user of owner ? [owner] : users) {
      try {
        await this.#session(user, session, 'Disconnect')
        return
      } catch {
        // The access removed the session, or it belongs to another user.
      }
    }
  }

  async #forget(user: UserName, copy: string): Promise<void> {
    try {
      await this.#call(user, CONFIGURATION, copy, CONFIGURATION, 'Remove')
    } catch {
      // The configuration manager has ended, and with it the copies.
    }
  }

  /** All sessions, each with the users that it is listed for. */
  async #listed(): Promise<Map<string, UserName[]>> {
    const all = new Map<string, UserName[]>()
    // A call would start the manager.
    if (!(await this.#managerOnBus())) return all
    const list = async (user: UserName) => {
      const sessions = (await this.#manager(user, SESSIONS, MANAGER, 'FetchAvailableSessions')) as string[]
      for (const session of sessions) all.set(session, [...(all.get(session) ?? []), user])
    }

    await Promise.all(USERS.map((user) => list(user)))
    return all
  }

  /** The session manager's unique name on the bus; undefined if it does not run. */
  async #managerOnBus(): Promise<string | undefined> {
    const bus = 'org.freedesktop.DBus'
    try {
      const [owner] = await this.#call('root', bus, '/org/freedesktop/DBus', bus, 'GetNameOwner', 's', [SESSIONS])
      return owner as string
    } catch (error) {
      if ((error as CallError).type !== 'org.freedesktop.DBus.Error.NameHasNoOwner') throw error
    }
  }

  async #ownerOf(session: string): Promise<UserName> {
    const started = this.#started.get(session)
    if (started) return started.owner
    const uid = await this.#get('root', session, 'owner')
    const user = USERS.find((name) => UIDS[name] === uid)
    if (!user) throw new Error(`${session} is owned by the unknown user ${String(uid)}`)
    return user
  }

  async #backendOf(session: string): Promise<number> {
    const pid = this.#started.get(session)?.backend ?? Number(await this.#get('root', session, 'backend_pid'))
    if (!(pid > 1)) throw new Error(`${session} has no backend`)
    return pid
  }

  /** The backend's process ID, checked to be a process of this lab: the ID may have been reused. */
  async #runningBackendOf(session: string): Promise<number> {
    const pid = await this.#backendOf(session)
    if (!this.#processes('client').includes(pid)) throw new Error(`The backend of ${session} has exited`)
    return pid
  }

  /** The server's address: the first host of its network. */
  async #serverBehind(device: string): Promise<string> {
    const {stdout} = await run('ip', ['-n', path.basename(this.#namespace), '-o', '-4', 'addr', 'show', 'dev', device])
    const network = /inet (\d+\.\d+\.\d+)\./.exec(stdout)?.[1]
    if (!network) throw new Error(`${device} has no address`)
    return `${network}.1`
  }

  /** The running processes of an OpenVPN 3 service in this lab; the backends are `client`. */
  #processes(service: string): number[] {
    const {ino} = statSync(this.#namespace)
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => {
        if (!(pid > 1)) return false
        try {
          const here = readlinkSync(`/proc/${pid}/ns/net`) === `net:[${ino}]`
          const [command] = here ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0') : []
          return command !== undefined && path.basename(command) === `openvpn3-service-${service}` && isAlive(pid)
        } catch {
          return false
        }
      })
  }

  async #get(user: UserName, session: string, property: string): Promise<unknown> {
    const [variant] = await this.#call(user, SESSIONS, session, PROPERTIES, 'Get', 'ss', [SESSIONS, property])
    return (variant as {value: unknown}).value
  }

  #session(user: UserName, session: string, member: string, signature = '', body: readonly unknown[] = []) {
    return this.#call(user, SESSIONS, session, SESSIONS, member, signature, body)
  }

  /** The first result of a manager's method. Retries while the object does not exist yet after the service's start. */
  async #manager(
    user: UserName,
    service: string,
    object: string,
    member: string,
    signature = '',
    body: readonly unknown[] = [],
  ): Promise<unknown> {
    const [result] = await until(
      () => `${service} has its objects`,
      5,
      async () => {
        try {
          return await this.#call(user, service, object, service, member, signature, body)
        } catch (error) {
          if ((error as CallError).type !== 'org.freedesktop.DBus.Error.UnknownMethod') throw error
        }
      },
    )
    return result
  }

  #call(
    user: UserName,
    destination: string,
    object: string,
    face: string,
    member: string,
    signature = '',
    body: readonly unknown[] = [],
  ): Promise<readonly unknown[]> {
    return this.#clients[user].call({destination, path: object, interface: face, member, signature, body})
  }
}

/** Reserves a lab for this process: two test files would remove each other's sessions. */
async function reserve(name: LabName): Promise<() => void> {
  // The lock ends with cat, and cat ends with the pipe to this process, however this process ends.
  const holder = spawn('flock', ['-w', '900', path.join(labs(), `${name}.use`), 'sh', '-c', 'echo; exec cat'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  const hint = setTimeout(() => process.stderr.write(`The lab ${name} is in use; waiting for it\n`), 2000)
  await new Promise<void>((resolve, reject) => {
    holder.once('error', reject)
    holder.once('exit', () => reject(new Error(`The lab ${name} is in use`)))
    holder.stdout.once('data', () => resolve())
  }).finally(() => clearTimeout(hint))
  holder.unref()
  for (const pipe of [holder.stdin, holder.stdout]) if (pipe instanceof Socket) pipe.unref()
  return () => holder.stdin.end()
}

/** Starts the lab if necessary and reserves it. */
export async function lab(name: LabName): Promise<World> {
  await run(path.join(scripts(), 'up.sh'), [name])
  return new Lab(name, await reserve(name))
}
