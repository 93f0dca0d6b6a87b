import {defaultConnectTimeout, selectorFor} from '@ovpn3/kit/flags'
import {
  type Account,
  type Claim,
  claimOf,
  hasCode,
  heldDevice,
  isGone,
  nearestRing,
  ofHosts,
  type PropertyName,
  readsAll,
  type Selector,
  type Session,
  type SessionSource,
  statusText,
  waitsForInput,
} from '@ovpn3/sessions'

import type {Candidate, LiveQuery} from './candidates'

import {accounts, isPerson} from './accounts'
import {files} from './files'
import {sshHosts} from './hosts'

/** An implementation of the hook `session-resolver`. */
export type Resolver = (options: {
  readonly connectTimeout: number
  readonly hosts: readonly string[]
  onStall(): void
}) => Promise<readonly SessionSource[] | SessionSource | undefined>

/** The sources of live values, and the time limit for them. */
interface Means {
  readonly resolvers: readonly Resolver[]
  /** Resolves when the candidates that were found by then must be offered. Never rejects. */
  readonly timeIsUp: Promise<void>
}

/** Kinds of values that are not read from sessions. */
type OtherValues = 'file' | 'host' | 'profile' | 'profile-path'

/** A query about sessions. */
type SessionQuery = LiveQuery & {readonly values: Exclude<LiveQuery['values'], OtherValues>}

const isAboutSessions = (query: LiveQuery): query is SessionQuery =>
  query.values !== 'file' && query.values !== 'host' && query.values !== 'profile' && query.values !== 'profile-path'

/** The properties that each kind of value and its description need. */
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
    const selecting = selector.kind === 'all' ? [] : applicableSessions(query, selector, means)
    // offer users even if the access list of the session cannot be read
    const [users = [], sessions] = await Promise.all([
      query.hosts.length === 0 ? inTime(accounts(), timeIsUp) : [],
      selecting,
    ])
    return usersToGrant(query, users, sessions)
  }

  if (values === 'any-session') return anySession(query, await applicableClaims(query, selector, means))
  const sessions = await applicableSessions(query, selector, means)
  if (values !== 'owner' && values !== 'user-with-access') return sessionValues(query, sessions)
  const property = values === 'owner' ? 'owner' : 'acl'
  const uids = [...new Set(sessions.flatMap<number>(({snapshot}) => snapshot.values[property] ?? []))]
  const known = uids.length > 0 ? await inTime(accountsOf(uids, sessions, query), timeIsUp) : []
  return usersOf(query, uids, known ?? [])
}

/** For users, the session that the line selects; for other values, all sessions. */
function selectorOf(query: LiveQuery): Selector {
  if (query.values === 'user' || query.values === 'user-with-access') {
    const {config, interface: device, path} = query.session === undefined ? query : selectedBy(query.session)
    if (path !== undefined) return {kind: 'path', path}
    if (config !== undefined) return {kind: 'config', name: config}
    if (device !== undefined) return {device, kind: 'interface'}
  }

  return {kind: 'all'}
}

/** The option that the argument SESSION probably stands for. */
function selectedBy(word: string): Pick<LiveQuery, 'config' | 'interface' | 'path'> {
  const [option, value] = selectorFor(word)
  return {[option.slice('--'.length)]: value}
}

/** The sessions that apply to the option. */
async function applicableSessions(query: SessionQuery, selector: Selector, means: Means): Promise<readonly Session[]> {
  return nearest(query, selector, await applicableClaims(query, selector, means))
}

/** The sessions that apply to the option, before names are resolved in rings. */
async function applicableClaims(query: SessionQuery, selector: Selector, means: Means): Promise<readonly Claim[]> {
  const {owner, own, skip, values} = query
  const [claims, uid] = await Promise.all([
    claimsOf(query, selector, means),
    owner === undefined ? undefined : inTime(uidOf(owner), means.timeIsUp),
  ])
  return claims.filter(({ownership, session: {snapshot}}) => {
    // a session that ended or denies reading does not apply; one that was not read in time may apply
    if (Object.values(snapshot.errors).some((error) => isGone(error) || hasCode(error, 'access-denied'))) return false
    // a session that the line selects applies, even if it is another user's
    if (own && selector.kind === 'all' && ownership !== undefined && ownership !== 'own') return false
    if (owner !== undefined && values !== 'owner' && snapshot.values.owner !== uid) return false
    return snapshot.values.status === undefined || !skip.has(snapshot.values.status.minor)
  })
}

/** The sessions that their names resolve to: own ones before those of other users. */
function nearest({owner, values}: SessionQuery, selector: Selector, claims: readonly Claim[]): readonly Session[] {
  const nameOf = selector.kind === 'all' ? ringed[values] : () => selector.kind
  if (!nameOf || owner !== undefined || selector.kind === 'path') return claims.map(({session}) => session)
  return [...new Set(claims.map(({session}) => nameOf(session)))].flatMap((name) =>
    nearestRing(claims.filter(({session}) => nameOf(session) === name)).map(({session}) => session),
  )
}

