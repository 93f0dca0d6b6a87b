import {isOvpn3Error, Ovpn3Error, paced, type SessionsEvent, type Unsubscribe} from '@ovpn3/sessions'

import {Bus, BusError, type BusOptions, type Call} from '../bus'
import {callManager} from './cold-start'
import {toOvpn3Error} from './errors'
import {fetchConfigs, idOf, managerPath, ownerChange, sessionInterface, sessionService} from './names'
import {profileName} from './profile'
import {decodePaths} from './properties'
import {RemoteSession} from './session'

/**
 * How many sessions the session manager may have to go through to find names: with every look-up it goes through all,
 * at 0.8 ms each (27.1), while to read the name of one takes 4 ms.
 */
const visitsForNames = 100

export interface ManagerOptions {
  /** Called once for each session that the session manager has been waiting for without a sign for 1.5 s. */
  readonly onStall?: (session: {readonly id: string; readonly path: string} | undefined) => void
  readonly signal?: BusOptions['signal']
  readonly trace?: BusOptions['trace']
}

/** The session manager of this machine. */
export class SessionManager {
  readonly #bus: Bus
  readonly #closed: Promise<Ovpn3Error>

  private constructor(bus: Bus, closed: Promise<Ovpn3Error>) {
    this.#bus = bus
    this.#closed = closed
  }

  /** @throws Ovpn3Error `bus-unreachable` */
  static async open({onStall, signal, trace}: ManagerOptions = {}): Promise<SessionManager> {
    let close: (error: Ovpn3Error) => void
    const closed = new Promise<Ovpn3Error>((resolve) => {
      close = resolve
    })
    try {
      return new SessionManager(
        await Bus.connect({
          onClose: (error) => close(toOvpn3Error(error) as Ovpn3Error),
          onStall:
            onStall && ((path) => onStall(path.startsWith(managerPath + '/') ? {id: idOf(path), path} : undefined)),
          signal,
          trace,
        }),
        closed,
      )
    } catch (error) {
      throw toOvpn3Error(error)
    }
  }

  /** The sessions that the caller has access to. Does not look at them, so stale ones are among them. */
  async sessions(): Promise<RemoteSession[]> {
    return (await this.#paths({member: 'FetchAvailableSessions'})).map((path) => this.session(path))
  }

  /** The sessions that were started from a profile of this name. Does not look at them either. */
  async sessionsOfConfig(name: string): Promise<RemoteSession[]> {
    const paths = await this.#paths({body: [name], member: 'LookupConfigName', signature: 's'})
    return paths.map((path) => this.session(path, name))
  }

  /** The session at a path, whether it exists or not: reading it tells. */
  session(path: string, config?: string): RemoteSession {
    return new RemoteSession(this.#bus, path, config)
  }

  /**
   * The sessions, as `sessions` gives them, but with the names of their profiles as far as those are found soon and
   * without touching a session: for those that vanish when they are looked at. Those of profiles that the caller cannot
   * see, or that were renamed or deleted, are not found, and none where the configuration manager does not answer.
   */
  async namedSessions(): Promise<RemoteSession[]> {
    const [sessions, names = []] = await Promise.all([this.sessions(), forgiving(this.#profileNames())])
    const found = new Map<string, string>()
    // most of them by one look-up, where many have the same name
    for (const name of names.slice(0, Math.floor(visitsForNames / sessions.length))) {
      if (sessions.every(({path}) => found.has(path))) break
      for (const {path} of (await forgiving(this.sessionsOfConfig(name))) ?? []) found.set(path, name)
    }

    return sessions.map(({path}) => this.session(path, found.get(path)))
  }

  /** Follows sessions that come and go. Only those that the caller has access to can be looked at. */
  async watch(listener: (event: SessionsEvent) => void): Promise<Unsubscribe> {
    let ended = false
    const end = await this.#subscribe(listener)
    void this.#closed.then((error) => {
      if (!ended) listener({error, type: 'closed'})
    })
    return async () => {
      ended = true
      await end()
    }
  }

  async close(): Promise<void> {
    this.#bus.close()
  }

  async #subscribe(listener: (event: SessionsEvent) => void): Promise<Unsubscribe> {
    try {
      const ends = await Promise.all([
        this.#bus.subscribe(
          {interface: sessionInterface, member: 'SessionManagerEvent', path: managerPath, sender: sessionService},
          ({body}) => {
            const [path, type] = body as [string, number, number]
            if (type === 1) listener({session: this.session(path), type: 'created'})
            else if (type === 2) listener({path, type: 'removed'})
          },
        ),
        this.#bus.subscribe({...ownerChange, arg0: sessionService}, ({body}) => {
          const [, previous] = body as [string, string, string]
          if (previous) listener({type: 'reset'})
        }),
      ])
      return async () => {
        await Promise.all(ends.map((end) => end()))
      }
    } catch (error) {
      throw toOvpn3Error(error)
    }
  }

  /** The names of the profiles that the caller can see, those that many have first. */
  async #profileNames(): Promise<string[]> {
    const paths = decodePaths(fetchConfigs.member, await callManager(this.#bus, fetchConfigs))
    // one that was deleted meanwhile does not hide the others
    const names = await Promise.all(paced(paths, (path) => forgiving(profileName(this.#bus, path))))
    const counts = new Map<string, number>()
    for (const name of names) if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1)
    return [...counts].sort(([, a], [, b]) => b - a).map(([name]) => name)
  }

  /** Calls a method of the manager that answers with sessions. */
  async #paths(call: Partial<Call> & {member: string}): Promise<string[]> {
    try {
      return decodePaths(
        call.member,
        await callManager(this.#bus, {
          destination: sessionService,
          interface: sessionInterface,
          path: managerPath,
          ...call,
        }),
      )
    } catch (error) {
      if (error instanceof BusError && error.kind === 'object-gone')
        throw new Ovpn3Error('service-unavailable', 'the session manager does not come up', {
          cause: error,
          hint: 'Try again in a while',
        })
      throw toOvpn3Error(error)
    }
  }
}

/** What is a help and no more may fail: undefined then. */
async function forgiving<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (error instanceof BusError || isOvpn3Error(error)) return undefined
    throw error
  }
}
