import {
  disconnect,
  failure,
  hasCode,
  isOvpn3Error,
  Ovpn3Error,
  result,
  type Session,
  type SessionResult,
  type SessionStatus,
  stay,
  withGrace,
} from '@ovpn3/sessions'

export interface ForegroundOptions {
  /** The status that is known. */
  readonly from: SessionStatus
  /** Aborted when the user or the system wants the session to end. */
  readonly signal: AbortSignal
  /** The terminal is gone: the session is left alone. */
  readonly isHangup: () => boolean
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
  {from, isHangup, signal, stopping, told}: ForegroundOptions,
): Promise<SessionResult> {
  let reason: Ovpn3Error | undefined
  try {
    await stay(session, from, signal, told)
    return result(session, 'done', 'disconnected')
  } catch (error) {
    if (!isOvpn3Error(error)) throw error
    if (!signal.aborted) reason = error
  }

  if (signal.aborted && isHangup()) return result(session, 'unchanged', 'left connected: the terminal is gone')
  await stopping()
  const ended = hasCode(reason, 'disconnected', 'service-unavailable') ? undefined : await end(session)
  if (!reason) return ended!
  return failure(session, new Ovpn3Error(reason.code, `ended: ${reason.message}`, {cause: reason}))
}

function end(session: Session): Promise<SessionResult> {
  // it has been asked to end: a call that is not answered is not waited for long
  const disconnecting = async () => {
    await session.refresh(disconnect.properties)
    return disconnect.run(session, {})
  }

  return withGrace(disconnecting(), AbortSignal.abort())
}
