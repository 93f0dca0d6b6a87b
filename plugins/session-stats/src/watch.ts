import {
  aboutSession,
  hasCode,
  keyOf,
  type Ovpn3Error,
  ownershipOf,
  type PropertyName,
  type Session,
  type Sources,
} from '@ovpn3/sessions'
import {setTimeout as sleep} from 'node:timers/promises'

import {type Counters, type Rates, ratesBetween, type Reading} from './rates'

/** What was seen of a session at one moment. */
export type Observation = {readonly session: Session; readonly time: Date} & (
  | {readonly error: Ovpn3Error; readonly type: 'failed'}
  /** It is there no more; the error says why, where that is known. */
  | {readonly error?: Ovpn3Error; readonly type: 'removed'}
  /** Rates need two samples. */
  | {readonly rates: Rates | null; readonly statistics: Counters; readonly type: 'sample'}
)

export interface WatchOptions {
  /** Milliseconds from one sample to the next. */
  readonly interval: number
  /** Sessions that come up are taken in, and that there are none is no reason to end. */
  readonly open: boolean
  /** Ends the watch. */
  readonly signal: AbortSignal
}

interface Watched {
  readonly session: Session
  /** The removal was announced while a read was under way, which knows better why. */
  announced?: boolean
  last?: Reading
  reading?: boolean
  /** The error that was reported last. */
  reported?: string
  /** It came up while we watched, and may be anybody's. */
  readonly unknown?: boolean
  seen?: boolean
}

/**
 * Reads the counters of sessions again and again, until they are gone or the signal says so.
 * @param sessions to begin with
 * @param sources tells of sessions that come and go
 * @throws Ovpn3Error where the service is gone, or, unless `open`, where the first sample fails
 */
export async function watch(
  sessions: readonly Session[],
  sources: Pick<Sources, 'watch'>,
  {interval, open, signal}: WatchOptions,
  onRound: (observations: readonly Observation[]) => void,
): Promise<void> {
  const watched = new Map<string, Watched>(sessions.map((session) => [keyOf(session), {session}]))
  const over = new AbortController()
  const end = () => over.abort()
  signal.addEventListener('abort', end)
  if (signal.aborted) end()
  let lost: Ovpn3Error | undefined
  const gone = (entry: Watched, error?: Ovpn3Error): Observation => {
    watched.delete(keyOf(entry.session))
    return {error, session: entry.session, time: new Date(), type: 'removed'}
  }

  const report = (observations: readonly Observation[]) => {
    if (!over.signal.aborted) onRound(observations)
    if (!open && watched.size === 0) end()
  }

  const unsubscribe = await sources.watch((event) => {
    switch (event.type) {
      case 'closed':
        lost = event.error
        end()
        break
      case 'created': {
        const {session} = event
        if (open && !watched.has(keyOf(session))) watched.set(keyOf(session), {session, unknown: true})
        break
      }

      case 'removed': {
        const entry = watched.get(keyOf(event.session))
        if (!entry) break
        if (entry.reading) {
          entry.announced = true
          break
        }

        const observation = gone(entry)
        if (known(entry)) report([observation])
      }
    }
  })
  const round = async () => {
    const observations = await Promise.all([...watched.values()].map((entry) => observe(entry, {gone, open, watched})))
    report(observations.flatMap((observation) => observation ?? []))
  }

  const ended = new Promise<void>((resolve) => {
    over.signal.addEventListener('abort', () => resolve())
    if (over.signal.aborted) resolve()
  })
  try {
    let next = performance.now()
    while (!over.signal.aborted) {
      const work = round()
      await Promise.race([work, ended])
      // what is under way when it ends fails with the connection
      work.catch(() => {})
      next = Math.max(next + interval, performance.now())
      await sleep(Math.max(0, next - performance.now()), undefined, {signal: over.signal}).catch(() => {})
    }
  } finally {
    signal.removeEventListener('abort', end)
    // on a connection that is about to be closed: nothing to wait for
    unsubscribe().catch(() => {})
  }

  if (lost) throw lost
}

/** Its owner let us see it, or we were told to watch it. */
const known = ({seen, unknown}: Watched) => seen || !unknown

interface Surroundings {
  readonly open: boolean
  readonly watched: Map<string, Watched>
  gone(entry: Watched, error?: Ovpn3Error): Observation
}

async function observe(entry: Watched, {gone, open, watched}: Surroundings): Promise<Observation | undefined> {
  const {session} = entry
  const names: PropertyName[] = ['statistics']
  // the first look finds the name too, and whose it is
  const look = entry.unknown && !entry.seen
  entry.reading = true
  const {errors, values} = look ? await session.refresh([...names, 'config_name', 'owner']) : await session.fetch(names)
  entry.reading = false
  const reading = {at: performance.now(), counters: values.statistics ?? {}}
  const time = new Date()
  const error = errors.statistics
  // a new session is its owner's alone; root could read it all the same, but is not shown it in a list either
  if (look && ownershipOf(session.snapshot, session.source.me) === 'public') {
    watched.delete(keyOf(session))
    return undefined
  }

  if (hasCode(error, 'disconnected', 'bus-unreachable', 'service-unavailable')) throw error
  if (error && !open && !entry.seen) throw aboutSession(session, error)
  if (entry.announced || hasCode(error, 'session-stale', 'session-not-found')) {
    const observation = gone(entry, hasCode(error, 'session-stale') ? error : undefined)
    return known(entry) ? observation : undefined
  }

  if (!error) {
    const rates = entry.last ? ratesBetween(entry.last, reading) : null
    Object.assign(entry, {last: reading, reported: undefined, seen: true})
    return {rates, session, statistics: reading.counters, time, type: 'sample'}
  }

  if (hasCode(error, 'access-denied') && !entry.seen) watched.delete(keyOf(session))
  if (entry.reported === error.message) return undefined
  entry.reported = error.message
  return {error, session, time, type: 'failed'}
}
