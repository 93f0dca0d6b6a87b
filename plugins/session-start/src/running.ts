import {
  failOnOutage,
  isDeadEnd,
  labelOf,
  Ovpn3Error,
  ownershipOf,
  type PropertyName,
  type Session,
  type SessionSource,
  type SessionStatus,
  shortId,
  sleep,
  type StartFrom,
  StatusMinor,
  statusText,
  unlessAborted,
} from '@ovpn3/sessions'

const properties: readonly PropertyName[] = ['config_name', 'config_path', 'owner', 'statistics', 'status']

/** The statuses of a session before its connection starts. */
const starting: ReadonlySet<number> = new Set([
  StatusMinor.unset,
  StatusMinor.configOk,
  StatusMinor.initialised,
  StatusMinor.newSession,
  StatusMinor.backendCompleted,
  StatusMinor.processStarted,
])
/** Milliseconds that a new session has to start its connection. */
const startTime = 5000
/** Milliseconds between two reads of the status. */
const readInterval = 500

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

/** The error for --if-running=restart if several sessions of the profile exist. */
export function ambiguous(alive: readonly Running[]): Ovpn3Error {
  return new Ovpn3Error('session-ambiguous', `the profile has several sessions: ${listed(alive)}`, {
    hint: `Run \`ovpn3 restart --path ${shortId(alive[0]!.session.id)}\``,
  })
}

const listed = (running: readonly Running[]) =>
  running.map(({session, status}) => `${labelOf(session)}, ${statusText(status)}`).join('; ')

/** The error if a session of the profile exists and may be neither kept nor restarted. */
export function alreadyExists(running: readonly Running[]): Ovpn3Error {
  const alive = running.filter(({isDead}) => !isDead)
  const which = alive.length > 0 ? `already exists: ${listed(alive)}` : `still exists: ${listed(running)}`
  return new Ovpn3Error('session-running', `a session of this profile ${which}`, {
    hint:
      alive.length > 0
        ? 'Pass --if-running=keep to keep it, or --if-running=restart to reconnect it'
        : 'Pass --if-running=restart to replace it',
  })
}

/**
 * The session that --if-running=keep keeps, preferably a connected one. A new session gets a moment, because the command
 * that created it connects it next.
 * @throws Ovpn3Error `session-running` if all sessions have failed
 */
export async function sessionToKeep(running: readonly Running[], signal: AbortSignal): Promise<Session> {
  const alive = running.filter(({isDead}) => !isDead)
  const {session} = alive.find(({status}) => status.minor === StatusMinor.connected) ?? alive[0] ?? raise(running)
  const end = performance.now() + startTime
  while (isStarting(session) && performance.now() < end && !signal.aborted) {
    await sleep(readInterval, signal)
    await unlessAborted(session.refresh(properties), signal)
  }

  return session
}

function raise(running: readonly Running[]): never {
  throw alreadyExists(running)
}

function isStarting({snapshot}: Session): boolean {
  const {status} = snapshot.values
  return status !== undefined && starting.has(status.minor)
}
