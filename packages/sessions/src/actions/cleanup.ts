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
 * Limits the cost of finding names: every lookup makes the session manager visit all its sessions, at 0.8 ms each
 * (27.1), while reading the name of one session takes 4 ms.
 */
const maxVisits = 100
/** Seconds after which a session without a status has failed to load its profile: a backend starts in one or two. */
const startTime = 30
/** Milliseconds in which a new session gets its first status. */
const loadTime = 2000

/**
 * Removes a session if its backend does not respond, if it has ended, or if it never loaded a profile. A session that
 * cannot be read belongs to another user and is kept.
 */
export function cleanUp(session: Session, {failed, owner}: CleanupOptions): Promise<SessionResult> {
  return attempt(session, async () => {
    // `namedSessions` found most names already, which saves a read
    const names: PropertyName[] = session.config === undefined ? ['status', 'config_name'] : ['status']
    // an earlier read of the owner removes a stale session
    const {errors, values} = goneError(session) ? session.snapshot : await session.refresh(names)
    const gone = goneError(session)
    if (gone?.code === 'session-stale') return result(session, 'removed', 'removed (its backend process is gone)')
    if (gone) return result(session, 'removed', 'removed (it ended before it was checked)', {changed: false})
    if (isUnreadable(session)) return unchangedResult(session)
    if (errors.status) throw errors.status
    const status = values.status!
    const why = await removalReason(session, status, failed)
    if (!why || (status.minor === StatusMinor.unset && (await receivesStatus(session)))) {
      const hint = isDeadEnd(status) ? '; pass --failed to remove it' : ''
      return result(session, 'kept', `kept (${statusText(status)}${hint})`)
    }

    const {values: current} = await session.refresh([...names, 'owner'])
    if (current.owner !== undefined && current.owner !== (owner ?? session.source.me))
      return result(session, 'kept', `kept (${statusText(status)}; pass --owner to remove it)`)
    if (current.owner === undefined && !goneError(session)) return unchangedResult(session)
    try {
      await session.disconnect()
    } catch (error) {
      if (!isGone(error)) throw error
    }

    return result(session, 'removed', `removed (${why})`)
  })
}

async function removalReason(
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
 * Whether a session without a status is new and gets one soon. A clock that was set forward makes a new session look old.
 * @throws Ovpn3Error if the status cannot be read, so that the session is kept
 */
async function receivesStatus(session: Session): Promise<boolean> {
  await sleep(loadTime)
  const {errors, values} = await session.fetch(['status'])
  if (errors.status && !isGone(errors.status)) throw errors.status
  return values.status !== undefined && values.status.minor !== StatusMinor.unset
}

/** The result of a dry run. It reads nothing, because reading a stale session removes it. */
export function planCleanUp(session: Session, {failed}: Pick<CleanupOptions, 'failed'>): SessionResult {
  const orFailed = failed ? ' or has failed' : ''
  return result(session, 'planned', `would be checked, and removed if it is stale${orFailed}`)
}

/**
 * All sessions, with the profile names that are found quickly and without reading a session, because reading a stale
 * session removes it. Names of profiles that are invisible to the caller, renamed or deleted are not found.
 * @throws Ovpn3Error
 */
export async function namedSessions(sources: Sources): Promise<Session[]> {
  // fetched in parallel with the sessions
  const names = sources.all.map((source) => valueOr([], async () => byFrequency((await source.profiles?.()) ?? [])))
  const sessions = await sources.find({kind: 'all'}, [])
  const found = new Map<string, Session>()
  await Promise.all(
    sources.all.map(async (source, i) => {
      const ownSessions = sessions.filter((session) => session.source === source)
      for (const name of (await names[i]!).slice(0, Math.floor(maxVisits / ownSessions.length))) {
        if (ownSessions.every((session) => found.has(keyOf(session)))) break
        const named = await valueOr([], () => source.find({kind: 'config', name}, []))
        for (const session of named) found.set(keyOf(session), session)
      }
    }),
  )
  return sessions.map((session) => found.get(keyOf(session)) ?? session)
}

/** The value of optional work, or the fallback if it fails. */
async function valueOr<T>(fallback: T, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!isOvpn3Error(error)) throw error
    return fallback
  }
}

/** The names of profiles, the most frequent first: a lookup of a shared name finds more sessions. */
function byFrequency(profiles: readonly SavedProfile[]): string[] {
  const counts = new Map<string, number>()
  for (const {name} of profiles) counts.set(name, (counts.get(name) ?? 0) + 1)
  return [...counts].sort(([, a], [, b]) => b - a).map(([name]) => name)
}
