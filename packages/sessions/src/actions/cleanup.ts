import {sleep} from '../abort'
import {isOvpn3Error} from '../errors'
import {goneError, isGone, type SessionResult} from '../result'
import {keyOf, type PropertyName, type Session} from '../session'
import {type SavedProfile, type Sources} from '../source'
import {isDeadEnd, type SessionStatus, StatusMinor, statusText} from '../status'
import {unchangedResult} from './actions'
import {attempt, isUnreadable, result} from './result'

export interface CleanupOptions {
  /** Disconnect sessions of this user instead of the caller's. Stale sessions of any owner are removed. */
  readonly owner?: number
  /** Also remove sessions that have failed although their backend responds. */
  readonly failed?: boolean
}

/**
 * How many sessions a source may have to go through to find names: the session manager goes through all of them with
 * every look-up, at 0.8 ms each (27.1), while to read the name of one takes 4 ms.
 */
const visitsForNames = 100
/** Seconds after which a session that has no status yet will not get one: starting a backend takes one or two. */
const startTime = 30
/** Milliseconds in which it does. */
const loadTime = 2000

/**
 * Removes a session if it is stale, and says why or why not. Stale means that the backend does not answer, that the
 * session vanished, or that it never loaded a profile; a session that cannot be read belongs to another user and is kept.
 */
export function cleanUp(session: Session, {failed, owner}: CleanupOptions): Promise<SessionResult> {
  return attempt(session, async () => {
    // most names are already known, which saves a read
    const names: PropertyName[] = session.config === undefined ? ['status', 'config_name'] : ['status']
    // an earlier read of the owner may have found and removed it
    const {errors, values} = goneError(session) ? session.snapshot : await session.refresh(names)
    const gone = goneError(session)
    if (gone?.code === 'session-stale') return result(session, 'removed', 'removed (its backend process is gone)')
    if (gone) return result(session, 'removed', 'removed (it ended before it was checked)', {changed: false})
    if (isUnreadable(session)) return unchangedResult(session)
    if (errors.status) throw errors.status
    const status = values.status!
    const why = await reason(session, status, failed)
    if (!why || (status.minor === StatusMinor.unset && (await getsStatus(session)))) {
      const hint = isDeadEnd(status) ? '; pass --failed to remove it' : ''
      return result(session, 'kept', `kept (${statusText(status)}${hint})`)
    }

    const {values: again} = await session.refresh([...names, 'owner'])
    if (again.owner !== undefined && again.owner !== (owner ?? session.source.me))
      return result(session, 'kept', `kept (${statusText(status)}; pass --owner to remove it)`)
    if (again.owner === undefined && !goneError(session)) return unchangedResult(session)
    try {
      await session.disconnect()
    } catch (error) {
      if (!isGone(error)) throw error
    }

    return result(session, 'removed', `removed (${why})`)
  })
}

async function reason(
  session: Session,
  status: SessionStatus,
  failed: boolean | undefined,
): Promise<string | undefined> {
  if (failed && isDeadEnd(status)) return status.message || statusText(status)
  if (status.minor !== StatusMinor.unset) return undefined
  const {session_created: created} = (await session.fetch(['session_created'])).values
  const old = created !== undefined && Date.now() / 1000 - created > startTime
  return old ? 'it never loaded a profile' : undefined
}

/**
 * Whether a session without a status was only new: by the clock it is old, but clocks are set.
 * @throws Ovpn3Error where it cannot be asked: what cannot be read is kept
 */
async function getsStatus(session: Session): Promise<boolean> {
  await sleep(loadTime)
  const {errors, values} = await session.fetch(['status'])
  if (errors.status && !isGone(errors.status)) throw errors.status
  return values.status !== undefined && values.status.minor !== StatusMinor.unset
}

/** The result of a dry run. It reads nothing, because reading a stale session removes it. */
export function planCleanUp(session: Session, {failed}: Pick<CleanupOptions, 'failed'>): SessionResult {
  const more = failed ? ' or has failed' : ''
  return result(session, 'planned', `would be checked, and removed if it is stale${more}`)
}

/**
 * All sessions, with the names of their profiles as far as those are found soon and without touching a session: for
 * those that vanish when they are looked at. Those of profiles that the caller cannot see, or that were renamed or
 * deleted, are not found.
 * @throws Ovpn3Error
 */
export async function namedSessions(sources: Sources): Promise<Session[]> {
  // fetched in parallel with the sessions
  const names = sources.all.map((source) => forgiving([], async () => byFrequency((await source.profiles?.()) ?? [])))
  const sessions = await sources.find({kind: 'all'}, [])
  const found = new Map<string, Session>()
  await Promise.all(
    sources.all.map(async (source, i) => {
      const those = sessions.filter((session) => session.source === source)
      for (const name of (await names[i]!).slice(0, Math.floor(visitsForNames / those.length))) {
        if (those.every((session) => found.has(keyOf(session)))) break
        const named = await forgiving([], () => source.find({kind: 'config', name}, []))
        for (const session of named) found.set(keyOf(session), session)
      }
    }),
  )
  return sessions.map((session) => found.get(keyOf(session)) ?? session)
}

/** The value of optional work, or a fallback if it fails. */
async function forgiving<T>(otherwise: T, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!isOvpn3Error(error)) throw error
    return otherwise
  }
}

/** The names of profiles, those that several have first: most sessions are found by one look-up so. */
function byFrequency(profiles: readonly SavedProfile[]): string[] {
  const counts = new Map<string, number>()
  for (const {name} of profiles) counts.set(name, (counts.get(name) ?? 0) + 1)
  return [...counts].sort(([, a], [, b]) => b - a).map(([name]) => name)
}
