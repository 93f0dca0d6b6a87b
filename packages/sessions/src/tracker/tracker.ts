import type {Reading} from '../reading'
import type {LogEvent, PropertyName, Session, SessionRef, Snapshot, Unsubscribe} from '../session'

import {sleep, unlessAborted} from '../abort'
import {isOvpn3Error, type Ovpn3Error} from '../errors'
import {type SessionsEvent, sourceError, type SourceFailure, type Sources} from '../source'
import {SourceTracker} from './source-tracker'

/** Milliseconds to wait for the end of the subscriptions. */
const unsubscribeTime = 1500

/** A change to a session. `present`: the session existed when the tracker began. */
export type ChangeKind = 'changed' | 'created' | 'present' | 'removed'

/** A tracked session and its last reading. */
export interface Tracked<D = unknown> extends Reading {
  /** The result of `details`. */
  readonly details?: D
  /** Its source is waiting for its backend. */
  readonly waiting?: boolean
}

export interface TrackerOptions<D> {
  /** Read once for each session. Those that change with the status are read again after it changes. */
  readonly properties: readonly PropertyName[]
  /** Keep statuses up to date: by signals and, if none arrive, by a slow poll. */
  readonly follow: boolean
  /** The initial sessions, which have been read; if omitted, all sessions. */
  readonly sessions?: readonly Session[]
  /** Track only the initial sessions. */
  readonly fixed?: boolean
  /** Whether to track a session in addition to the initial ones; if omitted, all that the caller has access to. */
  readonly wanted?: (reading: Reading, kind: 'created' | 'present') => boolean
  /** Finds further information about a session. */
  readonly details?: (reading: Reading) => Promise<D>
  /** Called for each change, with the session after the change. */
  readonly changed: (kind: ChangeKind, entry: Tracked<D>) => void
  /** Called for the log events of followed sessions. If omitted, log lines are not subscribed to. */
  readonly log?: (session: Session, event: LogEvent) => void
  /** Called for each failure of a source while others continue. */
  readonly failed: (failure: SourceFailure) => void
}

/** The live set of the sessions of all sources, kept up to date by signals and by a slow poll. */
export class Tracker<D = unknown> {
  readonly #options: TrackerOptions<D>
  readonly #sources: Sources
  #ended = false
  #stop: (error: unknown) => void = () => {}
  #trackers: readonly SourceTracker<D>[] = []

  constructor(sources: Sources, options: TrackerOptions<D>) {
    this.#sources = sources
    this.#options = options
  }

  /** The tracked sessions. */
  *[Symbol.iterator](): Iterator<Tracked<D>> {
    for (const tracker of this.#trackers) yield* tracker
  }

  has(session: SessionRef): boolean {
    return this.#trackerOf(session)?.has(session) ?? false
  }

  /** Marks a session whose backend its source waits for. */
  stalled(session: SessionRef): void {
    this.#trackerOf(session)?.stalled(session)
  }

  /**
   * Reads properties of a session now, and updates its state.
   * @throws Ovpn3Error if its source cannot be reached and no other source is left
   */
  async fetch(session: Session, names: readonly PropertyName[]): Promise<Snapshot> {
    const tracker = this.#trackerOf(session)!
    try {
      return await tracker.fetch(session, names)
    } catch (error) {
      if (!isOvpn3Error(error) || (this.#isLast(tracker) && error.code !== 'timeout')) throw error
      return {errors: Object.fromEntries(names.map((name) => [name, error])), values: {}}
    }
  }

  /**
   * Tracks until the signal is aborted.
   * @param meanwhile work that starts once events arrive; its failure ends the tracking
   * @throws Ovpn3Error if all sources are gone
   */
  async run(signal: AbortSignal, meanwhile?: () => Promise<void>): Promise<void> {
    const stopped = new Promise<never>((_, reject) => {
      this.#stop = reject
    })
    this.#trackers = this.#sources.all.map(
      (source) => new SourceTracker(source, this.#options, (error) => this.#fail(error, source.name)),
    )
    const subscriptions: (undefined | Unsubscribe)[] = []
    // a source that is slow, or cannot be reached, does not hold up the others
    const begun = this.#trackers.map(async (tracker) => {
      try {
        const unsubscribe = await this.#sources.watch(tracker.source, (event) => this.#receive(event))
        if (this.#ended) return await unsubscribe?.()
        const isFirst = subscriptions.length === 0
        subscriptions.push(unsubscribe)
        await Promise.all([isFirst && meanwhile?.(), this.#find(tracker)])
      } catch (error) {
        this.#cannotBegin(tracker, error)
      }
    })
    for (const tracker of this.#trackers) tracker.adopt(this.#options.sessions ?? [])
    try {
      await unlessAborted(Promise.all([stopped, ...begun]), signal)
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      this.#ended = true
      const over = new AbortController()
      const ends = [...subscriptions.map((unsubscribe) => unsubscribe?.()), ...this.#trackers.map((each) => each.end())]
      void Promise.allSettled(ends).then(() => over.abort())
      await sleep(unsubscribeTime, over.signal)
    }
  }

  async #find(tracker: SourceTracker<D>): Promise<void> {
    const found = this.#options.fixed ? [] : await this.#sources.list(tracker.source)
    if (!this.#ended) tracker.begin(found)
  }

  /** One of several sources cannot be asked: the others go on. An error of the work that runs meanwhile ends it. */
  #cannotBegin({source}: SourceTracker<D>, error: unknown): void {
    const isFailure = this.#sources.failures.some((failure) => failure.error === error)
    if (!isFailure) this.#stop(error)
    else if (this.#sources.areAllLost) this.#stop(sourceError(source, error as Ovpn3Error))
    else this.#fail(error, source.name)
  }

  #trackerOf({source}: Pick<SessionRef, 'source'>): SourceTracker<D> | undefined {
    return this.#trackers.find((tracker) => tracker.source.name === source.name)
  }

  #receive(event: SessionsEvent): void {
    const tracker = this.#trackerOf(event)!
    if (event.type !== 'closed') tracker.receive(event)
    else if (this.#isLast(tracker)) this.#stop(sourceError(event.source, event.error))
    else {
      this.#fail(event.error, event.source.name)
      tracker.abandon(event.error)
    }
  }

  /** Whether all other sources are gone. */
  #isLast(tracker: SourceTracker<D>): boolean {
    const failed = new Set(this.#sources.failures.map(({source}) => source))
    return this.#trackers.every((each) => each === tracker || each.ended || failed.has(each.source.name))
  }

  #fail(error: unknown, source: string): void {
    if (isOvpn3Error(error)) this.#options.failed({error, source})
    else this.#stop(error)
  }
}
