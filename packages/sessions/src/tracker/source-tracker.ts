import type {SessionsEvent, SessionSource} from '../source'
import type {Tracked, TrackerOptions} from './tracker'

import {sleep} from '../abort'
import {hasCode, isOutage, isOvpn3Error, type Ovpn3Error} from '../errors'
import {toJson} from '../json'
import {mapLimited} from '../map-limited'
import {ownershipOf} from '../ownership'
import {readingOf} from '../reading'
import {
  type Following,
  keyOf,
  type PropertyName,
  type Session,
  type SessionEvent,
  type SessionRef,
  type Snapshot,
} from '../session'
import {isDeadEnd, StatusMinor} from '../status'

/** Milliseconds between two polls. */
const pollPause = 2000
/** Every so many polls all sessions are read, in case a signal was missed or a backend has died. */
const netEvery = 5
/** How much longer than a poll took the source is left alone after it. */
const restFactor = 9
/** Milliseconds until the sessions are listed again after a new one that its owner may yet share. */
const sharePause = 500
/** Properties that change in the life of a session. */
const volatile: ReadonlySet<PropertyName> = new Set<PropertyName>(['connected_to', 'device_name', 'status'])

interface Known<D> {
  readonly session: Session
  /** Undefined until it has been read. */
  entry?: Tracked<D>
  following?: Following
  /** The source has waited for it. */
  hung: boolean
  /** Reads under way. */
  reads: number
  /** Its removal was announced. */
  removed?: boolean
  /** It is to be read again. */
  rereadDue?: boolean
}

/** The live set of the sessions of one source. */
export class SourceTracker<D> {
  #follows = Promise.resolve()
  readonly #known = new Map<string, Known<D>>()
  readonly #life = new AbortController()
  #listing = false
  readonly #options: TrackerOptions<D>
  readonly #properties: readonly PropertyName[]
  #rereads = Promise.resolve()

  /** @param fail told about errors that no event of the source tells */
  constructor(
    readonly source: SessionSource,
    options: TrackerOptions<D>,
    readonly fail: (error: unknown) => void,
  ) {
    this.#options = options
    // whose it is decides whether a new session is taken in
    const always: PropertyName[] = options.follow ? ['status', 'owner'] : ['owner']
    this.#properties = [...new Set([...always, ...options.properties])]
  }

  get ended(): boolean {
    return this.#life.signal.aborted
  }

