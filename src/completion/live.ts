import {
  type Claim,
  claimOf,
  claimsOf,
  hasCode,
  heldDevice,
  isGone,
  nearestRing,
  type PropertyName,
  readsAll,
  type Selector,
  type Session,
  statusText,
} from '@ovpn3/sessions'

import type {Candidate, LiveQuery} from './candidates'

import {localSource} from '../hooks/session-resolver'
import {type Account, accounts, isPerson} from './accounts'

/** What each kind of value takes to be found and described. */
const properties: Readonly<Record<LiveQuery['values'], readonly PropertyName[]>> = {
  config: ['config_name', 'status'],
  interface: ['device_name', 'config_name', 'status'],
  owner: ['owner'],
  session: ['config_name', 'status'],
  user: ['acl', 'owner'],
  'user-with-access': ['acl', 'owner'],
}

/** What was found when the time is up is what is offered. @param timeIsUp never rejects */
export async function liveCandidates(query: LiveQuery, timeIsUp: Promise<void>): Promise<Candidate[]> {
  const {values} = query
  if (values === 'user') {
    const having = selected(query, timeIsUp).catch(() => [])
    // they can be granted access, whether it can be said who has it or not
    const [everybody, sessions] = await Promise.all([inTime(accounts(), timeIsUp), having])
    return usersToGrant(query, everybody ?? [], sessions)
  }

  const sessions = await (values === 'user-with-access' && selectorOf(query) ? selected : all)(query, timeIsUp)
  if (values === 'owner' || values === 'user-with-access') {
    const property = values === 'owner' ? 'owner' : 'acl'
    const uids = [...new Set(sessions.flatMap<number>(({snapshot}) => snapshot.values[property] ?? []))]
    const known = uids.length > 0 ? await inTime(accounts(uids), timeIsUp) : []
    return usersOf(query, uids, known ?? [])
  }

  return sessionValues(query, sessions)
}

/** The sessions that are of use. */
async function all(query: LiveQuery, timeIsUp: Promise<void>): Promise<readonly Session[]> {
  const {owner: user, own, skip, values} = query
  const sessions = await inTime(resolve({kind: 'all'}), timeIsUp)
  if (!sessions) return []
  const owner = user === undefined ? undefined : uidOf(user)
  // what others may read is theirs, or granted: they need not be asked whose it is
  const byOwner = own || user !== undefined || (values in ringed && sessions.some(({source}) => readsAll(source.me)))
  const read = new Set<PropertyName>([
    ...properties[values],
    ...(byOwner ? (['owner'] as const) : []),
    ...(skip.size > 0 ? (['status'] as const) : []),
  ])
  const claims = new Map<Session, Claim>(sessions.map((session) => [session, {ownership: undefined, session}]))
  const refresh = async (session: Session) => {
    await session.refresh([...read])
    if (byOwner) claims.set(session, await claimOf(session))
  }

  await Promise.race([Promise.all(sessions.map((session) => refresh(session))), timeIsUp])
  const meant = await inTime(Promise.resolve(owner), timeIsUp)
  const useful = [...claims.values()].filter(({ownership, session: {snapshot}}) => {
    // gone, or another user's; what has not been read yet may be of use
    if (Object.values(snapshot.errors).some((error) => isGone(error) || hasCode(error, 'access-denied'))) return false
    if (own && ownership !== undefined && ownership !== 'own') return false
    if (user !== undefined && values !== 'owner' && snapshot.values.owner !== meant) return false
    return snapshot.values.status === undefined || !skip.has(snapshot.values.status.minor)
  })
  const group = user === undefined ? ringed[values] : undefined
  if (!group) return useful.map(({session}) => session)
  return [...new Set(useful.map((claim) => group(claim.session)))].flatMap((name) =>
    nearestRing(useful.filter(({session}) => group(session) === name)).map(({session}) => session),
  )
}

