import type {PropertyName, Session, SessionRef, Unsubscribe} from './session'

import {isOvpn3Error, Ovpn3Error} from './errors'
import {holdersOf, type Selector} from './selector'

/** The users of the machine that a source's sessions are on. */
export interface Users {
  /** Undefined if the uid belongs to no account. */
  nameOf(uid: number): Promise<string | undefined>
  /** The uid of a user, by name or uid; undefined if there is no such user. */
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
  /** Unique name: `local`. */
  readonly name: string
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
  /** The last failure of each source, by its name. */
  readonly #failures: Map<string, SourceFailure>

  /** @param failures of plugins that failed to provide their sources */
  constructor(sources: readonly SessionSource[], failures: readonly SourceFailure[] = []) {
    this.#failures = new Map(failures.map((failure) => [failure.source, failure]))
    this.all = sources.filter(({name}, i) => sources.findIndex((other) => other.name === name) === i)
    for (const source of sources)
      if (!this.all.includes(source))
        this.#recordFailure(source, new Ovpn3Error('failed', 'another source has the same name'))
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
    // a device belongs to one session, whichever source has it
    return selector.kind === 'interface' ? holdersOf(found) : found
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
   * Reports created and removed sessions of all sources until the returned function is called.
   * @throws Ovpn3Error if every source failed
   */
  async watch(listener: (event: SessionsEvent) => void): Promise<Unsubscribe> {
    const answers = await this.#askAll(async (source) =>
      source.watch?.((event) =>
        listener(
          event.type === 'removed'
            ? {session: {path: event.path, source}, source, type: 'removed'}
            : {...event, source},
        ),
      ),
    )
    const [failed] = answers.flatMap(({error}) => error ?? [])
    if (failed && answers.every(({error}) => error)) throw failed
    return async () => {
      await Promise.all(answers.map(({value}) => value?.()))
    }
  }

  /**
   * Records that a source failed while its sessions were read, and lets the caller continue with the other sources.
   * @throws Ovpn3Error the error, if all sources have failed
   */
  markFailed(source: SessionSource, error: unknown): void {
    const known = asOvpn3Error(error)
    this.#recordFailure(source, known)
    if (this.all.every(({name}) => this.#failures.has(name))) throw known
  }

  async close(): Promise<void> {
    // what cannot be released ends with the process
    await Promise.allSettled(this.all.map(async (source) => source.close?.()))
  }

  /** The answer or the error of each source. Records an error, unless the question was invalid. */
  async #askAll<T>(
    question: (source: SessionSource) => Promise<T>,
  ): Promise<{readonly error?: Ovpn3Error; readonly value?: T}[]> {
    return Promise.all(
      this.all.map(async (source) => {
        try {
          return {value: await question(source)}
        } catch (error) {
          const known = asOvpn3Error(error)
          if (known.code !== 'usage') this.#recordFailure(source, known)
          return {error: known}
        }
      }),
    )
  }

  #recordFailure({name: source}: SessionSource, error: Ovpn3Error): void {
    this.#failures.set(source, {error, source})
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

/** Converts any error of a source, because plugins can throw errors of their own. */
export function asOvpn3Error(error: unknown): Ovpn3Error {
  if (isOvpn3Error(error)) return error
  return new Ovpn3Error('failed', error instanceof Error ? error.message.split('\n', 1)[0]! : String(error), {
    cause: error,
  })
}
