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
/** Every fifth poll reads all sessions, in case a signal was missed or a backend has died. */
const fullPollEvery = 5
/** The pause after a slow poll, as a multiple of its duration: polling takes a tenth of the source's time at most. */
const pauseFactor = 9
/** Milliseconds until the next list after another user's new session, which its owner may share meanwhile. */
const sharePause = 500
/** Properties that can change after the first read. */
const volatile: ReadonlySet<PropertyName> = new Set<PropertyName>(['connected_to', 'device_name', 'status'])

interface Known<D> {
  readonly session: Session
  /** Undefined until it has been read. */
  entry?: Tracked<D>
  following?: Following
  /** The source had to wait for its backend. */
  hung: boolean
  /** The number of pending reads. */
  reads: number
  /** Its removal was announced. */
  removed?: boolean
  /** A read of the volatile properties is queued. */
  rereadQueued?: boolean
}

/** The live set of the sessions of one source. */
export class SourceTracker<D> {
  #followQueue = Promise.resolve()
  readonly #known = new Map<string, Known<D>>()
  readonly #ending = new AbortController()
  #listing = false
  readonly #options: TrackerOptions<D>
  readonly #properties: readonly PropertyName[]
  #rereadQueue = Promise.resolve()

  /** @param fail called for each error that the source does not report as an event */
  constructor(
    readonly source: SessionSource,
    options: TrackerOptions<D>,
    readonly fail: (error: unknown) => void,
  ) {
    this.#options = options
    // the owner decides whether a new session is tracked
    const always: PropertyName[] = options.follow ? ['status', 'owner'] : ['owner']
    this.#properties = [...new Set([...always, ...options.properties])]
  }

  get ended(): boolean {
    return this.#ending.signal.aborted
  }

  /** The tracked sessions, in the order of the source. */
  *[Symbol.iterator](): Iterator<Tracked<D>> {
    for (const {entry} of this.#known.values()) if (entry) yield entry
  }

  has(session: SessionRef): boolean {
    return this.#known.get(keyOf(session))?.entry !== undefined
  }

  /** Tracks those of the sessions that belong to this source; they have been read. */
  adopt(sessions: readonly Session[]): void {
    for (const session of this.#ofSource(sessions))
      void this.#guard(
        (async () => this.#announce('present', this.#register(session), readingOf(session, session.snapshot, false)))(),
      )
  }

  /** Reads and tracks those of the listed sessions that belong to this source, and polls until the end. */
  begin(sessions: readonly Session[]): void {
    void this.#addAll(this.#ofSource(sessions), 'present')
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
          // the subscription is gone, and ending it would start the session manager again
          known.following = undefined
          this.#remove(known)
        }

        break
    }
  }

  /** Marks a session whose backend the source waits for. */
  stalled(session: SessionRef): void {
    const known = this.#known.get(keyOf(session))
    if (!known) return
    known.hung = true
    this.#update(known, {waiting: true})
  }

  /** @throws Ovpn3Error if the source cannot be reached */
  async fetch(session: Session, names: readonly PropertyName[]): Promise<Snapshot> {
    const known = this.#known.get(keyOf(session))
    return known ? this.#reread(known, names) : session.fetch(names)
  }

  /** Ends the tracking of a source that is gone, and reports its sessions as removed. */
  abandon(error: Ovpn3Error): void {
    this.#ending.abort()
    const entries = [...this]
    this.#known.clear()
    for (const entry of entries) this.#options.changed('removed', {...entry, error, state: 'failed', waiting: false})
  }

  /** Ends all subscriptions. */
  async end(): Promise<void> {
    this.#ending.abort()
    await Promise.allSettled([...this.#known.values()].map(({following}) => following?.()))
  }

  #ofSource(sessions: readonly Session[]): Session[] {
    return sessions.filter(({source}) => source === this.source)
  }

  /** Reports errors of the work, except an outage of a source with events: those report it, and the source may recover. */
  async #guard(work: Promise<unknown>): Promise<void> {
    try {
      await work
    } catch (error) {
      if (!isOutage(error) || !this.source.watch) this.fail(error)
    }
  }

