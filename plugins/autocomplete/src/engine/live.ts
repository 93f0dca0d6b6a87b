import {selectorFor} from '@ovpn3/kit/flags'
import {
  type Claim,
  claimOf,
  hasCode,
  heldDevice,
  isGone,
  nearestRing,
  type PropertyName,
  readsAll,
  type Selector,
  type Session,
  type SessionSource,
  statusText,
  waitsForInput,
} from '@ovpn3/sessions'

import type {Candidate, LiveQuery} from './candidates'

import {type Account, accounts, isPerson} from './accounts'
import {files} from './files'

/** What answers the hook `session-resolver`. */
export type Resolver = (options: {onStall(): void}) => Promise<readonly SessionSource[] | SessionSource | undefined>

/** What live values are found with. */
interface Means {
  readonly resolvers: readonly Resolver[]
  /** Never rejects. What was found by then is what is offered. */
  readonly timeIsUp: Promise<void>
}

/** Values that are not of sessions. */
type OtherValues = 'file' | 'profile' | 'profile-path'

/** A query about sessions. */
type SessionQuery = LiveQuery & {readonly values: Exclude<LiveQuery['values'], OtherValues>}

const isAboutSessions = (query: LiveQuery): query is SessionQuery =>
  query.values !== 'file' && query.values !== 'profile' && query.values !== 'profile-path'

/** What each kind of value takes to be found and described. */
const properties: Readonly<Record<Exclude<LiveQuery['values'], OtherValues>, readonly PropertyName[]>> = {
  'any-session': ['config_name', 'device_name', 'status'],
  'auth-request': ['backend_pid', 'config_name', 'status'],
  config: ['config_name', 'status'],
  interface: ['device_name', 'config_name', 'status'],
  owner: ['owner'],
  session: ['config_name', 'status'],
  user: ['acl', 'owner'],
  'user-with-access': ['acl', 'owner'],
}

export async function liveCandidates(query: LiveQuery, means: Means): Promise<readonly Candidate[]> {
  if (!isAboutSessions(query)) return otherValues(query, means)
  const {timeIsUp} = means
  const {values} = query
  const selector = selectorOf(query)
  if (values === 'user') {
    const having = selector.kind === 'all' ? [] : usefulSessions(query, selector, means)
    // they can be granted access, whether it can be said who has it or not
    const [everybody = [], sessions] = await Promise.all([inTime(accounts(), timeIsUp), having])
    return usersToGrant(query, everybody, sessions)
  }

  if (values === 'any-session') return anySession(query, await usefulClaims(query, selector, means))
  const sessions = await usefulSessions(query, selector, means)
  if (values !== 'owner' && values !== 'user-with-access') return sessionValues(query, sessions)
  const property = values === 'owner' ? 'owner' : 'acl'
  const uids = [...new Set(sessions.flatMap<number>(({snapshot}) => snapshot.values[property] ?? []))]
  const known = uids.length > 0 ? await inTime(accounts(uids), timeIsUp) : []
  return usersOf(query, uids, known ?? [])
}

/** Users are those of the session that the line selects; all else is looked for in all sessions. */
function selectorOf(query: LiveQuery): Selector {
  if (query.values === 'user' || query.values === 'user-with-access') {
    const {config, interface: device, path} = query.session === undefined ? query : selectedBy(query.session)
    if (path !== undefined) return {kind: 'path', path}
    if (config !== undefined) return {kind: 'config', name: config}
    if (device !== undefined) return {device, kind: 'interface'}
  }

  return {kind: 'all'}
}

/** What the argument SESSION probably is. */
function selectedBy(word: string): Pick<LiveQuery, 'config' | 'interface' | 'path'> {
  const [option, value] = selectorFor(word)
  return {[option.slice('--'.length)]: value}
}

/** The sessions that apply to the option. */
async function usefulSessions(query: SessionQuery, selector: Selector, means: Means): Promise<readonly Session[]> {
  return nearest(query, selector, await usefulClaims(query, selector, means))
}

/** The sessions that apply to the option, wherever their names resolve to. */
async function usefulClaims(query: SessionQuery, selector: Selector, means: Means): Promise<readonly Claim[]> {
  const {owner, own, skip, values} = query
  const [claims, uid] = await Promise.all([
    claimsOf(query, selector, means),
    owner === undefined ? undefined : inTime(uidOf(owner), means.timeIsUp),
  ])
  return claims.filter(({ownership, session: {snapshot}}) => {
    // gone, or another user's; what has not been read yet may apply
    if (Object.values(snapshot.errors).some((error) => isGone(error) || hasCode(error, 'access-denied'))) return false
    // of a session that the line names it is known who may use it, whosever it is
    if (own && selector.kind === 'all' && ownership !== undefined && ownership !== 'own') return false
    if (owner !== undefined && values !== 'owner' && snapshot.values.owner !== uid) return false
    return snapshot.values.status === undefined || !skip.has(snapshot.values.status.minor)
  })
}

/** The sessions that their names resolve to. */
function nearest({owner, values}: SessionQuery, selector: Selector, useful: readonly Claim[]): readonly Session[] {
  const nameOf = selector.kind === 'all' ? ringed[values] : () => selector.kind
  if (!nameOf || owner !== undefined || selector.kind === 'path') return useful.map(({session}) => session)
  return [...new Set(useful.map(({session}) => nameOf(session)))].flatMap((name) =>
    nearestRing(useful.filter(({session}) => nameOf(session) === name)).map(({session}) => session),
  )
}

