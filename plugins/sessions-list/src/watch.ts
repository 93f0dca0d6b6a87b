import {
  type Following,
  isDeadEnd,
  isOutage,
  keyOf,
  type PropertyName,
  type Session,
  type SessionEvent,
  type SessionProperties,
  type SessionRef,
  type SessionsEvent,
  type Sources,
  StatusMinor,
} from '@ovpn3/sessions'

import {type Entry, entryOf, type Needs} from './entry'

/** What happened to a session; `present`: it was there when the watch began. */
export type ChangeKind = 'changed' | 'created' | 'present' | 'removed'

export interface WatchOptions {
  readonly needs: Needs
  /** Told about each change, with what is known of the session afterwards. */
  readonly changed: (kind: ChangeKind, entry: Entry) => void
}

/** Milliseconds between two looks at sessions that send no signals. */
const pollPause = 2000
/** Every so many polls all sessions are looked at, should a signal have been missed or a backend have died. */
const netEvery = 5
/** How much longer than a poll took the session manager is left alone after it. */
const restFactor = 9
/** Milliseconds that giving back subscriptions may take. */
const farewell = 2000
/** Sessions that are read again in one go. */
const batchSize = 25
/** What may change in the life of a session. */
const volatile: ReadonlySet<PropertyName> = new Set<PropertyName>(['connected_to', 'device_name', 'status'])

interface Known {
  readonly session: Session
  /** Undefined until it has been read. */
  entry?: Entry
  following?: Following
  /** How often a signal has told its status. */
  told: number
}

/** The sessions as they are from moment to moment, kept up to date by signals, with a slow poll as a net. */
export class Watch {
  readonly #changed: WatchOptions['changed']
  readonly #hung = new Set<string>()
  readonly #known = new Map<string, Known>()
  readonly #needs: Needs
  readonly #sources: Sources
  readonly #stale = new Set<Known>()
  readonly #unfollowed = new Set<Known>()
  #end: (error?: unknown) => void = () => {}
  #ended = false
  #following = false
  #poll = 0
  #pollTimer: NodeJS.Timeout | undefined
  #relisting = false
  #working = false

