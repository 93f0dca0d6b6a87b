import {Deadline, delayedSignal, isHangup, reasonOf, unansweredError, unlessAborted} from '../abort'
import {withMinor} from '../actions/result'
import {hasCode, isOvpn3Error, Ovpn3Error} from '../errors'
import {configOf, isGone, type SessionResult} from '../result'
import {type Session} from '../session'
import {StatusMinor, statusText} from '../status'
import {safeText, shellWord, shortId} from '../text'
import {type Attempt} from './attempt'
import {inBackground} from './begin'
import {connected} from './settle'

/** Milliseconds for a last read of the status. */
const lastLook = 500
/** Seconds in which a subscription is given back, or a session that failed is disconnected. */
const farewell = 1

/**
 * Ends an attempt whose signal is aborted, before `over` is, whatever the service does. Only what the attempt has
 * started is disconnected, and only where it is not to be kept. What the service has not confirmed by then is said.
 */
export async function giveUp(attempt: Attempt, over: AbortSignal): Promise<SessionResult> {
  attempt.abandoned = true
  try {
    return (await lateSuccess(attempt, over)) ?? (await abandon(attempt, over))
  } catch (error) {
    if (!isOvpn3Error(error)) throw error
    return attempt.failed(error)
  }
}

/** A new session that has failed does not stay behind, unless it is to be kept. */
export async function discard(attempt: Attempt, over: AbortSignal): Promise<void> {
  const {abandoned, isNew, options, result, session} = attempt
  if (!isNew || options.keep || abandoned || !result?.error) return
  const limit = new Deadline(over, farewell)
  try {
    await unlessAborted(session.disconnect(), limit.signal)
    // the user might expect a session that waits for the input
    if (result.error.code !== 'input-missing') return
    const message = `${result.error.message}; the session was disconnected`
    attempt.result = {...result, error: {...result.error, message}, message}
  } catch (error) {
    if (!isOvpn3Error(error)) throw error
    if (isGone(error)) return
    const message = `${result.error.message}; the session could not be disconnected`
    const hint = `Run \`ovpn3 disconnect --path ${session.id}\``
    attempt.result = {...result, error: {...result.error, hint, message}, message}
  } finally {
    limit.end()
  }
}

/** Ends the subscription. Closing the connection does the same, so the wait is short. */
export async function unfollow(attempt: Attempt, over: AbortSignal): Promise<void> {
  if (!attempt.unfollow) return
  const limit = new Deadline(over, farewell)
  try {
    await unlessAborted(attempt.unfollow(), limit.signal)
  } catch (error) {
    // the subscription has ended with the session or the bus
    if (!isOvpn3Error(error)) throw error
  } finally {
    limit.end()
  }
}

/** The session may have connected while this process was stopped (SIGSTOP). */
async function lateSuccess(attempt: Attempt, over: AbortSignal): Promise<SessionResult | undefined> {
  const {attached, sent, session, signal} = attempt
  if (!hasCode(reasonOf(signal), 'timeout') || !attempt.waits || !(attached || sent === 'action')) return undefined
  try {
    const {status} = (await unlessAborted(session.fetch(['status']), delayedSignal(signal, lastLook))).values
    if (status?.minor !== StatusMinor.connected || attempt.isOutdated(status)) return undefined
    return await unlessAborted(connected(attempt, status), over)
  } catch (error) {
    if (!isOvpn3Error(error)) throw error
    return undefined
  }
}

async function abandon(attempt: Attempt, over: AbortSignal): Promise<SessionResult> {
  const {attached, sent, signal, status, waits} = attempt
  const {code} = reasonOf(signal)
  const state = status ? statusText(status) : 'no status'
  const why =
    code === 'timeout' ? `not connected within ${attempt.options.deadline.seconds} s (${state})` : 'interrupted'
  const ended = (what: string) => attempt.failed(new Ovpn3Error(code, `${why}: ${what}`))
  const kept = isKept(attempt)
  if (attempt.isNew && !kept) return disconnect(attempt, over, why)
  if (attached) return ended('still connecting in the background')
  if (sent === 'nothing') return ended(attempt.isNew ? 'the session was created but not connected' : 'nothing was done')
  if (sent === 'input') return ended('input was sent, but the connection was not started')
  if (!kept) return disconnect(attempt, over, why)
  const unanswered = () =>
    code === 'interrupted'
      ? unansweredError()
      : new Ovpn3Error(code, `${why}: no answer; it may still have taken effect`)
  const acted = await unlessAborted(attempt.sending, over, unanswered)
  return waits ? ended('still connecting in the background') : inBackground(attempt, acted, false)
}

/** Whether the session keeps connecting: by --keep, without a wait, or after a hang-up once a new one is connecting. */
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

async function disconnect(attempt: Attempt, over: AbortSignal, why: string): Promise<SessionResult> {
  const {session, signal, status} = attempt
  const {code} = reasonOf(signal)
  // both at once: the read is answered first, and there may be no time for one after the other
  const reading = session.fetch(['statistics'])
  const unconfirmed = new Ovpn3Error(
    code,
    `${why}: a disconnect was sent, but not answered; it may still be connecting`,
  )
  try {
    await unlessAborted(session.disconnect(), over, () => unconfirmed)
  } catch (error) {
    if (error === unconfirmed || !isOvpn3Error(error)) throw error
    if (!isGone(error)) throw new Ovpn3Error(code, `${why}; it could not be disconnected: ${error.message}`)
  }

  attempt.changed = true
  const {statistics} = (await unlessAborted(reading, over)).values
  const hint = code === 'timeout' ? logHint(session) : 'Pass --keep to keep the session'
  const error = new Ovpn3Error(code, `${why}: gave up and disconnected it`, {hint})
  return attempt.failed(error, {statistics, status: withMinor(status, StatusMinor.done)})
}
