import {
  type Account,
  hasCode,
  isOvpn3Error,
  mapLimited,
  matching,
  noPathError,
  Ovpn3Error,
  type ProfileQuery,
  type PropertyName,
  type SavedProfile,
  type Selector,
  type Session,
  type SessionRef,
  type SessionSource,
  type SourceEvent,
  type StartFrom,
  type StartOptions,
  unlessAborted,
  type Unsubscribe,
  type Users,
} from '@ovpn3/sessions'

import {Bus, BusError, type Call, type Channel, tracer} from '../bus'
import {callManager} from './cold-start'
import {toOvpn3Error, translated, translatedProfile} from './errors'
import {LogForwards} from './log-forwards'
import {loggedInUsers} from './logins'
import {managerEvent, managerPath, ownerChangeOf, sessionInterface, sessionService} from './names'
import {profileDetails, profileName, profilePaths} from './profile'
import {decode} from './properties'
import {ServiceSession} from './session'
import {startSession} from './start'

const objectPath = /^\/$|^(\/\w+)+$/
const idPrefix = /^\w{4,}$/
const sessionId = /^[\da-f]{8}(?:s[\da-f]{4}){3}s[\da-f]{12}$/
const anyId = '00000000s0000s0000s0000s000000000000'

/** Another machine, and how its system bus is reached. */
export interface Remote {
  /** As given with --host. */
  readonly host: string
  /** Seconds within which it must answer. */
  readonly connectTimeout: number
  /** The users there. @param loggedIn those who are logged in: their names cost no login */
  users(loggedIn: () => Promise<readonly Account[]>): Users
  channel(): Promise<Channel>
  /** Waits for its turn to connect. */
  turn<T>(work: () => Promise<T>): Promise<T>
}

export interface ManagerOptions {
  /** Called once for each session that the session manager has been waiting for without a sign for 1.5 s. */
  readonly onStall?: (session: (SessionRef & {readonly id: string}) | undefined, host?: string) => void
  /** Left out: this machine. */
  readonly remote?: Remote
}

/** The session manager of a machine. It is connected to when it is first asked for something. */
export class SessionManager implements SessionSource {
  readonly host: string | undefined
  readonly logs = new LogForwards()
  readonly name: string
  readonly users: Users | undefined
  #bus: Promise<Bus> | undefined
  readonly #closed: Promise<Ovpn3Error>
  readonly #closing = new AbortController()
  readonly #connect: () => Promise<Bus>
  /** Settles once `me` is known: after the connection, but before the first result. */
  #identified: Promise<void> | undefined
  #me: number | undefined

