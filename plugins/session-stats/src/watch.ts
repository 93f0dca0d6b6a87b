import {
  aboutSession,
  Deadline,
  hasCode,
  Interruption,
  mapLimited,
  type Ovpn3Error,
  type Session,
  sleep,
  type SourceFailure,
  type Sources,
  Tracker,
} from '@ovpn3/sessions'

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
  /** Which sessions that come up are taken in; left out: none, and where no session is left, it ends. */
  readonly newcomers?: (session: Session) => boolean
  /** Finds out what there is to be known of a newcomer. */
  readonly meet: (session: Session) => Promise<void>
  /** Ends the watch. */
  readonly signal: AbortSignal
  /** Told about a source that fails while others go on. */
  readonly onFailure: (failure: SourceFailure) => void
  readonly onObservation: (observation: Observation) => void
}

/** What was last seen of a session. */
interface Last {
  reading?: Reading
  /** The error that was reported. */
  reported?: string
}

/**
 * Reads the counters of sessions again and again, until they are gone or the signal says so.
 * @param sessions to begin with
 * @throws Ovpn3Error where the sources are gone, or, without newcomers, where the first sample fails
 */
export async function watch(
  sessions: readonly Session[],
  sources: Sources,
  {interval, meet, newcomers, onFailure, onObservation, signal}: WatchOptions,
): Promise<void> {
  const life = new Deadline(signal)
  const last = new Map<Session, Last>(sessions.map((session) => [session, {}]))
  let sampling = false
  let observations: Observation[] = []
  const report = () => {
    if (!life.signal.aborted) for (const each of observations) onObservation(each)
    observations = []
    if (!newcomers && last.size === 0) life.abort(new Interruption())
  }

  const tracker = new Tracker(sources, {
    changed(kind, {error, session}) {
      if (kind !== 'removed' || !last.delete(session)) return
      observations.push({
        error: hasCode(error, 'disconnected', 'session-stale') ? error : undefined,
        session,
        time: new Date(),
        type: 'removed',
      })
      // the round that found it out reports it
      if (!sampling) report()
    },
    details: ({session}) => meet(session),
    failed: onFailure,
    fixed: !newcomers,
    follow: false,
    properties: ['config_name', 'acl'],
    sessions,
  })

  const observe = async (session: Session): Promise<Observation | undefined> => {
    const before = last.get(session) ?? {}
    const {errors, values} = await tracker.fetch(session, ['statistics'])
    const {statistics} = values
    const error = errors.statistics
    const [at, time] = [performance.now(), new Date()]
    if (error && !newcomers && !before.reading) throw aboutSession(session, error)
    if (!tracker.has(session)) return undefined
    if (statistics) {
      const reading = {at, counters: statistics}
      last.set(session, {reading})
      return {
        rates: before.reading ? ratesBetween(before.reading, reading) : null,
        session,
        statistics,
        time,
        type: 'sample',
      }
    }

    last.set(session, {...before, reported: error?.message})
    return error && before.reported !== error.message ? {error, session, time, type: 'failed'} : undefined
  }

  const round = async () => {
    sampling = true
    const meant = [...tracker]
      .map(({session}) => session)
      .filter((session) => last.has(session) || newcomers?.(session))
    observations.push(...(await Promise.all(mapLimited(meant, observe))).flatMap((observation) => observation ?? []))
    sampling = false
    report()
  }

  const sample = async () => {
    let next = performance.now()
    while (!life.signal.aborted) {
      await round()
      next = Math.max(next + interval, performance.now())
      await sleep(next - performance.now(), life.signal)
    }
  }

  try {
    await tracker.run(life.signal, sample)
  } finally {
    life.abort(new Interruption())
  }
}
