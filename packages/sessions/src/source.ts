import type {PropertyName, Session, SessionRef, Unsubscribe} from './session'

import {isOvpn3Error, Ovpn3Error} from './errors'
import {errorOn} from './host'
import {type Selector} from './selector'

/** The users of the machine that a source's sessions are on. */
export interface Users {
  /** Undefined where the uid belongs to no account. */
  nameOf(uid: number): Promise<string | undefined>
  /** The uid of a user, by name or uid; undefined where there is no such user. */
  uidOf(user: string): Promise<number | undefined>
}

/** A saved profile: what a session can be started from. */
export interface SavedProfile {
  readonly name: string
  readonly path: string
  /** Uid; only where details were asked for. */
  readonly owner?: number
  /** Seconds since 1970, 0 if never; only where details were asked for. */
  readonly lastUsed?: number
}

/** A saved profile, and where it is. */
export interface SourceProfile {
  readonly profile: SavedProfile
  readonly source: SessionSource
}

export interface ProfileQuery {
  /** Only profiles of this name. */
  readonly name?: string
  /** Only the profile with this path. */
  readonly path?: string
  /** With `owner` and `lastUsed`, where they can be read. */
  readonly details?: boolean
}

/** What a session is started from: a saved profile, or the text of one that is imported for this session only. */
export type StartFrom = SavedProfile | {readonly content: string; readonly name: string}

export interface StartOptions {
  /** Data channel offload; left out: as the profile says. */
  readonly dco?: boolean
  /** Keep the tun device while reconnecting, in this session only; left out: as the profile says. */
  readonly persistTun?: boolean
}

/** What happens among the sessions of a source. */
export type SourceEvent =
  /** It has not been looked at, and may be anybody's. */
  | {readonly type: 'created'; readonly session: Session}
  | {readonly type: 'removed'; readonly path: string}
  /** The service ended, and every session with it, without a `removed` for each. */
  | {readonly type: 'reset'}
  /** No more events will come: the source is gone. */
  | {readonly type: 'closed'; readonly error: Ovpn3Error}

/** A place that has sessions: the session manager of this machine, or a source that a plugin adds with the hook `session-resolver`. */
export interface SessionSource {
  /** Unique name: `local`, or the host. */
  readonly name: string
  /** The machine that the sessions are on, as given with --host; left out: this one. */
  readonly host?: string
  /** The caller's uid there, as it is compared with owners and access lists. */
  readonly me: number
  /** If omitted, the users of this machine. */
  readonly users?: Users
  /**
   * The sessions that a selector stands for, with the properties in their snapshots. `matching` does that for those who
   * have a list of sessions.
   * @throws Ovpn3Error `usage` where the selector can mean nothing here
   */
  find(selector: Selector, properties: readonly PropertyName[]): Promise<readonly Session[]>
  /** The saved profiles that the caller can see. */
  profiles?(query?: ProfileQuery): Promise<readonly SavedProfile[]>
  /**
   * Makes a session that has loaded its profile, and is not connected yet. Where it fails, or the signal is aborted, it
   * leaves nothing behind; what was not confirmed within 1.5 s is in the error.
   * @throws Ovpn3Error `profile-not-found`, `session-running`, `usage` for a profile that cannot be used, …
   */
  start?(from: StartFrom, options: StartOptions, signal: AbortSignal): Promise<Session>
  /** Follows sessions that come and go until the returned function is called. Left out: none ever does. */
  watch?(listener: (event: SourceEvent) => void): Promise<Unsubscribe>
  /** Gives back connections and subscriptions. */
  close?(): Promise<void>
}

/** A source that cannot be reached, and the reason. */
export interface SourceFailure {
  readonly error: Ovpn3Error
  readonly source: string
}

/** What happens among the sessions of several sources; a `removed` has the session that is meant. */
export type SessionsEvent = (
  Exclude<SourceEvent, {type: 'removed'}> | {readonly type: 'removed'; readonly session: SessionRef}
) & {readonly source: SessionSource}