  #register(session: Session): Known<D> {
    const known: Known<D> = {hung: false, reads: 0, session}
    this.#known.set(keyOf(session), known)
    return known
  }

  #isKnown(known: Known<D>): boolean {
    return !this.ended && this.#known.get(keyOf(known.session)) === known
  }

  async #addAll(sessions: readonly Session[], kind: 'created' | 'present'): Promise<void> {
    await Promise.all(mapLimited(sessions, (session) => this.#guard(this.#add(session, kind, true))))
  }

  /** @param listed whether the source lists the session for the caller */
  async #add(session: Session, kind: 'created' | 'present', listed: boolean): Promise<void> {
    if (this.ended || this.#known.has(keyOf(session))) return
    const known = this.#register(session)
    let entry: Tracked<D> | undefined
    try {
      entry = await this.#trackRead(known, () => this.#readEntry(known, listed))
    } finally {
      // the next list can then add it again
      if (!entry) this.#forget(known)
    }

    if (entry && this.#options.wanted?.(entry, kind) === false) {
      // stays known without an entry, so that no list adds it again, unless it has no name yet and may still be wanted
      if (!entry.values.config_name) this.#forget(known)
      return
    }

    if (entry && this.#isKnown(known)) this.#announce(kind, known, entry)
    if (entry || listed) return
    await sleep(sharePause, this.#ending.signal)
    if (!this.ended) await this.#list()
  }

  /** Undefined if the session is gone, or if the caller has no access to it. */
  async #readEntry(known: Known<D>, listed: boolean): Promise<Tracked<D> | undefined> {
    const {session} = known
    const snapshot = await session.refresh(this.#properties)
    const reading = readingOf(session, snapshot, known.hung)
    const isUsable = listed || ['granted', 'own'].includes(ownershipOf(snapshot, this.source.me) ?? '')
    if (reading.state === 'removed' || !isUsable) return undefined
    return {...reading, details: await this.#options.details?.(reading)}
  }

  #announce(kind: 'created' | 'present', known: Known<D>, entry: Tracked<D>): void {
    known.entry = entry
    this.#options.changed(kind, entry)
    if (!this.#options.follow) return
    // one after the other, because subscribing takes the session manager longer than a read and delays other clients
    this.#followQueue = this.#followQueue.then(() => this.#guard(this.#follow(known)))
  }

  /** Runs a read. A removal that is announced meanwhile is reported after it, because the read finds the reason. */
  async #trackRead<T>(known: Known<D>, read: () => Promise<T>): Promise<T> {
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
    // deferred until all listeners of the same signal know that the session is gone
    queueMicrotask(() => {
      known.following?.().catch(() => {})
    })
  }

  #update(known: Known<D>, changes: Partial<Tracked<D>>): void {
    const before = known.entry
    if (!before || !this.#isKnown(known)) return
    const entry = {...before, waiting: false, ...changes}
    known.entry = entry
    if (reportedJson(before) === reportedJson(entry)) return
    this.#options.changed('changed', entry)
    const {status} = entry.values
    if (!status || status.minor === before.values.status?.minor) return
    if (status.minor === StatusMinor.connected || isDeadEnd(status)) this.#queueReread(known)
  }

  async #follow(known: Known<D>): Promise<void> {
    if (!this.#isKnown(known)) return
    try {
      const {log} = this.#options
      const following = await known.session.follow((event) => this.#receiveFrom(known, event), {log: log !== undefined})
      if (!this.#isKnown(known)) {
        // the session was removed meanwhile
        await following()
        return
      }

      known.following = following
      // the status can have changed between the first read and the subscription
      if (following.live) await this.#reread(known, ['status'])
    } catch (error) {
      // without a subscription, the session is polled
      if (!isOvpn3Error(error)) throw error
      if (hasCode(error, 'unsupported') && this.#isKnown(known))
        this.#options.log?.(known.session, {error, type: 'log-lost'})
    }
  }

  #receiveFrom(known: Known<D>, event: SessionEvent): void {
    if (event.type === 'removed') this.#remove(known)
    else if (event.type === 'status') this.#update(known, {values: {...known.entry?.values, status: event.status}})
    else if (event.type !== 'attention' && this.#isKnown(known)) this.#options.log?.(known.session, event)
  }

  /** Reads the volatile properties, one session after the other, with pauses for other clients. */
  #queueReread(known: Known<D>): void {
    if (known.rereadQueued) return
    known.rereadQueued = true
    this.#rereadQueue = this.#rereadQueue.then(async () => {
      known.rereadQueued = false
      if (!this.#isKnown(known)) return
      const started = performance.now()
      const names = this.#properties.filter((name) => volatile.has(name))
      await this.#guard(this.#reread(known, names))
      await sleep(performance.now() - started, this.#ending.signal)
    })
  }

  /** @throws Ovpn3Error if the source cannot be reached */
  #reread(known: Known<D>, names: readonly PropertyName[]): Promise<Snapshot> {
    return this.#trackRead(known, async () => {
      const {entry: before, session} = known
      // a new session may not have its name yet
      const lacksName = !before?.values.config_name && this.#properties.includes('config_name')
      const snapshot = await session.fetch(lacksName ? [...names, 'config_name'] : names)
      const {error, state, values} = readingOf(session, snapshot, known.hung)
      const {entry} = known
      if (!entry) return snapshot
      if (state === 'ok') known.hung = false
      if (state === 'ok' && entry.state !== 'ok')
        // the first read had failed
        this.#update(known, (await this.#readEntry(known, true)) ?? {})
      else if (state !== 'removed') {
        // a status that arrived during the read is newer
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
      await sleep(pause, this.#ending.signal)
      if (this.ended) return
      const started = performance.now()
      const isFull = polls % fullPollEvery === 0
      // a source without events is listed at each poll
      if (!fixed && (isFull || !this.source.watch)) await this.#guard(this.#list())
      const followed = follow ? [...this.#known.values()] : []
      const due = followed.filter(({entry, following}) => entry && (isFull || !following?.live))
      await Promise.all(mapLimited(due, (known) => this.#guard(this.#reread(known, ['status']))))
      pause = Math.max(pollPause, pauseFactor * (performance.now() - started))
    }
  }

  /** Compares with the list of the source: no event reports that access was granted or revoked. */
  async #list(): Promise<void> {
    if (this.#listing) return
    this.#listing = true
    try {
      const before = [...this.#known.values()]
      const sessions = await this.source.find({kind: 'all'}, [])
      const listed = new Set(sessions.map((session) => keyOf(session)))
      for (const known of before) if (!listed.has(keyOf(known.session))) this.#remove(known)
      await this.#addAll(sessions, 'created')
    } finally {
      this.#listing = false
    }
  }
}

/** The part of an entry whose changes are reported. */
const reportedJson = ({state, values, waiting = false}: Tracked) => toJson({state, values, waiting})
