import type {Reading} from '../reading'
import type {LogEvent, PropertyName, Session, SessionRef, Snapshot, Unsubscribe} from '../session'

import {sleep, unlessAborted} from '../abort'
import {isOvpn3Error, type Ovpn3Error} from '../errors'
import {type SessionsEvent, sourceError, type SourceFailure, type Sources} from '../source'
import {SourceTracker} from './source-tracker'

/** Milliseconds that giving back subscriptions may take. */
const farewell = 1500

/** What happened to a session; `present`: it was there when the tracker began. */
export type ChangeKind = 'changed' | 'created' | 'present' | 'removed'

/** A session that is tracked, and what is known of it. */
export interface Tracked<D = unknown> extends Reading {
  /** What `details` found out. */
  readonly details?: D
  /** Its source waits for it at the moment. */
  readonly waiting?: boolean
}

export interface TrackerOptions<D> {
  /** Read at the first look at a session; those of them that change with the status are read again when it does. */
  readonly properties: readonly PropertyName[]
  /** Statuses are kept up to date: by signals and, where there are none, by a slow poll. */
  readonly follow: boolean
  /** Sessions to begin with, which have been read; left out: all that there are. */
  readonly sessions?: readonly Session[]
  /** No sessions are taken in besides those to begin with. */
  readonly fixed?: boolean
  /** Which sessions are taken in besides those to begin with; left out: all that the caller has access to. */
  readonly wanted?: (reading: Reading, kind: 'created' | 'present') => boolean
  /** Finds out what else there is to be known of a session. */
  readonly details?: (reading: Reading) => Promise<D>
  /** Told about each change, with what is known of the session afterwards. */
  readonly changed: (kind: ChangeKind, entry: Tracked<D>) => void
  /** Told what happens to the logs of the sessions that are followed; left out: nobody reads them. */
  readonly log?: (session: Session, event: LogEvent) => void
  /** Told about a source that fails while others go on, each time that it does. */
  readonly failed: (failure: SourceFailure) => void
}

/** The live set of the sessions of all sources, kept up to date by signals, with a slow poll as a net. */
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

  /** What is known at the moment. */
  *[Symbol.iterator](): Iterator<Tracked<D>> {
    for (const tracker of this.#trackers) yield* tracker
  }

  has(session: SessionRef): boolean {
    return this.#of(session)?.has(session) ?? false
  }

  /** A source waits for a session. */
  stalled(session: SessionRef): void {
    this.#of(session)?.stalled(session)
  }

  /**
   * Reads properties of a session now. What that says of its state is taken in.
   * @throws Ovpn3Error where its source could not be asked, and no other is left
   */
  async fetch(session: Session, names: readonly PropertyName[]): Promise<Snapshot> {
    const tracker = this.#of(session)!
    try {
      return await tracker.fetch(session, names)
    } catch (error) {
      if (!isOvpn3Error(error) || (this.#isLast(tracker) && error.code !== 'timeout')) throw error
      return {errors: Object.fromEntries(names.map((name) => [name, error])), values: {}}
    }
  }

  /**
   * Tracks until the signal is aborted.
   * @param meanwhile begins when events arrive; where it fails, the tracking does
   * @throws Ovpn3Error where all sources are gone
   */
  async run(signal: AbortSignal, meanwhile?: () => Promise<void>): Promise<void> {
    const stopped = new Promise<never>((_, reject) => {
      this.#stop = reject
    })
    this.#trackers = this.#sources.all.map(
      (source) => new SourceTracker(source, this.#options, (error) => this.#fail(error, source.name)),
    )
    const watching = this.#trackers.map(({source}) => this.#sources.watch(source, (event) => this.#receive(event)))
    const subscribed = new Set<Promise<undefined | Unsubscribe>>()
    // a source that is slow, or cannot be reached, does not hold up the others
    const begun = this.#trackers.map(async (tracker, i) => {
      try {
        await watching[i]
        const isFirst = subscribed.size === 0
        subscribed.add(watching[i]!)
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
      const ends = watching.map(async (each) => (await each)?.())
      for (const end of ends) end.catch(() => {})
      // a subscription that does not come about is nothing to wait for
      const given = ends.filter((_, i) => subscribed.has(watching[i]!))
      void Promise.allSettled([...given, ...this.#trackers.map((each) => each.end())]).then(() => over.abort())
      await sleep(farewell, over.signal)
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

  #of({source}: Pick<SessionRef, 'source'>): SourceTracker<D> | undefined {
    return this.#trackers.find((tracker) => tracker.source.name === source.name)
  }

  #receive(event: SessionsEvent): void {
    const tracker = this.#of(event)!
    if (event.type !== 'closed') tracker.receive(event)
    else if (this.#isLast(tracker)) this.#stop(sourceError(event.source, event.error))
    else {
      this.#fail(event.error, event.source.name)
      tracker.lose(event.error)
    }
  }

  /** No other source can be asked. */
  #isLast(tracker: SourceTracker<D>): boolean {
    const failed = new Set(this.#sources.failures.map(({source}) => source))
    return this.#trackers.every((each) => each === tracker || each.ended || failed.has(each.source.name))
  }

  #fail(error: unknown, source: string): void {
    if (isOvpn3Error(error)) this.#options.failed({error, source})
    else this.#stop(error)
  }
}