  constructor({onStall, remote}: ManagerOptions = {}) {
    this.host = remote?.host
    this.name = remote?.host ?? 'local'
    this.users = remote?.users(async () => loggedInUsers(await this.#open()))
    this.#me = remote ? undefined : process.getuid!()
    let close: (error: Ovpn3Error) => void
    this.#closed = new Promise((resolve) => {
      close = resolve
    })
    const connect = () =>
      Bus.connect({
        channel: remote?.channel,
        connectTimeout: remote?.connectTimeout,
        onClose: (error) => close(toOvpn3Error(error) as Ovpn3Error),
        onStall:
          onStall &&
          ((path) => {
            const id = path.startsWith(`${managerPath}/`) && path.slice(managerPath.length + 1)
            onStall(id ? {id, path, source: this} : undefined, this.host)
          }),
        signal: this.#closing.signal,
        trace: tracer(),
      })
    this.#connect = remote
      ? () =>
          remote.turn(async () => {
            const bus = await connect()
            this.#identified = bus.ownUid(remote.connectTimeout * 1000).then((uid) => {
              this.#me = uid
            })
            // an error is for those who await it
            this.#identified.catch(() => {})
            return bus
          })
      : connect
  }

  /** The caller's uid on that machine, which its bus tells before the first result. */
  get me(): number {
    if (this.#me === undefined) throw new Error(`${this.name} is not connected`)
    return this.#me
  }

  /** @throws Ovpn3Error `usage` for an invalid path or ID, `bus-unreachable`, … */
  async find(selector: Selector, properties: readonly PropertyName[]): Promise<readonly Session[]> {
    if (selector.kind === 'path') checkPath(selector.path)
    const listed = await this.#candidates(selector)
    if (listed.length > 0 || selector.kind !== 'path') return matching(listed, selector, properties)
    const bus = await this.#connected()
    const {path} = selector
    if (!path.startsWith('/') && !sessionId.test(path)) return []
    // root can read sessions that the manager does not list
    const fullPath = path.startsWith('/') ? path : `${managerPath}/${path}`
    const session = new ServiceSession(this, bus, fullPath)
    const found = await matching([session], selector, properties)
    return found.filter((each) => !isMissing(each))
  }

  /** The profiles that the caller can read. */
  async profiles({details, name, path: wanted}: ProfileQuery = {}): Promise<readonly SavedProfile[]> {
    if (wanted !== undefined && !objectPath.test(wanted))
      throw new Ovpn3Error('usage', `invalid profile path: "${wanted}"`, {
        hint: 'Run `openvpn3 configs-list` and pass the D-Bus path of a profile',
      })
    const bus = await this.#connected()
    const read = (path: string) =>
      details ? profileDetails(bus, path) : profileName(bus, path).then((profile) => ({name: profile, path}))
    const direct = wanted === undefined ? undefined : await valueOrUndefined(read(wanted))
    if (direct) return [direct]
    // this call also starts the configuration manager if it is not running
    const listed = await translatedProfile(profilePaths(bus, name))
    const paths = wanted === undefined ? listed : listed.filter((path) => path === wanted)
    if (name !== undefined && !details) return paths.map((path) => ({name, path}))
    // a profile that was deleted meanwhile is omitted
    const profiles = await Promise.all(mapLimited(paths, (path) => valueOrUndefined(read(path))))
    return profiles.filter((profile) => profile !== undefined)
  }

  async start(from: StartFrom, options: StartOptions, signal: AbortSignal): Promise<Session> {
    const bus = await unlessAborted(this.#connected(), signal)
    return new ServiceSession(this, bus, await startSession(bus, from, options, signal), from.name)
  }

  /** Reports sessions as they are created and removed, including those that the caller cannot read. */
  async watch(listener: (event: SourceEvent) => void): Promise<Unsubscribe> {
    const bus = await this.#connected()
    const subscribing = [
      bus.subscribe(managerEvent, ({body}) => {
        const [path, type] = body as [string, number, number]
        if (type === 1) listener({session: new ServiceSession(this, bus, path), type: 'created'})
        else if (type === 2) listener({path, type: 'removed'})
      }),
      bus.subscribe(ownerChangeOf(sessionService), ({body}) => {
        const [, previous] = body as [string, string, string]
        if (previous) listener({type: 'reset'})
      }),
    ]
    const ends = await translated(Promise.all(subscribing))
    let ended = false
    void this.#closed.then((error) => {
      if (!ended) listener({error, type: 'closed'})
    })
    return async () => {
      ended = true
      await translated(Promise.all(ends.map((end) => end())))
    }
  }

  async close(): Promise<void> {
    this.#closing.abort()
    const bus = this.#bus && (await valueOrUndefined(this.#bus))
    await bus?.close()
  }

  #open(): Promise<Bus> {
    this.#bus ??= translated(this.#connect())
    return this.#bus
  }

  async #connected(): Promise<Bus> {
    const bus = await this.#open()
    if (this.#identified) await translated(this.#identified)
    return bus
  }

  /** The listed sessions that may match the selector. They are not read, so some may be stale. */
  async #candidates(selector: Selector): Promise<ServiceSession[]> {
    switch (selector.kind) {
      case 'config':
        return this.#list({body: [selector.name], member: 'LookupConfigName', signature: 's'}, selector.name)
      case 'path': {
        const {path} = selector
        if (path.startsWith('/') || !sessionId.test(path + anyId.slice(path.length))) return []
        return (await this.#list({member: 'FetchAvailableSessions'})).filter(({id}) => id.startsWith(path))
      }

      default:
        return this.#list({member: 'FetchAvailableSessions'})
    }
  }

  /** Calls a method of the manager that returns sessions. @param config the name of their profile */
  async #list(
    call: Partial<Call> & {readonly member: 'FetchAvailableSessions' | 'LookupConfigName'},
    config?: string,
  ): Promise<ServiceSession[]> {
    const manager = {destination: sessionService, interface: sessionInterface, path: managerPath}
    const bus = await this.#open()
    try {
      // sent together, which saves a round trip
      const [[paths]] = await Promise.all([callManager(bus, {...manager, ...call}), this.#identified])
      return decode(call.member, paths).map((path) => new ServiceSession(this, bus, path, config))
    } catch (error) {
      if (error instanceof BusError && error.kind === 'object-gone')
        throw new Ovpn3Error('service-unavailable', 'the session manager did not start', {
          cause: error,
          hint: 'Try again later',
        })
      throw toOvpn3Error(error)
    }
  }
}

/** The value of a promise, or undefined if it rejects. */
async function valueOrUndefined<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (error instanceof BusError || isOvpn3Error(error)) return undefined
    throw error
  }
}

/** @throws Ovpn3Error `usage` if this cannot be the path, ID or ID prefix of a session */
function checkPath(path: string): void {
  const tree = `${managerPath}/`
  if (!path.startsWith('/')) {
    if (idPrefix.test(path)) return
    throw noPathError(path)
  }

  if (!objectPath.test(path))
    throw new Ovpn3Error('usage', `invalid D-Bus object path: ${path}`, {
      hint: 'Run `ovpn3 list` and pass the path or ID of a session',
    })
  if (!path.startsWith(tree) || path.includes('/', tree.length))
    throw new Ovpn3Error('usage', `not a session path: ${path}`, {hint: `Pass a path that begins with ${tree}`})
}

/** True if no such session exists. False for a stale one: it existed until this read. */
function isMissing({snapshot: {errors, values}}: Session): boolean {
  const all = Object.values(errors)
  return Object.keys(values).length === 0 && all.length > 0 && all.every((error) => hasCode(error, 'session-not-found'))
}
