import {isOvpn3Error, Ovpn3Error, type Session, type SessionsEvent, type Unsubscribe} from '@ovpn3/kit/model'

import {Bus, BusError, type BusOptions, type Call} from '../bus'
import {callManager} from './cold-start'
import {toOvpn3Error} from './errors'
import {fetchConfigs, idOf, managerPath, ownerChange, sessionInterface, sessionService} from './names'
import {profileName} from './profile'
import {decodePaths} from './properties'
import {RemoteSession} from './session'

/** As many as keep the configuration manager busy, and few to wait for when no more are needed. */
const profilesAtATime = 2

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
   * The profile names of these sessions, by session path, found without touching a session: for those that vanish when
   * they are looked at. Profiles that the caller cannot see, or that were renamed or deleted, are missing, and all of
   * them where the configuration manager does not answer: the names are a help, no more.
   */
  async configNames(sessions: readonly Session[]): Promise<Map<string, string>> {
    const names = new Map<string, string>()
    try {
      await this.#findNames(new Set(sessions.map(({path}) => path)), names)
    } catch (error) {
      if (!(error instanceof BusError || isOvpn3Error(error))) throw error
    }

    return names
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

  /** Fills `found`, and is done as soon as none of the sessions lacks a name. */
  async #findNames(sessions: ReadonlySet<string>, found: Map<string, string>): Promise<void> {
    if (sessions.size === 0) return
    const nameless = new Set(sessions)
    const known = new Set<string>()
    const profiles = decodePaths(fetchConfigs.member, await callManager(this.#bus, fetchConfigs)).values()
    const findMore = async () => {
      for (const profile of profiles) {
        const name = await this.#profileName(profile)
        if (nameless.size === 0) return
        if (name === undefined || known.has(name)) continue
        known.add(name)
        for (const {path} of await this.sessionsOfConfig(name)) {
          found.set(path, name)
          nameless.delete(path)
        }
      }
    }

    await Promise.all(Array.from({length: profilesAtATime}, findMore))
  }

  /** Undefined for a profile that was deleted meanwhile, which does not hide the others. */
  async #profileName(path: string): Promise<string | undefined> {
    try {
      return await profileName(this.#bus, path)
    } catch (error) {
      if (isOvpn3Error(error) || (error instanceof BusError && error.kind !== 'disconnected')) return undefined
      throw error
    }
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