/** Profile names and devices. IDs too, for sessions without a unique name, or if a part was typed. */
function anySession(query: SessionQuery, claims: readonly Claim[]): Candidate[] {
  const as = (values: 'config' | 'interface') => {
    const one = {...query, values}
    return sessionValues(one, nearest(one, {kind: 'all'}, claims))
  }

  const sessions = claims.map(({session}) => session)
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

/** The values that resolve in rings, with the key of a session under which each is found. */
const ringed: Partial<Record<LiveQuery['values'], (session: Session) => string | undefined>> = {
  'auth-request': ({snapshot}) => String(snapshot.values.backend_pid),
  config: ({snapshot}) => snapshot.values.config_name,
  interface: ({snapshot}) => snapshot.values.device_name,
}

/** The sessions of all sources, with the properties that were read in time. Sources that fail are omitted. */
async function claimsOf(query: SessionQuery, selector: Selector, means: Means): Promise<Claim[]> {
  return fromSources(query.hosts, means, async (source) => {
    const sessions = await valuesOrNone(() => source.find(selector, []), means)
    // a source that failed does not know its caller
    return sessions.length === 0 ? [] : claimsAmong(sessions, propertiesFor(query, selector, source), means.timeIsUp)
  })
}

/** The combined values of all sources. */
async function fromSources<T>(
  hosts: readonly string[],
  means: Means,
  query: (source: SessionSource) => Promise<readonly T[]>,
): Promise<T[]> {
  const answers = means.resolvers.map(async (resolver) => {
    const options = {connectTimeout: defaultConnectTimeout, hosts, onStall() {}}
    const sources = await valuesOrNone(async () => [(await resolver(options)) ?? []].flat(), means)
    return (await Promise.all(ofHosts(sources, hosts).map((source) => query(source)))).flat()
  })
  return (await Promise.all(answers)).flat()
}

/** The values; empty if the work fails or takes too long. */
async function valuesOrNone<T>(work: () => Promise<readonly T[]>, {timeIsUp}: Means): Promise<readonly T[]> {
  try {
    return (await inTime(work(), timeIsUp)) ?? []
  } catch (error) {
    if (process.env.DEBUG) console.error(error)
    return []
  }
}

/** The accounts of users of sessions, on the machines of these. */
async function accountsOf(
  uids: readonly number[],
  sessions: readonly Session[],
  {hosts}: SessionQuery,
): Promise<Account[]> {
  if (hosts.length === 0) return accounts(uids)
  const [source] = sessions.map((session) => session.source)
  const names = await Promise.all(uids.map((uid) => source?.users?.nameOf(uid)))
  return names.flatMap((name, i) => (name === undefined ? [] : [{fullName: '', name, uid: uids[i]!}]))
}

/** Files, or the names or paths of saved profiles that a session can be started from. */
async function otherValues({hosts, typed, values}: LiveQuery, means: Means): Promise<readonly Candidate[]> {
  if (values === 'host') return valuesOrNone(() => sshHosts(typed), means)
  // a word with `.` or `/` is the path of a profile file
  if (values === 'file' || (values === 'profile' && /[./]/.test(typed))) return valuesOrNone(() => files(typed), means)
  const profiles = await fromSources(hosts, means, (source) =>
    valuesOrNone(async () => (source.start ? ((await source.profiles?.()) ?? []) : []), means),
  )
  if (values === 'profile-path') return profiles.map(({name, path}) => ({description: name, value: path}))
  return [...new Set(profiles.map(({name}) => name))].map((value) => {
    const namesakes = profiles.filter(({name}) => name === value).length
    return {description: namesakes > 1 ? `${namesakes} profiles` : 'saved profile', value}
  })
}

/** The properties to read of the sessions of a source. */
function propertiesFor(
  {owner, own, skip, values}: SessionQuery,
  selector: Selector,
  {me}: SessionSource,
): PropertyName[] {
  // only root can read sessions that are neither own nor granted, so other callers skip reading the owner
  const needsOwner =
    own ||
    owner !== undefined ||
    selector.kind !== 'all' ||
    ((values in ringed || values === 'any-session') && readsAll(me))
  const more = [...(needsOwner ? (['owner'] as const) : []), ...(skip.size > 0 ? (['status'] as const) : [])]
  return [...new Set<PropertyName>([...properties[values], ...more])]
}

/** The sessions with their ownership and properties, as far as they were read in time. */
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

/** Backend pids, paths, IDs, profile names or devices of sessions. */
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
        const namesakes = sessions.filter(({snapshot}) => snapshot.values.config_name === value)
        return {description: namesakes.length > 1 ? `${namesakes.length} sessions` : stateOf(namesakes[0]!), value}
      })
    }

    case 'interface': {
      const shown = sessions.flatMap(({snapshot: {values: known}}) =>
        known.device_name ? [{held: heldDevice(known), value: known.device_name, description: known.config_name}] : [],
      )
      // several sessions can show the same device, but at most one holds it
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

/** Users who can be granted access: people, and service accounts only if a part of the name was typed. */
function usersToGrant({taken, typed}: LiveQuery, users: readonly Account[], sessions: readonly Session[]): Candidate[] {
  const withAccess = new Set(sessions.flatMap(({snapshot: {values}}) => [values.owner, ...(values.acl ?? [])]))
  return users
    .filter(
      (account) => (typed !== '' || isPerson(account)) && !withAccess.has(account.uid) && !taken.includes(account.name),
    )
    .map((account) => candidateOf(account))
}

/** Owners of sessions, or users whose access can be revoked. */
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