  /** What is known at the moment, in the order of the source. */
  *[Symbol.iterator](): Iterator<Tracked<D>> {
    for (const {entry} of this.#known.values()) if (entry) yield entry
  }

  has(session: SessionRef): boolean {
    return this.#known.get(keyOf(session))?.entry !== undefined
  }

  /** Takes in those that are this source's of sessions that have been read. */
  adopt(sessions: readonly Session[]): void {
    for (const session of this.#own(sessions))
      void this.#guard(
        (async () => this.#tell('present', this.#know(session), readingOf(session, session.snapshot, false)))(),
      )
  }

  /** Takes in those of sessions that were listed, and keeps them up to date until the end. */
  begin(sessions: readonly Session[]): void {
    void this.#take(this.#own(sessions), 'present')
    void this.#guard(this.#poll())
  }

  receive(event: Exclude<SessionsEvent, {type: 'closed'}>): void {
    switch (event.type) {
      case 'created':
        if (!this.#options.fixed) void this.#guard(this.#add(event.session, 'created', false))
        break
      case 'removed':
        this.#remove(this.#known.get(keyOf(event.session)))
        break
      case 'reset':
        for (const known of this.#known.values()) {
          // there is nothing to take back, and trying to would start the session manager again
          known.following = undefined
          this.#remove(known)
        }

        break
    }
  }

  /** The source waits for a session. */
  stalled(session: SessionRef): void {
    const known = this.#known.get(keyOf(session))
    if (!known) return
    known.hung = true
    this.#update(known, {waiting: true})
  }

  /** @throws Ovpn3Error where the source could not be asked */
  async fetch(session: Session, names: readonly PropertyName[]): Promise<Snapshot> {
    const known = this.#known.get(keyOf(session))
    return known ? this.#reread(known, names) : session.fetch(names)
  }

  /** The source is gone, and its sessions with it. */
  lose(error: Ovpn3Error): void {
    this.#life.abort()
    const entries = [...this]
    this.#known.clear()
    for (const entry of entries) this.#options.changed('removed', {...entry, error, state: 'failed', waiting: false})
  }

  /** Gives back what was subscribed to. */
  async end(): Promise<void> {
    this.#life.abort()
    await Promise.allSettled([...this.#known.values()].map(({following}) => following?.()))
  }

  #own(sessions: readonly Session[]): Session[] {
    return sessions.filter(({source}) => source === this.source)
  }

  /** The events of a source tell that nothing can be read any more, and it may come back. */
  async #guard(work: Promise<unknown>): Promise<void> {
    try {
      await work
    } catch (error) {
      if (!isOutage(error) || !this.source.watch) this.fail(error)
    }
  }

  #know(session: Session): Known<D> {
    const known: Known<D> = {hung: false, reads: 0, session}
    this.#known.set(keyOf(session), known)
    return known
  }

  #isKnown(known: Known<D>): boolean {
    return !this.ended && this.#known.get(keyOf(known.session)) === known
  }

  async #take(sessions: readonly Session[], kind: 'created' | 'present'): Promise<void> {
    await Promise.all(mapLimited(sessions, (session) => this.#guard(this.#add(session, kind, true))))
  }

  /** @param listed it is known to be among those that the caller is shown */
  async #add(session: Session, kind: 'created' | 'present', listed: boolean): Promise<void> {
    if (this.ended || this.#known.has(keyOf(session))) return
    const known = this.#know(session)
    let entry: Tracked<D> | undefined
    try {
      entry = await this.#reading(known, () => this.#look(known, listed))
    } finally {
      // so that the next list finds it anew
      if (!entry) this.#forget(known)
    }

    if (entry && this.#options.wanted?.(entry, kind) === false) {
      // known, so that no list finds it anew, but none of those that are tracked; one without a name may yet get it
      if (!entry.values.config_name) this.#forget(known)
      return
    }

    if (entry && this.#isKnown(known)) this.#tell(kind, known, entry)
    if (entry || listed) return
    await sleep(sharePause, this.#life.signal)
    if (!this.ended) await this.#list()
  }

  /** Undefined for what is gone, or is none of the caller's sessions. */
  async #look(known: Known<D>, listed: boolean): Promise<Tracked<D> | undefined> {
    const {session} = known
    const snapshot = await session.refresh(this.#properties)
    const reading = readingOf(session, snapshot, known.hung)
    const isUsable = listed || ['granted', 'own'].includes(ownershipOf(snapshot, this.source.me) ?? '')
    if (reading.state === 'removed' || !isUsable) return undefined
    return {...reading, details: await this.#options.details?.(reading)}
  }

  #tell(kind: 'created' | 'present', known: Known<D>, entry: Tracked<D>): void {
    known.entry = entry
    this.#options.changed(kind, entry)
    if (!this.#options.follow) return
    // one after the other: it takes the session manager longer than a read, and others want to be served, too
    this.#follows = this.#follows.then(() => this.#guard(this.#follow(known)))
  }

  /** A removal that is announced during a read waits for its end: the read finds out why. */
  async #reading<T>(known: Known<D>, read: () => Promise<T>): Promise<T> {
    known.reads++
    try {
      return await read()
    } finally {
      known.reads--
      if (known.removed) this.#remove(known)
    }
  }

  #remove(known: Known<D> | undefined): void {
    if (!known || !this.#isKnown(known)) return
    known.removed = true
    if (known.reads > 0) return
    this.#forget(known)
    const {entry} = known
    if (entry) this.#options.changed('removed', entry.waiting ? {...entry, state: 'hung', waiting: false} : entry)
  }

  #forget(known: Known<D>): void {
    if (this.#isKnown(known)) this.#known.delete(keyOf(known.session))
    // after all who listen to the same signal have heard that the session is gone
    queueMicrotask(() => {
      known.following?.().catch(() => {})
    })
  }

  #update(known: Known<D>, news: Partial<Tracked<D>>): void {
    const before = known.entry
    if (!before || !this.#isKnown(known)) return
    const entry = {...before, waiting: false, ...news}
    known.entry = entry
    if (seen(before) === seen(entry)) return
    this.#options.changed('changed', entry)
    const {status} = entry.values
    if (!status || status.minor === before.values.status?.minor) return
    if (status.minor === StatusMinor.connected || isDeadEnd(status)) this.#rereadSoon(known)
  }

  async #follow(known: Known<D>): Promise<void> {
    if (!this.#isKnown(known)) return
    try {
      const {log} = this.#options
      const following = await known.session.follow((event) => this.#receiveOf(known, event), {log: log !== undefined})
      if (!this.#isKnown(known)) {
        // it went meanwhile
        await following()
        return
      }

      known.following = following
      // for what happened between the first look and now
      if (following.live) await this.#reread(known, ['status'])
    } catch (error) {
      // the poll sees to it
      if (!isOvpn3Error(error)) throw error
      if (hasCode(error, 'unsupported') && this.#isKnown(known))
        this.#options.log?.(known.session, {error, type: 'log-lost'})
    }
  }

  #receiveOf(known: Known<D>, event: SessionEvent): void {
    if (event.type === 'removed') this.#remove(known)
    else if (event.type === 'status') this.#update(known, {values: {...known.entry?.values, status: event.status}})
    else if (event.type !== 'attention' && this.#isKnown(known)) this.#options.log?.(known.session, event)
  }

  /** Reads what changes with the status, one session after the other, with rests for others who ask. */
  #rereadSoon(known: Known<D>): void {
    if (known.rereadDue) return
    known.rereadDue = true
    this.#rereads = this.#rereads.then(async () => {
      known.rereadDue = false
      if (!this.#isKnown(known)) return
      const started = performance.now()
      const names = this.#properties.filter((name) => volatile.has(name))
      await this.#guard(this.#reread(known, names))
      await sleep(performance.now() - started, this.#life.signal)
    })
  }

  /** @throws Ovpn3Error where the source could not be asked */
  #reread(known: Known<D>, names: readonly PropertyName[]): Promise<Snapshot> {
    return this.#reading(known, async () => {
      const {entry: before, session} = known
      // a new session may not have its name yet
      const lacksName = !before?.values.config_name && this.#properties.includes('config_name')
      const snapshot = await session.fetch(lacksName ? [...names, 'config_name'] : names)
      const {error, state, values} = readingOf(session, snapshot, known.hung)
      const {entry} = known
      if (!entry) return snapshot
      if (state === 'ok') known.hung = false
      if (state === 'ok' && entry.state !== 'ok')
        // it could not be read before
        this.#update(known, (await this.#look(known, true)) ?? {})
      else if (state !== 'removed') {
        // what was told meanwhile is newer than what was read
        const newer = entry.values.status === before?.values.status ? {} : {status: entry.values.status}
        this.#update(known, {error, state, values: {...entry.values, ...values, ...newer}})
      }

      if (state === 'hung' || state === 'removed' || state === 'stale') this.#remove(known)
      return snapshot
    })
  }

  async #poll(): Promise<void> {
    const {fixed, follow} = this.#options
    if (fixed && !follow) return
    let pause = pollPause
    for (let polls = 1; ; polls++) {
      await sleep(pause, this.#life.signal)
      if (this.ended) return
      const started = performance.now()
      const isNet = polls % netEvery === 0
      // a source that tells nothing is listed each time
      if (!fixed && (isNet || !this.source.watch)) await this.#guard(this.#list())
      const followed = follow ? [...this.#known.values()] : []
      const due = followed.filter(({entry, following}) => entry && (isNet || !following?.live))
      await Promise.all(mapLimited(due, (known) => this.#guard(this.#reread(known, ['status']))))
      pause = Math.max(pollPause, restFactor * (performance.now() - started))
    }
  }

  /** Compares with what the source lists, for what no event told: access that was granted or revoked. */
  async #list(): Promise<void> {
    if (this.#listing) return
    this.#listing = true
    try {
      const before = [...this.#known.values()]
      const sessions = await this.source.find({kind: 'all'}, [])
      const listed = new Set(sessions.map((session) => keyOf(session)))
      for (const known of before) if (!listed.has(keyOf(known.session))) this.#remove(known)
      await this.#take(sessions, 'created')
    } finally {
      this.#listing = false
    }
  }
}

/** Changes are reported only if this differs. */
const seen = ({state, values, waiting = false}: Tracked) => toJson({state, values, waiting})
