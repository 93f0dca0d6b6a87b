import type {Session, Snapshot} from './session'
import type {SessionSource} from './source'

import {hasCode} from './errors'
import {mapLimited} from './map-limited'

/**
 * Whose a session is to the caller: their own; of a user who granted them access; or merely public, which means that it
 * is listed. Others cannot read a public session, root can.
 */
export type Ownership = 'granted' | 'own' | 'public'

/** A session, and whose it is; undefined where that could not be read. */
export interface Claim {
  readonly ownership: Ownership | undefined
  readonly session: Session
}

/** Root reads every session; everybody else only own ones and those that they were granted access to. */
export const readsAll = (me: number) => me === 0

/**
 * Decides whose a session is by its owner and, where that is another user, its access list.
 * @param me the caller's uid, as the source of the session knows it
 */
export function ownershipOf({errors, values: {acl, owner}}: Snapshot, me: number): Ownership | undefined {
  if (owner === me) return 'own'
  if (acl?.includes(me)) return 'granted'
  // the service denies all of a session or nothing: a single denial tells
  if (Object.values(errors).some((error) => hasCode(error, 'access-denied'))) return 'public'
  return owner === undefined || errors.acl ? undefined : 'public'
}

/**
 * The sessions that a name stands for: own ones; where there are none, those of users who granted the caller access. So
 * nobody can make the name of another user's session ambiguous, or take its place. Merely public sessions are never
 * among them; those whose owner could not be read are where there is nothing else.
 */
export function nearestRing<T extends Pick<Claim, 'ownership'>>(claims: readonly T[]): readonly T[] {
  for (const ring of ['own', 'granted', undefined] as const) {
    const those = claims.filter(({ownership}) => ownership === ring)
    if (those.length > 0) return those
  }

  return []
}

/**
 * Finds out whose the sessions are. Their snapshots must have `owner`; the access list is read only where the owner is
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

/** The uid of a user on the machine of a source; undefined where that machine does not know the user. */
export type OwnerNamed = (source: SessionSource) => number | undefined

/** Whether a session belongs to a user. One whose owner could not be read belongs to nobody. */
export const isOwnedBy = ({snapshot, source}: Session, owner: OwnerNamed): boolean =>
  snapshot.values.owner !== undefined && snapshot.values.owner === owner(source)
