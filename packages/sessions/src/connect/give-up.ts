import {Deadline, delayedSignal, isHangup, reasonOf, unansweredError, unlessAborted} from '../abort'
import {withMinor} from '../actions/result'
import {hasCode, isOvpn3Error, Ovpn3Error} from '../errors'
import {errorOn} from '../host'
import {configOf, errorJson, isGone, type SessionResult} from '../result'
import {type Session} from '../session'
import {StatusMinor, statusText} from '../status'
import {safeText, shellWord, shortId} from '../text'
import {type Attempt} from './attempt'
import {inBackground} from './begin'
import {connectedResult} from './settle'

/** Milliseconds after the abort for a last read of the status. */
const lastReadTime = 500
/** Seconds for the end of a subscription, and for the disconnection of a failed session. */
const cleanupTime = 1

/**
 * Ends an attempt whose signal is aborted. Disconnects the session only if the attempt started it and must not keep it.
 * @param expired ends the wait for the service; the result then says that the service did not confirm
 */
export async function giveUp(attempt: Attempt, expired: AbortSignal): Promise<SessionResult> {
  attempt.abandoned = true
  try {
    return (await lateSuccess(attempt, expired)) ?? (await abandon(attempt, expired))
  } catch (error) {
    if (!isOvpn3Error(error)) throw error
    return attempt.failure(error)
  }
}

/** Disconnects a new session that has failed, unless it must be kept. */
export async function discard(attempt: Attempt, expired: AbortSignal): Promise<void> {
  const {abandoned, isNew, options, result, session} = attempt
  if (!isNew || options.keep || abandoned || !result?.error) return
  const deadline = new Deadline(expired, cleanupTime)
  try {
    await unlessAborted(session.disconnect(), deadline.signal)
    // the user might expect a session that waits for the input
    if (result.error.code !== 'input-missing') return
    const message = `${result.error.message}; the session was disconnected`
    attempt.result = {...result, error: {...result.error, message}, message}
  } catch (error) {
    if (!isOvpn3Error(error)) throw error
    if (isGone(error)) return
    const message = `${result.error.message}; the session could not be disconnected`
    const hint = `Run \`ovpn3 disconnect --path ${session.id}\``
    const failed = errorOn(session.source.host, new Ovpn3Error(result.error.code, message, {hint}))
    attempt.result = {...result, error: errorJson(failed), message}
  } finally {
    deadline.end()
  }
}

/** Ends the subscription. The wait is short, because closing the connection ends it too. */
export async function unfollow(attempt: Attempt, expired: AbortSignal): Promise<void> {
  if (!attempt.unfollow) return
  const deadline = new Deadline(expired, cleanupTime)
  try {
    await unlessAborted(attempt.unfollow(), deadline.signal)
  } catch (error) {
    // the subscription has ended with the session or the bus
    if (!isOvpn3Error(error)) throw error
  } finally {
    deadline.end()
  }
}

/** The result of a session that connected while this process was stopped (SIGSTOP). */
async function lateSuccess(attempt: Attempt, expired: AbortSignal): Promise<SessionResult | undefined> {
  const {attached, sent, session, signal} = attempt
  if (!hasCode(reasonOf(signal), 'timeout') || !attempt.waits || !(attached || sent === 'action')) return undefined
  try {
    const {status} = (await unlessAborted(session.fetch(['status']), delayedSignal(signal, lastReadTime))).values
    if (status?.minor !== StatusMinor.connected || attempt.isOutdated(status)) return undefined
    return await unlessAborted(connectedResult(attempt, status), expired)
  } catch (error) {
    if (!isOvpn3Error(error)) throw error
    return undefined
  }
}

async function abandon(attempt: Attempt, expired: AbortSignal): Promise<SessionResult> {
  const {attached, sent, signal, status, waits} = attempt
  const {code} = reasonOf(signal)
  const state = status ? statusText(status) : 'no status'
  const why =
    code === 'timeout' ? `not connected within ${attempt.options.deadline.seconds} s (${state})` : 'interrupted'
  const ended = (state: string) => attempt.failure(new Ovpn3Error(code, `${why}: ${state}`))
  const kept = isKept(attempt)
  if (attempt.isNew && !kept) return disconnect(attempt, expired, why)
  if (attached) return ended('still connecting in the background')
  if (sent === 'nothing') return ended(attempt.isNew ? 'the session was created but not connected' : 'nothing was done')
  if (sent === 'input') return ended('input was sent, but the connection was not started')
  if (!kept) return disconnect(attempt, expired, why)
  const unanswered = () =>
    code === 'interrupted'
      ? unansweredError()
      : new Ovpn3Error(code, `${why}: no answer; it may still have taken effect`)
  const acted = await unlessAborted(attempt.sending, expired, unanswered)
  return waits ? ended('still connecting in the background') : inBackground(attempt, acted, false)
}

/** Whether the session stays: with --keep, without a required wait, or after a hang-up if a new one is already connecting. */
function isKept({isNew, options: {keep, wait}, sent, signal}: Attempt): boolean {
  if (keep) return true
  return isNew ? isHangup(signal) && sent === 'action' : wait !== 'required' || isHangup(signal)
}

/** How to see why a session does not connect. */
function logHint(session: Session): string {
  const config = configOf(session)
  const select = config === null ? `--path ${shortId(session.id)}` : `--config ${shellWord(safeText(config))}`
  return `Run \`ovpn3 log ${select}\` in another terminal, then try again`
}

async function disconnect(attempt: Attempt, expired: AbortSignal, why: string): Promise<SessionResult> {
  const {session, signal, status} = attempt
  const {code} = reasonOf(signal)
  // sent together to save time: the service answers in order, so the statistics are read before the session is gone
  const statisticsRead = session.fetch(['statistics'])
  const unconfirmed = new Ovpn3Error(
    code,
    `${why}: a disconnect was sent, but not answered; it may still be connecting`,
  )
  try {
    await unlessAborted(session.disconnect(), expired, () => unconfirmed)
  } catch (error) {
    if (error === unconfirmed || !isOvpn3Error(error)) throw error
    if (!isGone(error)) throw new Ovpn3Error(code, `${why}; it could not be disconnected: ${error.message}`)
  }

  attempt.changed = true
  const {statistics} = (await unlessAborted(statisticsRead, expired)).values
  const hint = code === 'timeout' ? logHint(session) : 'Pass --keep to keep the session'
  const error = new Ovpn3Error(code, `${why}: gave up and disconnected it`, {hint})
  return attempt.failure(error, {statistics, status: withMinor(status, StatusMinor.done)})
}
