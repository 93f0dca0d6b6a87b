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
  type ResolvedSessions,
  type Selector,
  type Session,
  statusText,
} from '@ovpn3/sessions'

import type {Candidate, LiveQuery} from './candidates'

import {type Account, accounts, isPerson} from './accounts'

/** What answers the hook `session-resolver`. */
export type Resolver = (options: {
  readonly request: {onStall(): void; readonly read: readonly PropertyName[]; readonly selector: Selector}
}) => Promise<ResolvedSessions | undefined>

/** What live values are found with. */
interface Means {
  readonly resolvers: readonly Resolver[]
  /** Never rejects. What was found by then is what is offered. */
  readonly timeIsUp: Promise<void>
}

/** What each kind of value takes to be found and described. */
const properties: Readonly<Record<LiveQuery['values'], readonly PropertyName[]>> = {
  config: ['config_name', 'status'],
  interface: ['device_name', 'config_name', 'status'],
  owner: ['owner'],
  session: ['config_name', 'status'],
  user: ['acl', 'owner'],
  'user-with-access': ['acl', 'owner'],
}

export async function liveCandidates(query: LiveQuery, means: Means): Promise<Candidate[]> {
  const {timeIsUp} = means
  const {values} = query
  switch (values) {
    case 'owner':
    case 'user-with-access': {
      const useSelected = values === 'user-with-access' && selectorOf(query)
      const sessions = await (useSelected ? selected : all)(query, means)
      const property = values === 'owner' ? 'owner' : 'acl'
      const uids = [...new Set(sessions.flatMap<number>(({snapshot}) => snapshot.values[property] ?? []))]
      const known = uids.length > 0 ? await inTime(accounts(uids), timeIsUp) : []
      return usersOf(query, uids, known ?? [])
    }

    case 'user': {
      // they can be granted access, whether it can be said who has it or not
      const [everybody = [], sessions] = await Promise.all([inTime(accounts(), timeIsUp), selected(query, means)])
      return usersToGrant(query, everybody, sessions)
    }

    default:
      return sessionValues(query, await all(query, means))
  }
}

/** The sessions that are of use. */
async function all(query: LiveQuery, means: Means): Promise<readonly Session[]> {
  const {owner, own, skip, values} = query
  const meant = owner === undefined ? undefined : uidOf(owner)
  const claims = await fromEach(means, {kind: 'all'}, [], (found) => claimsAmong(found, query, means.timeIsUp))
  const uid = await (meant && inTime(meant, means.timeIsUp))
  const useful = claims.filter(({ownership, session: {snapshot}}) => {
    // gone, or another user's; what has not been read yet may be of use
    if (Object.values(snapshot.errors).some((error) => isGone(error) || hasCode(error, 'access-denied'))) return false
    if (own && ownership !== undefined && ownership !== 'own') return false
    if (owner !== undefined && values !== 'owner' && snapshot.values.owner !== uid) return false
    return snapshot.values.status === undefined || !skip.has(snapshot.values.status.minor)
  })
  const group = owner === undefined ? ringed[values] : undefined
  if (!group) return useful.map(({session}) => session)
  return [...new Set(useful.map((claim) => group(claim.session)))].flatMap((name) =>
    nearestRing(useful.filter(({session}) => group(session) === name)).map(({session}) => session),
  )
}

/** The sessions of a source, with what could be read of them in time. */
async function claimsAmong(
  {me, sessions}: ResolvedSessions,
  {owner, own, skip, values}: LiveQuery,
  timeIsUp: Promise<void>,
): Promise<readonly Claim[]> {
  // what others may read is theirs, or granted: they need not be asked whose it is
  const byOwner = own || owner !== undefined || (values in ringed && readsAll(me))
  const read = new Set<PropertyName>([
    ...properties[values],
    ...(byOwner ? (['owner'] as const) : []),
    ...(skip.size > 0 ? (['status'] as const) : []),
  ])
  const claims = sessions.map((session): Claim => ({ownership: undefined, session}))
  const refresh = async ({session}: Claim, i: number) => {
    await session.refresh([...read])
    if (byOwner) claims[i] = await claimOf(session, me)
  }

  await inTime(Promise.all(claims.map((claim, i) => refresh(claim, i))), timeIsUp)
  return claims
}

/** What resolves in rings, and to what it is that a session is found by. */
const ringed: Partial<Record<LiveQuery['values'], (session: Session) => string | undefined>> = {
  config: ({snapshot}) => snapshot.values.config_name,
  interface: ({snapshot}) => snapshot.values.device_name,
}

/** The session that the line selects; none where it selects none. */
async function selected(query: LiveQuery, means: Means): Promise<readonly Session[]> {
  const {owner, path, values} = query
  const selector = selectorOf(query)
  if (!selector) return []
  const byRing = path === undefined && owner === undefined
  const claims = await fromEach(means, selector, properties[values], async ({me, sessions}) =>
    byRing
      ? ((await inTime(
          claimsOf(sessions, () => me),
          means.timeIsUp,
        )) ?? [])
      : sessions.map((session): Claim => ({ownership: undefined, session})),
  )
  const sessions = nearestRing(claims).map(({session}) => session)
  if (path !== undefined || owner === undefined) return sessions
  const uid = await inTime(uidOf(owner), means.timeIsUp)
  return sessions.filter(({snapshot}) => snapshot.values.owner === uid)
}

/** What is made of each answer to the hook, in time. One that fails adds nothing. */
async function fromEach<T>(
  {resolvers, timeIsUp}: Means,
  selector: Selector,
  read: readonly PropertyName[],
  use: (answer: ResolvedSessions) => Promise<readonly T[]>,
): Promise<T[]> {
  const made = await Promise.all(
    resolvers.map(async (resolver) => {
      try {
        const answer = await inTime(resolver({request: {onStall() {}, read, selector}}), timeIsUp)
        return answer ? await use(answer) : []
      } catch (error) {
        if (process.env.DEBUG) console.error(error)
        return []
      }
    }),
  )
  return made.flat()
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
function sessionValues({typed, values}: LiveQuery, sessions: readonly Session[]): Candidate[] {
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
function usersToGrant(
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
function usersOf({taken}: LiveQuery, uids: readonly number[], known: readonly Account[]): Candidate[] {
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
