import type {Session, SessionProperties, Snapshot} from './session'

import {hasCode, isOutage, Ovpn3Error} from './errors'
import {isDeadEnd, StatusMinor} from './status'

/**
 * The state of a session, as determined by reading it:
 * - `ok`: it was read; single properties may be missing
 * - `unread`: no properties were requested
 * - `unreadable`: it is listed, but the caller has no permission to read it
 * - `stale`: its backend was gone, so the session manager removed it
 * - `hung`: its backend did not respond, so the session manager removed it
 * - `removed`: it ended after it was listed
 * - `failed`: another failure; see the error
 */
export type SessionState = 'failed' | 'hung' | 'ok' | 'removed' | 'stale' | 'unread' | 'unreadable'

/** A session and the properties that were read. */
export interface Reading {
  readonly session: Session
  readonly state: SessionState
  readonly values: Readonly<Partial<SessionProperties>>
  readonly error?: Ovpn3Error
}

/**
 * Determines the state of a session from a snapshot.
 * @param hung whether the source had to wait for the session
 * @throws Ovpn3Error if the source cannot be reached
 */
export function readingOf(session: Session, {errors, values}: Snapshot, hung: boolean): Reading {
  const failures = Object.values(errors)
  const outage = failures.find((error) => isOutage(error))
  if (outage) throw outage
  const found = (state: SessionState, error?: Ovpn3Error) => ({error, session, state, values})
  const stale = failures.find((error) => hasCode(error, 'session-stale'))
  if (stale && hung)
    return found(
      'hung',
      new Ovpn3Error('session-stale', 'its backend is not responding; the session manager removed the session'),
    )
  if (stale) return found('stale', stale)
  if (Object.keys(values).length > 0) return found('ok')
  const [error] = failures
  if (!error) return found('unread')
  if (hasCode(error, 'session-not-found')) return found('removed', error)
  return found(hasCode(error, 'access-denied') ? 'unreadable' : 'failed', error)
}

/** What happened to a session that is no longer listed: `disconnected`. @param last the last reading of it */
export function departureText({session, state, values: {owner, status}}: Reading): string {
  if (state === 'stale') return 'lost its backend'
  if (state === 'hung') return 'stopped responding'
  if (state === 'failed') return 'became unreachable'
  if (status?.minor === StatusMinor.authenticationFailed) return 'failed to authenticate'
  if (status?.minor === StatusMinor.connectionFailed) return 'failed to connect'
  // another user may have withdrawn access
  const isEnding = status && (isDeadEnd(status) || status.minor === StatusMinor.disconnecting)
  return owner === undefined || owner === session.source.me || isEnding ? 'disconnected' : 'left the list'
}
