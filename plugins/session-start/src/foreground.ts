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
  /** The status that is known. */
  readonly from: SessionStatus
  /** Aborted when the user or the system wants the session to end; by a hang-up, it is left alone. */
  readonly signal: AbortSignal
  /** About each status that differs from the one before; what it throws ends the session. */
  readonly told: (status: SessionStatus) => Promise<void>
  /** Called when the session is about to be disconnected. */
  readonly stopping: () => Promise<void>
}

/**
 * Stays with a connected session until it ends, and disconnects it when the signal is aborted, or when it needs what
 * nobody can give.
 * @returns how it ended: `done` where it was disconnected
 */
export async function stayWith(
  session: Session,
  {from, signal, stopping, told}: ForegroundOptions,
): Promise<SessionResult> {
  let status = from
  let reason: Ovpn3Error | undefined
  try {
    await stay(session, from, signal, async (next) => {
      status = next
      await told(next)
    })
    return result(session, 'done', 'disconnected', {status})
  } catch (error) {
    if (!isOvpn3Error(error)) throw error
    if (!signal.aborted) reason = error
  }

  if (isHangup(signal)) return result(session, 'unchanged', 'left connected: the terminal is gone', {status})
  await stopping()
  const lost = hasCode(reason, 'disconnected', 'service-unavailable')
  const ended = lost ? undefined : await end(session, status)
  if (!reason) return ended!
  const hint = ended?.error
    ? `It could not be disconnected: ovpn3 session-manage --disconnect --path ${session.id}`
    : reason.hint
  // to a service manager a session that was lost is no wrong selection
  const code = isGone(reason) ? 'failed' : reason.code
  return failure(session, new Ovpn3Error(code, `ended: ${reason.message}`, {cause: reason, hint}), {status})
}

/** Disconnects a session. It has been asked to end: what is not answered is not waited for long. */
async function end(session: Session, last: SessionStatus): Promise<SessionResult> {
  const now = AbortSignal.abort()
  // both at once: a manager that is silent must not keep the second from being sent
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

/** Undefined where they are not answered in time: they are a help, and no more. */
async function lastStatistics(session: Session, now: AbortSignal): Promise<SessionResult['statistics']> {
  try {
    return (await withGrace(session.fetch(['statistics']), now)).values.statistics
  } catch (error) {
    if (!isOvpn3Error(error)) throw error
    return undefined
  }
}