/** Names and devices; ids where they have begun, and of sessions that no name tells apart. */
function anySession(query: SessionQuery, useful: readonly Claim[]): Candidate[] {
  const as = (values: 'config' | 'interface') => {
    const one = {...query, values}
    return sessionValues(one, nearest(one, {kind: 'all'}, useful))
  }

  const sessions = useful.map(({session}) => session)
  const nameOf = ({snapshot}: Session) => snapshot.values.config_name
  const byId = sessions.filter(
    (session) =>
      query.typed !== '' ||
      nameOf(session) === undefined ||
      sessions.some((other) => other !== session && nameOf(other) === nameOf(session)),
  )
  const found = [...as('config'), ...as('interface'), ...sessionValues({...query, values: 'session'}, byId)]
  return found.filter(({value}, i) => found.findIndex((other) => other.value === value) === i)
}

/** What resolves in rings, and to what it is that a session is found by. */
const ringed: Partial<Record<LiveQuery['values'], (session: Session) => string | undefined>> = {
  'auth-request': ({snapshot}) => String(snapshot.values.backend_pid),
  config: ({snapshot}) => snapshot.values.config_name,
  interface: ({snapshot}) => snapshot.values.device_name,
}

/** The sessions of all sources, with what could be read of them in time. A source that fails adds none. */
async function claimsOf(query: SessionQuery, selector: Selector, means: Means): Promise<Claim[]> {
  return fromSources(means, async (source) => {
    const sessions = await orEmpty(() => source.find(selector, []), means)
    return claimsAmong(sessions, propertiesFor(query, selector, source), means.timeIsUp)
  })
}

/** What all sources have together. */
async function fromSources<T>(means: Means, question: (source: SessionSource) => Promise<readonly T[]>): Promise<T[]> {
  const answers = means.resolvers.map(async (resolver) => {
    const sources = await orEmpty(async () => [(await resolver({onStall() {}})) ?? []].flat(), means)
    return (await Promise.all(sources.map((source) => question(source)))).flat()
  })
  return (await Promise.all(answers)).flat()
}

/** The values, or an empty list if the work fails or takes too long. */
async function orEmpty<T>(work: () => Promise<readonly T[]>, {timeIsUp}: Means): Promise<readonly T[]> {
  try {
    return (await inTime(work(), timeIsUp)) ?? []
  } catch (error) {
    if (process.env.DEBUG) console.error(error)
    return []
  }
}

/** Files, or the names or paths of saved profiles that a session can be started from. */
async function otherValues({typed, values}: LiveQuery, means: Means): Promise<readonly Candidate[]> {
  // a path is no name of a profile
  if (values === 'file' || (values === 'profile' && /[./]/.test(typed))) return orEmpty(() => files(typed), means)
  const profiles = await fromSources(means, (source) =>
    orEmpty(async () => (source.start ? ((await source.profiles?.()) ?? []) : []), means),
  )
  if (values === 'profile-path') return profiles.map(({name, path}) => ({description: name, value: path}))
  return [...new Set(profiles.map(({name}) => name))].map((value) => {
    const namesakes = profiles.filter(({name}) => name === value).length
    return {description: namesakes > 1 ? `${namesakes} profiles` : 'saved profile', value}
  })
}

/** What has to be known of the sessions of a source. */
function propertiesFor(
  {owner, own, skip, values}: SessionQuery,
  selector: Selector,
  {me}: SessionSource,
): PropertyName[] {
  // what others may read is theirs, or granted: they need not be asked whose it is
  const byOwner =
    own ||
    owner !== undefined ||
    selector.kind !== 'all' ||
    ((values in ringed || values === 'any-session') && readsAll(me))
  const more = [...(byOwner ? (['owner'] as const) : []), ...(skip.size > 0 ? (['status'] as const) : [])]
  return [...new Set<PropertyName>([...properties[values], ...more])]
}

/** Whose the sessions are, and what is shown of them, as far as that is known when the time is up. */
async function claimsAmong(
  sessions: readonly Session[],
  read: readonly PropertyName[],
  timeIsUp: Promise<void>,
): Promise<readonly Claim[]> {
  const claims = sessions.map((session): Claim => ({ownership: undefined, session}))
  const reading = claims.map(async ({session}, i) => {
    await session.refresh(read)
    if (read.includes('owner')) claims[i] = await claimOf(session)
  })
  await inTime(Promise.all(reading), timeIsUp)
  return claims
}

async function uidOf(user: string): Promise<number | undefined> {
  return /^\d+$/.test(user) ? Number(user) : (await accounts([user]))[0]?.uid
}

async function inTime<T>(work: Promise<T>, timeIsUp: Promise<void>): Promise<T | undefined> {
  return Promise.race([work, timeIsUp.then((): undefined => {})])
}

/** Backend pids, paths, ids, profile names or network interfaces of sessions. */
function sessionValues({typed, values}: LiveQuery, sessions: readonly Session[]): Candidate[] {
  switch (values) {
    case 'auth-request':
      return sessions.flatMap((session) => {
        const {backend_pid: pid, status} = session.snapshot.values
        return pid !== undefined && status && waitsForInput(status)
          ? [{description: nameAndState(session), value: String(pid)}]
          : []
      })
    case 'config': {
      const names = sessions.flatMap(({snapshot}) => snapshot.values.config_name ?? [])
      return [...new Set(names)].map((value) => {
        const those = sessions.filter(({snapshot}) => snapshot.values.config_name === value)
        return {description: those.length > 1 ? `${those.length} sessions` : stateOf(those[0]!), value}
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
        description: nameAndState(session),
        value: typed.startsWith('/') ? session.path : session.id,
      }))
  }
}

function nameAndState(session: Session): string {
  return [session.snapshot.values.config_name, stateOf(session)].filter(Boolean).join(', ')
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
