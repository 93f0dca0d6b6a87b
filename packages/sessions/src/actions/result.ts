import {hasCode, isOvpn3Error, Ovpn3Error} from '../errors'
import {configOf, errorJson, goneError, type SessionResult, statusJson} from '../result'
import {type Session} from '../session'
import {type SessionStatus, statusText} from '../status'
import {safeText, shellWord} from '../text'

/** What every action needs to know of a session beforehand. */
export const baseProperties = ['config_name', 'status'] as const

type Details = Partial<Omit<SessionResult, 'config' | 'id' | 'message' | 'outcome' | 'path' | 'status'>> & {
  readonly status?: SessionStatus
}

export function result(
  session: Session,
  outcome: SessionResult['outcome'],
  message: string,
  {
    changed = outcome === 'done' || outcome === 'removed',
    status = session.snapshot.values.status,
    ...details
  }: Details = {},
): SessionResult {
  return {
    path: session.path,
    id: session.id,
    config: configOf(session),
    outcome,
    changed,
    message,
    status: statusJson(status),
    ...details,
  }
}

/** The result of a session with which something went wrong. */
export function failure(session: Session, error: Ovpn3Error, details?: Details): SessionResult {
  return result(session, 'failed', error.message, {...details, error: errorJson(error)})
}

/** Runs an action and makes a result of what it throws. */
export async function attempt(session: Session, action: () => Promise<SessionResult>): Promise<SessionResult> {
  try {
    return await action()
  } catch (error) {
    if (!isOvpn3Error(error)) throw error
    return failure(session, error)
  }
}

/** Whether a session is not the caller's to look at; to act on it may be, by public access. */
export function isUnreadable({snapshot}: Session): boolean {
  // the service denies all of a session or nothing: a single denial tells, whatever became of the other answers
  return Object.values(snapshot.errors).some((error) => hasCode(error, 'access-denied'))
}

/** The status that an action has brought a session to. */
export function withMinor(status: SessionStatus | undefined, minor: number): SessionStatus | undefined {
  return status && {...status, message: '', minor}
}

/**
 * The status that the session was found in; undefined where it is not the caller's to know.
 * @throws Ovpn3Error where it could not be read
 */
export function statusOf(session: Session): SessionStatus | undefined {
  const {errors, values} = session.snapshot
  if (values.status) return values.status
  if (isUnreadable(session)) return undefined
  throw goneError(session) ?? errors.status ?? new Ovpn3Error('failed', 'its status could not be read')
}

/**
 * What would be done to a session, if the session manager lets the caller: it is asked by a call that changes nothing.
 * @throws Ovpn3Error
 */
export async function plannedResult(session: Session, would: string): Promise<SessionResult> {
  try {
    await session.ready()
  } catch (error) {
    // not ready in one way or another
    if (!hasCode(error, 'failed')) throw error
  }

  const {status} = session.snapshot.values
  return result(session, 'planned', `${would} (${status ? statusText(status) : 'not readable by you'})`)
}

/** That an action is pointless on a session where no client runs any more. */
export function deadEndError(session: Session, status: SessionStatus): Ovpn3Error {
  const text = statusText(status)
  const isSame = status.message.toLowerCase() === text.toLowerCase()
  const why = status.message && !isSame ? `${text} (${status.message})` : text
  return new Ovpn3Error('refused', `it is no longer running: ${why}`, {hint: startAgainHint(session)})
}

/** What helps a session at a dead end. */
export function startAgainHint(session: Session): string {
  const config = configOf(session)
  const name = config === null ? 'NAME' : shellWord(safeText(config))
  return `Run \`ovpn3 start --config ${name} --if-running=restart\``
}
