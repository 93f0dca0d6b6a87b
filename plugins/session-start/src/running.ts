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

/** An existing session of the profile. */
export interface Running {
  /** It has failed or ended, and can only be disconnected. */
  readonly isDead: boolean
  readonly session: Session
  readonly status: SessionStatus
}

/**
 * The caller's sessions of a profile, including those started from a copy of it, but not those of another saved profile
 * with the same name.
 * @throws Ovpn3Error
 */
export async function runningOf(source: SessionSource, from: StartFrom): Promise<readonly Running[]> {
  const found = await source.find({kind: 'config', name: from.name}, properties)
  failOnOutage(found)
  if (found.length === 0) return []
  const namesakes = 'path' in from ? ((await source.profiles?.({name: from.name})) ?? []) : []
  const otherPaths = new Set(namesakes.map(({path}) => path))
  if ('path' in from) otherPaths.delete(from.path)
  return found.flatMap((session) => {
    const {config_path: path, status} = session.snapshot.values
    const isOwn = ownershipOf(session.snapshot, source.me) === 'own'
    const isOtherProfile = path !== undefined && otherPaths.has(path)
    return isOwn && status && !isOtherProfile ? [{isDead: isDeadEnd(status), session, status}] : []
  })
}

/** The error for --if-running=restart if several sessions of the profile are running. */
export function ambiguous(alive: readonly Running[]): Ovpn3Error {
  return new Ovpn3Error('session-ambiguous', `several sessions of this profile are running: ${listed(alive)}`, {
    hint: `Run \`ovpn3 session-manage --restart --path ${shortId(alive[0]!.session.id)}\``,
  })
}

const listed = (running: readonly Running[]) =>
  running.map(({session, status}) => `${labelOf(session)}, ${statusText(status)}`).join('; ')

/**
 * The result if a session of the profile exists and must not be restarted.
 * @throws Ovpn3Error `session-running`
 */
export function alreadyRunning(running: readonly Running[], how: 'fail' | 'keep'): SessionResult {
  const alive = running.filter(({isDead}) => !isDead)
  const [first] = alive
  if (how === 'keep' && first) return result(first.session, 'unchanged', `already running: ${statusText(first.status)}`)
  const state = first ? `is already running: ${listed(alive)}` : `still exists: ${listed(running)}`
  throw new Ovpn3Error('session-running', `a session of this profile ${state}`, {
    hint: first
      ? 'Pass --if-running=keep to leave it alone, or --if-running=restart to reconnect it'
      : 'Pass --if-running=restart to replace it',
  })
}