  constructor(sources: Sources, {changed, needs}: WatchOptions) {
    this.#sources = sources
    this.#changed = changed
    this.#needs = {
      ...needs,
      // whose it is decides whether a new session is listed
      properties: [...new Set<PropertyName>(['status', 'owner', ...needs.properties])],
    }
  }

  /** What is known at the moment. @yields in the order of the session manager */
  *entries(): Iterable<Entry> {
    for (const {entry} of this.#known.values()) if (entry) yield entry
  }

  /**
   * Watches until `stop` is called.
   * @throws Ovpn3Error where the sessions' source is gone
   */
  async run(): Promise<void> {
    const over = new Promise<void>((resolve, reject) => {
      this.#end = (error) => {
        this.#ended = true
        if (error instanceof Error) reject(error)
        else resolve()
      }
    })
    // it may be over before anybody waits for that
    over.catch(() => {})
    const endWatch = await this.#sources.watch((event) => this.#receive(event))
    try {
      for (const session of await this.#sources.find({kind: 'all'}, [])) this.#guard(this.#add(session, 'present'))
      // one that came before the first signal could
      this.#guard(this.#relist())
      this.#schedulePoll(pollPause)
      await over
    } finally {
      this.#ended = true
      clearTimeout(this.#pollTimer)
      const following = [...this.#known.values()].map(({following}) => following?.())
      await Promise.race([
        Promise.allSettled([...following, endWatch()]),
        new Promise((resolve) => {
          setTimeout(resolve, farewell).unref()
        }),
      ])
    }
  }

  stop(): void {
    this.#end()
  }

  /** The session manager waits for a session. */
  stalled(session: SessionRef): void {
    this.#hung.add(keyOf(session))
    const known = this.#known.get(keyOf(session))
    if (known?.entry) this.#update(known, {...known.entry, waiting: true})
  }

  /** Errors of one session are no end, unless nothing can be read any more. */
  #guard(work: Promise<void>): void {
    work.catch((error: unknown) => {
      // its own events tell that the connection is lost, or that the session manager went away
      if (!isOutage(error)) this.#end(error)
    })
  }

  #receive(event: SessionsEvent): void {
    switch (event.type) {
      case 'closed':
        this.#end(event.error)
        break
      case 'created':
        this.#guard(this.#add(event.session, 'created'))
        break
      case 'removed':
        this.#remove(keyOf(event.session))
        break
      case 'reset':
        for (const [path, known] of this.#known) {
          // there is nothing to take back, and trying to would start the session manager again
          known.following = undefined
          this.#remove(path)
        }

        break
    }
  }

  /** @param listed it is known to be among those that the caller is shown */
  async #add(session: Session, kind: 'created' | 'present', listed = kind === 'present'): Promise<void> {
    const path = keyOf(session)
    if (this.#known.has(path)) return
    const known: Known = {session, told: 0}
    this.#known.set(path, known)
    try {
      const entry = await entryOf(
        session,
        await session.refresh(this.#needs.properties),
        this.#needs,
        this.#hung.has(path),
      )
      if (this.#known.get(path) !== known) return
      const isListed = listed || (entry.state !== 'removed' && entry.values.owner === session.source.me)
      if (entry.state === 'removed' || !isListed) {
        this.#forget(path, known)
        // its owner may have opened it to others
        if (!listed) setTimeout(() => this.#guard(this.#relist()), 500).unref()
        return
      }

      known.entry = entry
      this.#changed(kind, entry)
      this.#unfollowed.add(known)
      this.#followAll()
    } catch (error) {
      // so that the next poll finds it anew
      if (this.#known.get(path) === known) this.#forget(path, known)
      throw error
    }
  }

  #onSession(known: Known, event: SessionEvent): void {
    if (event.type === 'removed') this.#remove(keyOf(known.session))
    if (event.type !== 'status') return
    const {entry} = known
    known.told++
    if (!entry) return
    this.#update(known, {...entry, values: {...entry.values, status: event.status}, waiting: false})
  }

  #update(known: Known, entry: Entry): void {
    const before = known.entry
    if (!before || isSame(before, entry)) return
    known.entry = entry
    this.#changed('changed', entry)
    const {status} = entry.values
    const turned = status && status.minor !== before.values.status?.minor
    if (turned && (status.minor === StatusMinor.connected || isDeadEnd(status))) this.#readAgain(known)
  }

  /** One after the other: it takes the session manager longer than a read, and others want to be served, too. */
  #followAll(): void {
    if (this.#following) return
    this.#following = true
    void this.#followNext().finally(() => {
      this.#following = false
    })
  }

  async #followNext(): Promise<void> {
    for (const known of this.#unfollowed) {
      this.#unfollowed.delete(known)
      if (this.#ended) return
      if (this.#known.get(keyOf(known.session)) !== known) continue
      try {
        const following = await known.session.follow((event) => this.#onSession(known, event))
        if (this.#ended || this.#known.get(keyOf(known.session)) !== known) {
          // it went meanwhile
          await following()
          continue
        }

        known.following = following
        // for what happened between the first look and now
        if (known.following.live) await this.#reread(known, ['status'])
      } catch {
        // the poll sees to it, and other events tell that the connection is lost
      }
    }
  }

  #remove(path: string): void {
    const known = this.#known.get(path)
    if (!known) return
    this.#forget(path, known)
    const {entry} = known
    // the signal may be here before the answer that was waited for
    if (entry) this.#changed('removed', entry.waiting ? {...entry, state: 'hung', waiting: false} : entry)
  }

  #forget(path: string, known: Known): void {
    this.#known.delete(path)
    this.#stale.delete(known)
    this.#unfollowed.delete(known)
    // after all who listen to the same signal have heard that the session is gone
    queueMicrotask(() => {
      known.following?.().catch(() => {})
    })
  }

  /** What may have changed with the status is read soon, a few sessions at a time, with rests for the others who ask. */
  #readAgain(known: Known): void {
    this.#stale.add(known)
    if (this.#working) return
    this.#working = true
    void this.#work().finally(() => {
      this.#working = false
    })
  }

  async #work(): Promise<void> {
    const properties = this.#needs.properties.filter((name) => volatile.has(name))
    while (this.#stale.size > 0 && !this.#ended) {
      const batch = [...this.#stale].slice(0, batchSize)
      for (const known of batch) this.#stale.delete(known)
      const started = performance.now()
      await Promise.all(batch.map((known) => this.#reread(known, properties)))
      if (this.#stale.size > 0) await pause(performance.now() - started)
    }
  }

  async #reread(known: Known, properties: readonly PropertyName[]): Promise<void> {
    const {session, told} = known
    const lacksName = known.entry && !known.entry.values.config_name && this.#needs.properties.includes('config_name')
    const snapshot = await session.fetch([...properties, ...(lacksName ? (['config_name'] as const) : [])])
    try {
      const {error, state, values} = await entryOf(
        session,
        snapshot,
        {profile: false, properties},
        this.#hung.has(keyOf(session)),
      )
      const {entry} = known
      if (!entry || this.#known.get(keyOf(session)) !== known) return
      // what was told meanwhile is newer than what was read
      const newer = known.told === told ? {} : {status: entry.values.status}
      if (state === 'removed') this.#remove(keyOf(session))
      else if (state === 'ok' && entry.state !== 'ok') await this.#renew(known)
      else this.#update(known, {...entry, error, state, values: {...entry.values, ...values, ...newer}, waiting: false})
    } catch {
      // nobody answers: events tell why, and the next poll asks again
    }
  }

  /** A session that could not be read before. */
  async #renew(known: Known): Promise<void> {
    const {session} = known
    const entry = await entryOf(session, await session.refresh(this.#needs.properties), this.#needs, false)
    if (this.#known.get(keyOf(session)) === known) this.#update(known, entry)
  }

  #schedulePoll(delay: number): void {
    this.#pollTimer = setTimeout(async () => {
      const started = performance.now()
      this.#poll++
      const net = this.#poll % netEvery === 0
      if (net) await this.#relist().catch(() => {})
      const due = [...this.#known.values()].filter(({entry, following}) => entry && (net || !following?.live))
      await Promise.all(due.map((known) => this.#reread(known, ['status'])))
      if (!this.#ended) this.#schedulePoll(Math.max(pollPause, restFactor * (performance.now() - started)))
    }, delay)
  }

  /** Compares with what the session manager lists, for what no signal told: access that was granted or revoked. */
  async #relist(): Promise<void> {
    if (this.#relisting) return
    this.#relisting = true
    try {
      const before = new Set(this.#known.keys())
      const sessions = await this.#sources.find({kind: 'all'}, [])
      const listed = new Set(sessions.map((session) => keyOf(session)))
      for (const key of before) if (!listed.has(key)) this.#remove(key)
      await Promise.all(sessions.map((session) => this.#add(session, 'created', true)))
    } finally {
      this.#relisting = false
    }
  }
}

function isSame(a: Entry, b: Entry): boolean {
  if (a.state !== b.state || Boolean(a.waiting) !== Boolean(b.waiting)) return false
  const names = new Set([...Object.keys(a.values), ...Object.keys(b.values)]) as Set<keyof SessionProperties>
  return [...names].every((name) => isEqual(a.values[name], b.values[name]))
}

function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  const [left, right] = [Object.entries(a), Object.entries(b)]
  return left.length === right.length && left.every(([key, value]) => (b as Record<string, unknown>)[key] === value)
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds)
  })
}