/** What resolves in rings, and to what it is that a session is found by. */
const ringed: Partial<Record<LiveQuery['values'], (session: Session) => string | undefined>> = {
  config: ({snapshot}) => snapshot.values.config_name,
  interface: ({snapshot}) => snapshot.values.device_name,
}

/** The session that the line selects; none where it selects none. */
async function selected(query: LiveQuery, timeIsUp: Promise<void>): Promise<readonly Session[]> {
  const selector = selectorOf(query)
  const found = selector && (await inTime(resolve(selector, properties[query.values]), timeIsUp))
  if (!found || selector.kind === 'path') return found ?? []
  if (query.owner !== undefined) {
    const owner = await inTime(uidOf(query.owner), timeIsUp)
    return found.filter(({snapshot}) => snapshot.values.owner === owner)
  }

  const claims = await inTime(claimsOf(found), timeIsUp)
  return nearestRing(claims ?? []).map(({session}) => session)
}

function resolve(selector: Selector, read: readonly PropertyName[] = []): Promise<readonly Session[]> {
  return localSource().find(selector, read)
}

async function uidOf(user: string): Promise<number | undefined> {
  return /^\d+$/.test(user) ? Number(user) : (await accounts([user]))[0]?.uid
}

function selectorOf({config, interface: device, path}: LiveQuery): Selector | undefined {
  if (path !== undefined) return {kind: 'path', path}
  if (config !== undefined) return {kind: 'config', name: config}
  return device === undefined ? undefined : {device, kind: 'interface'}
}

async function inTime<T>(work: Promise<T>, timeIsUp: Promise<void>): Promise<T | undefined> {
  return Promise.race([work, timeIsUp.then((): undefined => {})])
}

/** Paths, ids, profile names or network interfaces of sessions. */
export function sessionValues({typed, values}: LiveQuery, sessions: readonly Session[]): Candidate[] {
  switch (values) {
    case 'config': {
      const named = sessions.flatMap((session) => {
        const name = session.snapshot.values.config_name
        return name === undefined ? [] : [[name, session] as const]
      })
      return [...new Set(named.map(([name]) => name))].map((value) => {
        const those = named.filter(([name]) => name === value)
        return {
          description: those.length > 1 ? `${those.length} sessions` : stateOf(those[0]![1]),
          value,
        }
      })
    }

    case 'interface': {
      const shown = sessions.flatMap(({snapshot: {values: known}}) =>
        known.device_name ? [{held: heldDevice(known), value: known.device_name, description: known.config_name}] : [],
      )
      // of several that show a device one at most has it
      return shown
        .filter(({held, value}) => held || !shown.some((other) => other.held === value))
        .map(({description, value}) => ({description, value}))
    }

    default:
      return sessions.map((session) => ({
        description: [session.snapshot.values.config_name, stateOf(session)].filter(Boolean).join(', '),
        value: typed.startsWith('/') ? session.path : session.id,
      }))
  }
}

function stateOf({snapshot: {values}}: Session): string | undefined {
  return values.status && statusText(values.status)
}

/** Who may be granted access: people; services, such as that of a monitor, once their name has begun. */
export function usersToGrant(
  {taken, typed}: LiveQuery,
  everybody: readonly Account[],
  sessions: readonly Session[],
): Candidate[] {
  const having = new Set(sessions.flatMap(({snapshot: {values}}) => [values.owner, ...(values.acl ?? [])]))
  return everybody
    .filter(
      (account) => (typed !== '' || isPerson(account)) && !having.has(account.uid) && !taken.includes(account.name),
    )
    .map((account) => candidateOf(account))
}

/** Users of sessions: those who own them, or those whose access can be revoked. */
export function usersOf({taken}: LiveQuery, uids: readonly number[], known: readonly Account[]): Candidate[] {
  return uids
    .map((uid): Candidate => {
      const account = known.find((each) => each.uid === uid)
      return account ? candidateOf(account) : {value: String(uid)}
    })
    .filter(({value}) => !taken.includes(value))
}

function candidateOf({fullName, name, uid}: Account): Candidate {
  return {description: fullName || `uid ${uid}`, value: name}
}
