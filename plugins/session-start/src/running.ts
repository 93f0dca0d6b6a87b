import {
  failOnOutage,
  isDeadEnd,
  labelOf,
  Ovpn3Error,
  ownershipOf,
  type PropertyName,
  result,
  type Session,
  type SessionResult,
  type SessionSource,
  type SessionStatus,
  shortId,
  type StartFrom,
  statusText,
} from '@ovpn3/sessions'

const properties: readonly PropertyName[] = ['config_name', 'config_path', 'owner', 'statistics', 'status']

/** A session of the profile that is there already. */
export interface Running {
  /** It is at a dead end: it can only be disconnected. */
  readonly isOver: boolean
  readonly session: Session
  readonly status: SessionStatus
}

/**
 * The caller's sessions of a profile. One that was started from a copy of a saved profile counts, too; one of another
 * saved profile of that name does not.
 * @throws Ovpn3Error
 */
export async function runningOf(source: SessionSource, from: StartFrom): Promise<readonly Running[]> {
  const found = await source.find({kind: 'config', name: from.name}, properties)
  failOnOutage(found)
  if (found.length === 0) return []
  const namesakes = 'path' in from ? ((await source.profiles?.({name: from.name})) ?? []) : []
  const others = new Set(namesakes.map(({path}) => path))
  if ('path' in from) others.delete(from.path)
  return found.flatMap((session) => {
    const {config_path: path, status} = session.snapshot.values
    const isOwn = ownershipOf(session.snapshot, source.me) === 'own'
    const isOther = path !== undefined && others.has(path)
    return isOwn && status && !isOther ? [{isOver: isDeadEnd(status), session, status}] : []
  })
}

/** That it is not known which session is to be restarted. */
export function ambiguous(alive: readonly Running[]): Ovpn3Error {
  return new Ovpn3Error('session-ambiguous', `several sessions of this profile are running: ${listed(alive)}`, {
    hint: `Restart one of them: ovpn3 session-manage --restart --path ${shortId(alive[0]!.session.id)}`,
  })
}

const listed = (running: readonly Running[]) =>
  running.map(({session, status}) => `${labelOf(session)}, ${statusText(status)}`).join('; ')

/**
 * What is said where a session of the profile is there and is not to be restarted.
 * @throws Ovpn3Error `session-running`
 */
export function alreadyRunning(running: readonly Running[], how: 'fail' | 'keep'): SessionResult {
  const alive = running.filter(({isOver}) => !isOver)
  const [first] = alive
  if (how === 'keep' && first) return result(first.session, 'unchanged', `running already: ${statusText(first.status)}`)
  const there = first ? `running already: ${listed(alive)}` : `still there: ${listed(running)}`
  throw new Ovpn3Error('session-running', `a session of this profile is ${there}`, {
    hint: first
      ? 'Pass --if-running=keep to leave it alone, or --if-running=restart to reconnect it'
      : 'Pass --if-running=restart to replace it',
  })
}
