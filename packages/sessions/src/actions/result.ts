import {hasCode, isOvpn3Error, Ovpn3Error} from '../errors'
import {errorOn} from '../host'
import {configOf, errorJson, goneError, identityOf, type SessionResult, statusJson} from '../result'
import {type Session} from '../session'
import {type SessionStatus, statusText} from '../status'
import {safeText, shellWord} from '../text'

/** The properties that every action reads before it runs. */
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
    ...identityOf(session),
    config: configOf(session),
    outcome,
    changed,
    message,
    status: statusJson(status),
    ...details,
  }
}

/** The result of a failed action. */
export function failure(session: Session, error: Ovpn3Error, details?: Details): SessionResult {
  return result(session, 'failed', error.message, {...details, error: errorJson(errorOn(session.source.host, error))})
}

/** Runs an action. An expected error becomes its result. */
export async function attempt(session: Session, action: () => Promise<SessionResult>): Promise<SessionResult> {
  try {
    return await action()
  } catch (error) {
    if (!isOvpn3Error(error)) throw error
    return failure(session, error)
  }
}

/** Whether the caller may not read a session. Public access still allows actions on it. */
export function isUnreadable({snapshot}: Session): boolean {
  // the service denies either every property of a session or none, so one denial is enough
  return Object.values(snapshot.errors).some((error) => hasCode(error, 'access-denied'))
}

/** The status of a session after an action. */
export function withMinor(status: SessionStatus | undefined, minor: number): SessionStatus | undefined {
  return status && {...status, message: '', minor}
}

/**
 * The status in the snapshot; undefined if the caller may not read it.
 * @throws Ovpn3Error if reading it failed for another reason
 */
export function statusOf(session: Session): SessionStatus | undefined {
  const {errors, values} = session.snapshot
  if (values.status) return values.status
  if (isUnreadable(session)) return undefined
  throw goneError(session) ?? errors.status ?? new Ovpn3Error('failed', 'its status could not be read')
}

/**
 * The result of a dry run. Checks the caller's permission with a call that changes nothing.
 * @param plan such as `would be paused`
 * @throws Ovpn3Error
 */
export async function plannedResult(session: Session, plan: string): Promise<SessionResult> {
  try {
    await session.ready()
  } catch (error) {
    // not ready, for example because input is missing: the caller has permission
    if (!hasCode(error, 'failed')) throw error
  }

  const {status} = session.snapshot.values
  return result(session, 'planned', `${plan} (${status ? statusText(status) : 'not readable by you'})`)
}

/** The error for an action on a session whose client has ended. */
export function deadEndError(session: Session, status: SessionStatus): Ovpn3Error {
  const text = statusText(status)
  const isSame = status.message.toLowerCase() === text.toLowerCase()
  const why = status.message && !isSame ? `${text} (${status.message})` : text
  return new Ovpn3Error('refused', `it is no longer running: ${why}`, {hint: startAgainHint(session)})
}

/** The hint for a session at a dead end: start it again. */
export function startAgainHint(session: Session): string {
  const config = configOf(session)
  const name = config === null ? 'NAME' : shellWord(safeText(config))
  return `Run \`ovpn3 start --config ${name} --if-running=restart\``
}
