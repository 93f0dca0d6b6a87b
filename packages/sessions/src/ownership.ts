import type {Session, Snapshot} from './session'
import type {SessionSource} from './source'

import {hasCode} from './errors'
import {mapLimited} from './map-limited'

/**
 * How the caller may use a session: as its owner, by granted access, or because it is public. The service lists public
 * sessions for every user, but only root can read those of other users.
 */
export type Ownership = 'granted' | 'own' | 'public'

/** A session and its ownership, which is undefined if it could not be read. */
export interface Claim {
  readonly ownership: Ownership | undefined
  readonly session: Session
}

/** Root can read every session; other users only their own and those they were granted access to. */
export const readsAll = (me: number) => me === 0

/**
 * Determines the ownership of a session from its owner and, if that is another user, from its access list.
 * @param me the caller's uid, as the source of the session knows it
 */
export function ownershipOf({errors, values: {acl, owner}}: Snapshot, me: number): Ownership | undefined {
  if (owner === me) return 'own'
  if (acl?.includes(me)) return 'granted'
  // the service denies either every property of a session or none, so one denial is enough
  if (Object.values(errors).some((error) => hasCode(error, 'access-denied'))) return 'public'
  return owner === undefined || errors.acl ? undefined : 'public'
}

/**
 * The sessions that a name selects: the caller's own; if there are none, those that the caller was granted access to; if
 * there are none either, those whose owner could not be read. Other users therefore cannot make the name of a session
 * ambiguous or take it over. Sessions that are only public are never selected by name.
 */
export function nearestRing<T extends Pick<Claim, 'ownership'>>(claims: readonly T[]): readonly T[] {
  for (const ring of ['own', 'granted', undefined] as const) {
    const members = claims.filter(({ownership}) => ownership === ring)
    if (members.length > 0) return members
  }

  return []
}

/**
 * Determines the ownership of sessions. Their snapshots must have `owner`; the access list is read only if the owner is
 * another user.
 */
export function claimsOf(sessions: readonly Session[]): Promise<Claim[]> {
  return Promise.all(mapLimited(sessions, (session) => claimOf(session)))
}

/** The same for one session. */
export async function claimOf(session: Session): Promise<Claim> {
  const {me} = session.source
  const {errors, values} = session.snapshot
  const isOther = values.owner !== undefined && values.owner !== me && values.acl === undefined
  const list = isOther ? await session.fetch(['acl']) : undefined
  const snapshot = {errors: {...errors, ...list?.errors}, values: {...values, ...list?.values}}
  return {ownership: ownershipOf(snapshot, me), session}
}

/** The uid of a user on the machine of a source; undefined if that machine has no such user. */
export type OwnerNamed = (source: SessionSource) => number | undefined

/** Whether a session belongs to a user. If its owner could not be read, it belongs to no user. */
export const isOwnedBy = ({snapshot, source}: Session, owner: OwnerNamed): boolean =>
  snapshot.values.owner !== undefined && snapshot.values.owner === owner(source)
