import {
  failure,
  hasCode,
  isGone,
  isHangup,
  isOvpn3Error,
  Ovpn3Error,
  result,
  type Session,
  type SessionResult,
  type SessionStatus,
  StatusMinor,
  stay,
  withGrace,
  withMinor,
} from '@ovpn3/sessions'

export interface ForegroundOptions {
  /** The last known status. */
  readonly from: SessionStatus
  /** Aborted to end the session; a hang-up leaves it connected. */
  readonly signal: AbortSignal
  /** Called with each change of status; an error that it throws disconnects the session. */
  readonly onStatus: (status: SessionStatus) => Promise<void>
  /** Called before the session is disconnected. */
  readonly onStopping: () => Promise<void>
}

/**
 * Stays with a connected session until it ends. Disconnects it when the signal is aborted, or when it needs input that
 * is not available.
 * @returns the outcome: `done` if the session was disconnected
 */
export async function stayWith(
  session: Session,
  {from, onStatus, onStopping, signal}: ForegroundOptions,
): Promise<SessionResult> {
  let status = from
  let reason: Ovpn3Error | undefined
  try {
    await stay(session, from, signal, async (next) => {
      status = next
      await onStatus(next)
    })
    return result(session, 'done', 'disconnected', {status})
  } catch (error) {
    if (!isOvpn3Error(error)) throw error
    if (!signal.aborted) reason = error
  }

  if (isHangup(signal)) return result(session, 'unchanged', 'left connected: the terminal was closed', {status})
  await onStopping()
  const isLost = hasCode(reason, 'disconnected', 'service-unavailable')
  const ended = isLost ? undefined : await disconnect(session, status)
  if (!reason) return ended!
  // a service manager should retry a session that was lost, so it must not exit like a wrong selection
  const code = isGone(reason) ? 'failed' : reason.code
  const message = `ended: ${reason.message}${ended?.error ? '; the session could not be disconnected' : ''}`
  const hint = ended?.error ? `Run \`ovpn3 disconnect --path ${session.id}\`` : reason.hint
  return failure(session, new Ovpn3Error(code, message, {cause: reason, hint}), {status})
}

/** Disconnects a session within the short time that an interruption leaves. */
async function disconnect(session: Session, last: SessionStatus): Promise<SessionResult> {
  const now = AbortSignal.abort()
  // send both at once: if the session manager is silent, waiting for the first would delay the disconnect
  const reading = lastStatistics(session, now)
  const status = withMinor(last, StatusMinor.done)
  try {
    await withGrace(session.disconnect(), now)
    return result(session, 'done', 'disconnected', {statistics: await reading, status})
  } catch (error) {
    if (!isOvpn3Error(error)) throw error
    return isGone(error) ? result(session, 'done', 'disconnected', {status}) : failure(session, error, {status: last})
  }
}

/** Undefined if they do not arrive in time: the disconnect does not depend on them. */
async function lastStatistics(session: Session, now: AbortSignal): Promise<SessionResult['statistics']> {
  try {
    return (await withGrace(session.fetch(['statistics']), now)).values.statistics
  } catch (error) {
    if (!isOvpn3Error(error)) throw error
    return undefined
  }
}
