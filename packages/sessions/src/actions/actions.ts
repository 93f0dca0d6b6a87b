import {withGrace} from '../abort'
import {accessDenied, hasCode, Ovpn3Error} from '../errors'
import {mapLimited} from '../map-limited'
import {type Ownership} from '../ownership'
import {goneError, isGone, type Outcome, type SessionResult} from '../result'
import {type PropertyName, type Session} from '../session'
import {isDeadEnd, StatusMinor} from '../status'
import {
  attempt,
  baseProperties,
  deadEndError,
  failure,
  isUnreadable,
  plannedResult,
  result,
  statusOf,
  withMinor,
} from './result'

/**
 * The result for a session that an action on all sessions skips: another user's public session, or one whose owner could
 * not be read.
 * @param revoked the caller's access ended after the session was selected
 */
export function unchangedResult(session: Session, {revoked = false} = {}): SessionResult {
  const error = session.snapshot.errors.owner
  if (error && !isUnreadable(session)) return failure(session, error)
  if (revoked) return result(session, 'kept', 'kept (your access was revoked)')
  const readable = isUnreadable(session) ? 'not readable by you' : 'public'
  return result(session, 'kept', `kept (${readable}, owned by another user)`)
}

/** An action on a session, and the properties that it needs beforehand. */
export interface Action<Options> {
  /** Read before `run`: they are in the session's snapshot. */
  readonly properties: readonly PropertyName[]
  run(session: Session, options: Options): Promise<SessionResult>
}

export interface PauseOptions {
  readonly dryRun?: boolean
  /** Written to the session's log. */
  readonly reason: string
}

/** Pauses a session. Idempotent. */
export const pause: Action<PauseOptions> = {
  properties: baseProperties,
  run: (session, {dryRun, reason}) =>
    attempt(session, async () => {
      const status = statusOf(session)
      if (status?.minor === StatusMinor.paused) return result(session, 'unchanged', 'already paused')
      if (status && isDeadEnd(status)) throw deadEndError(session, status)
      if (dryRun) return plannedResult(session, 'would be paused')
      const paused = await session.pause(reason)
      const statusAfter = withMinor(status, StatusMinor.paused)
      return paused
        ? result(session, 'done', 'paused', {status: statusAfter})
        : result(session, 'unchanged', 'already paused', {status: statusAfter})
    }),
}

/**
 * Disconnects a session and returns its final statistics. Succeeds if the session no longer exists; reading a stale
 * session has already removed it.
 */
export const disconnect: Action<{readonly dryRun?: boolean}> = {
  properties: [...baseProperties, 'statistics'],
  run: (session, {dryRun}) =>
    attempt(session, async () => {
      const gone = goneError(session)
      if (gone) return removedResult(session, gone)
      const {statistics, status} = session.snapshot.values
      if (dryRun) return plannedResult(session, 'would be disconnected')
      try {
        await session.disconnect()
      } catch (error) {
        if (!isGone(error)) throw error
        return removedResult(session, error)
      }

      const statusAfter = withMinor(status, StatusMinor.done)
      return result(session, 'done', 'disconnected', {statistics, status: statusAfter})
    }),
}

function removedResult(session: Session, error: unknown): SessionResult {
  const why = hasCode(error, 'session-stale') ? 'removed (its backend process is gone)' : 'was already gone'
  return result(session, 'removed', why, {changed: false})
}

export interface LogLevelOptions {
  readonly dryRun?: boolean
  /** 0 to 6; if omitted, the level is only shown. */
  readonly level?: number
  /** For --dry-run: root can read a public session, but not set its log level, and no call tests that permission. */
  readonly ownership: Ownership | undefined
}

/** Shows or sets the log level of a session. */
export const logLevel: Action<LogLevelOptions> = {
  properties: ['config_name', 'log_verbosity'],
  run: (session, {dryRun, level, ownership}) =>
    attempt(session, async () => {
      const previous = session.snapshot.values.log_verbosity
      if (previous === undefined) {
        if (level !== undefined && isUnreadable(session)) throw accessDenied('act')
        throw (
          goneError(session) ??
          session.snapshot.errors.log_verbosity ??
          new Ovpn3Error('failed', 'its log level could not be read')
        )
      }

      const levelResult = (outcome: Outcome, message: string, current = previous) =>
        result(session, outcome, message, {logLevel: {current, previous}})
      if (level === undefined || level === previous) return levelResult('unchanged', `log level is ${previous}`)
      if (dryRun) {
        if (ownership === 'public') throw accessDenied('act')
        return levelResult('planned', `log level would be set to ${level} (it is ${previous})`)
      }

      await session.setLogLevel(level)
      return levelResult('done', `log level set to ${level} (it was ${previous})`, level)
    }),
}

/**
 * Runs an action on each session until interrupted. After that no further action starts, and pending ones get a moment
 * to complete.
 * @returns the results, in the order of the sessions
 */
export function runUntilInterrupted(
  sessions: readonly Session[],
  run: (session: Session) => Promise<SessionResult>,
  signal: AbortSignal,
): Promise<SessionResult>[] {
  return mapLimited(sessions, (session) =>
    attempt(session, async () => {
      if (signal.aborted) throw new Ovpn3Error('interrupted', 'interrupted: nothing was done')
      return withGrace(run(session), signal)
    }),
  )
}
