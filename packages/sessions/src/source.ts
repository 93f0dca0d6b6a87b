import type {PropertyName, Session, SessionRef, Unsubscribe} from './session'

import {isOvpn3Error, Ovpn3Error} from './errors'
import {errorOn, perHost} from './host'
import {holdersOf, type Selector} from './selector'

/** The users of the machine that a source's sessions are on. */
export interface Users {
  /** Undefined if the uid belongs to no account. @throws Ovpn3Error if accounts cannot be looked up */
  nameOf(uid: number): Promise<string | undefined>
  /** The uid of a user, by name or uid; undefined if there is no such user. @throws Ovpn3Error like `nameOf` */
  uidOf(user: string): Promise<number | undefined>
}

/** A saved profile, from which sessions can be started. */
export interface SavedProfile {
  readonly name: string
  readonly path: string
  /** Uid; only if details were requested. */
  readonly owner?: number
  /** Seconds since 1970, 0 if never; only if details were requested. */
  readonly lastUsed?: number
}

/** A saved profile and its source. */
export interface SourceProfile {
  readonly profile: SavedProfile
  readonly source: SessionSource
}

export interface ProfileQuery {
  /** Only profiles of this name. */
  readonly name?: string
  /** Only the profile with this path. */
  readonly path?: string
  /** Read `owner` and `lastUsed` too. */
  readonly details?: boolean
}

/** The origin of a new session: a saved profile, or the text of a profile that is imported for this session only. */
export type StartFrom = SavedProfile | {readonly content: string; readonly name: string}

export interface StartOptions {
  /** Data channel offload; if omitted, the profile decides. */
  readonly dco?: boolean
  /** Keep the tun device while reconnecting, in this session only; if omitted, the profile decides. */
  readonly persistTun?: boolean
}

/** A change to the set of sessions of a source. */
export type SourceEvent =
  /** The session has not been read, and may belong to any user. */
  | {readonly type: 'created'; readonly session: Session}
  | {readonly type: 'removed'; readonly path: string}
  /** The service exited, which ends all sessions without a `removed` for each. */
  | {readonly type: 'reset'}
  /** The source is gone and sends no further events. */
  | {readonly type: 'closed'; readonly error: Ovpn3Error}

/** A place that has sessions: the session manager of this machine, or a source that a plugin adds with the hook `session-resolver`. */
export interface SessionSource {
  /** Unique name: `local`, or the host. */
  readonly name: string
  /** The machine that the sessions are on, as given with --host; left out: this one. */
  readonly host?: string
  /** The caller's uid at the source, to compare with owners and access lists. */
  readonly me: number
  /** If omitted, the users of this machine. */
  readonly users?: Users
  /**
   * The sessions that a selector matches, with the properties in their snapshots. `matching` implements this for a list
   * of sessions.
   * @throws Ovpn3Error `usage` if the selector is invalid for this source
   */
  find(selector: Selector, properties: readonly PropertyName[]): Promise<readonly Session[]>
  /** The saved profiles that the caller can see. */
  profiles?(query?: ProfileQuery): Promise<readonly SavedProfile[]>
  /**
   * Creates a session that has loaded its profile and is not connected. After a failure or an abort it removes what it
   * created; if that is not confirmed within 1.5 s, the error says what may be left behind.
   * @throws Ovpn3Error `profile-not-found`, `session-running`, `usage` for a profile that cannot be used, …
   */
  start?(from: StartFrom, options: StartOptions, signal: AbortSignal): Promise<Session>
  /** Reports created and removed sessions until the returned function is called. If omitted, the source is polled. */
  watch?(listener: (event: SourceEvent) => void): Promise<Unsubscribe>
  /** Releases connections and subscriptions. */
  close?(): Promise<void>
}

/** A source that failed, and why. */
export interface SourceFailure {
  readonly error: Ovpn3Error
  readonly source: string
}

/** A change to the set of sessions of several sources. */
export type SessionsEvent = (
  Exclude<SourceEvent, {type: 'removed'}> | {readonly type: 'removed'; readonly session: SessionRef}
) & {readonly source: SessionSource}

/** Combines several sources. A failing source does not hide the sessions of the others. */
export class Sources {
  readonly all: readonly SessionSource[]
  #closed = false
  /** The last failure of each source, by its name. */
  readonly #failures: Map<string, SourceFailure>

  /**
   * @param sources with unique names
   * @param failures of plugins that failed to provide their sources
   */
  constructor(sources: readonly SessionSource[], failures: readonly SourceFailure[] = []) {
    this.#failures = new Map(failures.map((failure) => [failure.source, failure]))
    this.all = sources
  }

