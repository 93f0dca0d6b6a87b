import type {Session, SessionProperties, Snapshot} from './session'

import {hasCode, isOutage, Ovpn3Error} from './errors'

/**
 * The state of a session, as reading it found:
 * - `ok`: it was read, though single properties may be missing
 * - `unread`: nothing was to be read of it
 * - `unreadable`: it is listed, but its properties are not the caller's to see
 * - `stale`: its backend was gone, so the session manager removed it
 * - `hung`: its backend did not respond, so the session manager removed it
 * - `removed`: it went away after it was listed
 * - `failed`: something else, see the error
 */
export type SessionState = 'failed' | 'hung' | 'ok' | 'removed' | 'stale' | 'unread' | 'unreadable'

/** A session and what was read of it. */
export interface Reading {
  readonly session: Session
  readonly state: SessionState
  readonly values: Readonly<Partial<SessionProperties>>
  readonly error?: Ovpn3Error
}

/**
 * Decides the state of a session by what was read of it.
 * @param hung its source had to wait for it
 * @throws Ovpn3Error where its source could not be asked
 */
export function readingOf(session: Session, {errors, values}: Snapshot, hung: boolean): Reading {
  const failures = Object.values(errors)
  const outage = failures.find((error) => isOutage(error))
  if (outage) throw outage
  return {session, values, ...verdict(failures, Object.keys(values).length, hung)}
}

function verdict(failures: readonly Ovpn3Error[], read: number, hung: boolean): Pick<Reading, 'error' | 'state'> {
  const stale = failures.find((error) => hasCode(error, 'session-stale'))
  if (stale && hung)
    return {
      error: new Ovpn3Error('session-stale', 'its backend does not respond; the session manager removed the session'),
      state: 'hung',
    }
  if (stale) return {error: stale, state: 'stale'}
  const [error] = failures
  if (!error) return {state: read > 0 ? 'ok' : 'unread'}
  if (read > 0) return {state: 'ok'}
  if (hasCode(error, 'session-not-found')) return {error, state: 'removed'}
  return {error, state: hasCode(error, 'access-denied') ? 'unreadable' : 'failed'}
}
