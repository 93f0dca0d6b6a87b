import type {Session} from './session'

import {type Claim, ownershipOf} from './ownership'
import {paced} from './paced'

/**
 * Finds out whose the sessions are. Their snapshots must have `owner`; the access list is read only where the owner is
 * another user.
 */
export function claimsOf(sessions: readonly Session[]): Promise<Claim[]> {
  return Promise.all(paced(sessions, (session) => claimOf(session)))
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