  /** Whether every source has failed. */
  get areAllLost(): boolean {
    return this.all.every(({name}) => this.#failures.has(name))
  }

  /** The sources that have failed so far. */
  get failures(): readonly SourceFailure[] {
    return [...this.#failures.values()]
  }

  /**
   * The sessions of all sources that a selector matches.
   * @throws Ovpn3Error if every source failed, or if no session was found and a source rejected the selector as invalid
   */
  async find(selector: Selector, properties: readonly PropertyName[]): Promise<Session[]> {
    const answers = await this.#askAll((source) => source.find(selector, properties))
    const found = answers.flatMap(({value = []}) => value)
    const errors = answers.flatMap(({error}) => error ?? [])
    const failure = errors.find(({code}) => code !== 'usage')
    const misuse = errors.find(({code}) => code === 'usage')
    if (found.length === 0 && (misuse || errors.length === answers.length))
      throw failure ?? misuse ?? this.#noSourceError()
    if (selector.kind !== 'interface') return found
    // a device of a machine belongs to one session, whichever source has it
    return perHost(found, ({source}) => source.host, holdersOf)
  }

  /** All sessions of each source; none if it fails, which is recorded. */
  lists(): Promise<readonly Session[]>[] {
    return this.all.map(async (source) => {
      try {
        return await this.list(source)
      } catch (error) {
        if (!isOvpn3Error(error)) throw error
        return []
      }
    })
  }

  /** @throws Ovpn3Error if every source has failed */
  failIfAllLost(): void {
    const [first] = this.failures
    const source = this.all.find(({name}) => name === first?.source)
    if (this.areAllLost) throw source && first ? sourceError(source, first.error) : this.#noSourceError()
  }

  /** All sessions of one source. @throws Ovpn3Error if it fails, which is recorded */
  list(source: SessionSource): Promise<readonly Session[]> {
    return this.#ask(source, () => source.find({kind: 'all'}, []))
  }

  /**
   * The saved profiles of all sources that can start sessions.
   * @throws Ovpn3Error if a source failed and no profile was found, or if no source can start sessions
   */
  async profiles(query: ProfileQuery = {}): Promise<SourceProfile[]> {
    const starting = this.all.filter(({start}) => start)
    if (starting.length === 0)
      throw this.all.length === 0
        ? this.#noSourceError()
        : new Ovpn3Error('unsupported', 'no session source can start sessions')
    const answers = await this.#askAll(async (source) => {
      const profiles = source.start ? await source.profiles?.(query) : undefined
      return profiles?.map((profile) => ({profile, source}))
    })
    const failure = answers.find(({error}) => error)?.error
    const found = answers.flatMap(({value = []}) => value)
    if (found.length === 0 && failure) throw failure
    return found
  }

  /**
   * Reports created and removed sessions of one source until the returned function is called.
   * @throws Ovpn3Error if it fails, which is recorded
   */
  watch(source: SessionSource, listener: (event: SessionsEvent) => void): Promise<undefined | Unsubscribe> {
    return this.#ask(source, async () =>
      source.watch?.((event) => {
        if (event.type === 'removed') listener({session: {path: event.path, source}, source, type: 'removed'})
        else if (event.type === 'closed') listener({error: errorOn(source.host, event.error), source, type: 'closed'})
        else listener({...event, source})
      }),
    )
  }

  /**
   * Records that a source failed while its sessions were read, and lets the caller continue with the other sources.
   * @throws Ovpn3Error the error, if all sources have failed
   */
  markFailed(source: SessionSource, error: unknown): void {
    const known = errorOn(source.host, asOvpn3Error(error))
    this.#recordFailure(source, known)
    this.failIfAllLost()
  }

  async close(): Promise<void> {
    this.#closed = true
    // what cannot be released ends with the process
    await Promise.allSettled(this.all.map(async (source) => source.close?.()))
  }

  /** The answer or the error of each source. */
  #askAll<T>(
    question: (source: SessionSource) => Promise<T>,
  ): Promise<{readonly error?: Ovpn3Error; readonly value?: T}[]> {
    return Promise.all(
      this.all.map(async (source) => {
        try {
          return {value: await this.#ask(source, () => question(source))}
        } catch (error) {
          return {error: sourceError(source, error as Ovpn3Error)}
        }
      }),
    )
  }

  /** The answer of a source. Records an error, unless the question was invalid. */
  async #ask<T>(source: SessionSource, question: () => Promise<T>): Promise<T> {
    try {
      return await question()
    } catch (error) {
      const known = errorOn(source.host, asOvpn3Error(error))
      if (known.code !== 'usage') this.#recordFailure(source, known)
      throw known
    }
  }

  #recordFailure({name: source}: SessionSource, error: Ovpn3Error): void {
    // work that is pending then is interrupted
    if (!this.#closed) this.#failures.set(source, {error, source})
  }

  #noSourceError(): Ovpn3Error {
    const [failure] = this.failures
    return (
      failure?.error ??
      new Ovpn3Error('service-unavailable', 'no session source is available', {
        hint: 'Install a plugin with a `session-resolver` hook',
      })
    )
  }
}

/** The sources of these hosts; without hosts, those of this machine. A plugin may know nothing of hosts. */
export function ofHosts(sources: readonly SessionSource[], hosts: readonly string[]): readonly SessionSource[] {
  return sources.filter(({host}) => (host === undefined ? hosts.length === 0 : hosts.includes(host)))
}

/** The error of a source where it stands alone: that of a host names the host. */
export function sourceError({host}: SessionSource, error: Ovpn3Error): Ovpn3Error {
  const {code, hint, message} = error
  return host === undefined || code === 'usage'
    ? error
    : new Ovpn3Error(code, `${host}: ${message}`, {cause: error, hint})
}

/** An error of a source as one of ours: its code may be anybody's. */
export function asOvpn3Error(error: unknown): Ovpn3Error {
  if (isOvpn3Error(error)) return error
  return new Ovpn3Error('failed', error instanceof Error ? error.message.split('\n', 1)[0]! : String(error), {
    cause: error,
  })
}
