import {
  aboutSession,
  Deadline,
  departureText,
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

/** An event of a watched session. */
export type Observation = {readonly session: Session; readonly time: Date} & (
  | {readonly error: Ovpn3Error; readonly type: 'failed'}
  /** The session no longer exists. */
  | {readonly departure: string; readonly error?: Ovpn3Error; readonly type: 'removed'}
  /** Rates are null in the first sample. */
  | {readonly rates: Rates | null; readonly statistics: Counters; readonly type: 'sample'}
)

export interface WatchOptions {
  /** Milliseconds between two samples. */
  readonly interval: number
  /** Selects new sessions to watch. Without it there are none, and the watch ends with the last session. */
  readonly newcomers?: (session: Session) => boolean
  /** Reads the details of a new session. */
  readonly meet: (session: Session) => Promise<void>
  /** Ends the watch. */
  readonly signal: AbortSignal
  /** Called for a source that fails while others continue. */
  readonly onFailure: (failure: SourceFailure) => void
  readonly onObservation: (observation: Observation) => void
}

/** The last state of a session. */
interface Last {
  reading?: Reading
  /** The message of the error that was reported. */
  reported?: string
}

/**
 * Samples the counters of sessions until they are gone or the signal is aborted.
 * @param sessions the first sessions to watch
 * @throws Ovpn3Error if the sources are gone or, without newcomers, if the first sample fails
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
    changed(kind, entry) {
      const {error, session} = entry
      if (kind !== 'removed' || !last.delete(session)) return
      observations.push({
        departure: departureText(entry),
        error: hasCode(error, 'disconnected', 'session-stale') ? error : undefined,
        session,
        time: new Date(),
        type: 'removed',
      })
      // the running round reports it at its end
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