/** Several sources as one. One that fails does not hide the sessions of the others. */
export class Sources {
  readonly all: readonly SessionSource[]
  /** By the names of the sources. */
  readonly #failures: Map<string, SourceFailure>

  /** @param failures of those that could not even be named */
  constructor(sources: readonly SessionSource[], failures: readonly SourceFailure[] = []) {
    this.#failures = new Map(failures.map((failure) => [failure.source, failure]))
    this.all = sources.filter(({name}, i) => sources.findIndex((other) => other.name === name) === i)
    for (const source of sources)
      if (!this.all.includes(source)) this.#failed(source, new Ovpn3Error('failed', 'another source has the same name'))
  }

  /** No source is left that could be asked. */
  get areAllLost(): boolean {
    return this.all.every(({name}) => this.#failures.has(name))
  }

  /** Those that could not be asked so far. */
  get failures(): readonly SourceFailure[] {
    return [...this.#failures.values()]
  }

  /**
   * The sessions that a selector stands for, in all sources.
   * @throws Ovpn3Error where no source could be asked, or where the selector means nothing to those that could
   */
  async find(selector: Selector, properties: readonly PropertyName[]): Promise<Session[]> {
    const answers = await this.#askAll((source) => source.find(selector, properties))
    const found = answers.flatMap(({value = []}) => value)
    const errors = answers.flatMap(({error}) => error ?? [])
    const failure = errors.find(({code}) => code !== 'usage')
    const misuse = errors.find(({code}) => code === 'usage')
    if (found.length === 0 && (misuse || errors.length === answers.length)) throw failure ?? misuse ?? this.#nobody()
    return found
  }

  /** All sessions of each source. A source that cannot be asked has none, and is among `failures`. */
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

  /** @throws Ovpn3Error where no source could be asked */
  failIfAllLost(): void {
    const [first] = this.failures
    const source = this.all.find(({name}) => name === first?.source)
    if (this.areAllLost) throw source && first ? sourceError(source, first.error) : this.#nobody()
  }

  /** All sessions of one source. @throws Ovpn3Error where it cannot be asked, which is remembered */
  list(source: SessionSource): Promise<readonly Session[]> {
    return this.#ask(source, () => source.find({kind: 'all'}, []))
  }

  /**
   * The saved profiles of all sources that can start sessions.
   * @throws Ovpn3Error where no source could be asked, or none can start sessions
   */
  async profiles(query: ProfileQuery = {}): Promise<SourceProfile[]> {
    const starting = this.all.filter(({start}) => start)
    if (starting.length === 0)
      throw this.all.length === 0
        ? this.#nobody()
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
   * Follows sessions that come and go in one source until the returned function is called.
   * @throws Ovpn3Error where it cannot be asked, which is remembered
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
   * What a source said is lost, since it failed while it was asked: remembered where there are other sources to go on with.
   * @throws the error, where there are none
   */
  lose(source: SessionSource, error: unknown): void {
    const known = errorOn(source.host, asOvpn3Error(error))
    this.#failed(source, known)
    this.failIfAllLost()
  }

  async close(): Promise<void> {
    // what cannot be given back is no reason to fail: it ends with the process
    await Promise.allSettled(this.all.map(async (source) => source.close?.()))
  }

  /** What each source says, or why it does not; that is remembered, unless the question was wrong. */
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

  async #ask<T>(source: SessionSource, question: () => Promise<T>): Promise<T> {
    try {
      return await question()
    } catch (error) {
      const known = errorOn(source.host, asOvpn3Error(error))
      if (known.code !== 'usage') this.#failed(source, known)
      throw known
    }
  }

  #failed({name: source}: SessionSource, error: Ovpn3Error): void {
    this.#failures.set(source, {error, source})
  }

  /** Why there is no source. */
  #nobody(): Ovpn3Error {
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
