import {hasCode, type PropertyName, type Selector, type Session, statusText} from '@ovpn3/sessions'

import type {Candidate, LiveQuery} from './candidates'

import {sessionsOf} from '../hooks/session-resolver'
import {type Account, accounts, isPerson} from './accounts'

/** What each kind of value takes to be found and described. */
const properties: Readonly<Record<LiveQuery['values'], readonly PropertyName[]>> = {
  config: ['config_name', 'status'],
  interface: ['device_name', 'config_name'],
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
async function all({own, skip, values}: LiveQuery, timeIsUp: Promise<void>): Promise<readonly Session[]> {
  const resolved = await inTime(resolve({kind: 'all'}), timeIsUp)
  if (!resolved) return []
  const read = new Set([
    ...properties[values],
    ...(own ? (['owner'] as const) : []),
    ...(skip.size > 0 ? (['status'] as const) : []),
  ])
  await Promise.race([Promise.all(resolved.map((session) => session.look([...read]))), timeIsUp])
  return resolved.filter(({snapshot: {errors, values: known}}) => {
    // gone, or somebody else's; what has not been read yet may be of use
    if (Object.values(errors).some((error) => hasCode(error, 'session-stale', 'session-not-found', 'access-denied')))
      return false
    if (own && known.owner !== undefined && known.owner !== process.getuid!()) return false
    return known.status === undefined || !skip.has(known.status.minor)
  })
}

/** The session that the line selects; none where it selects none. */
async function selected(query: LiveQuery, timeIsUp: Promise<void>): Promise<readonly Session[]> {
  const selector = selectorOf(query)
  return (selector && (await inTime(resolve(selector, properties[query.values]), timeIsUp))) ?? []
}

async function resolve(selector: Selector, read: readonly PropertyName[] = []): Promise<readonly Session[]> {
  const {sessions} = await sessionsOf({onStall() {}, read, selector})
  return sessions
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
      return sessions.flatMap(({snapshot: {values: known}}) =>
        known.device_name ? {description: known.config_name, value: known.device_name} : [],
      )
    }

    default: {
      return sessions.map((session) => ({
        description: [session.snapshot.values.config_name, stateOf(session)].filter(Boolean).join(', '),
        value: typed.startsWith('/') ? session.path : session.id,
      }))
    }
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
