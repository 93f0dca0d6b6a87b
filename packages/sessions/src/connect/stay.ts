import type {Session} from '../session'

import {proceed, unlessAborted} from '../abort'
import {hasCode, Ovpn3Error} from '../errors'
import {isEnding, isSameStatus, type SessionStatus, StatusMinor, statusText} from '../status'
import {Inbox} from './inbox'

/** Milliseconds between two polls: no signal reports a dead backend. */
const pollInterval = 5000

/** The error code of an unrequested end: retrying can help after `failed`, not after `refused`. */
const failureCodes: ReadonlyMap<number, 'failed' | 'refused'> = new Map([
  [StatusMinor.authenticationFailed, 'refused'],
  [StatusMinor.configError, 'refused'],
  [StatusMinor.connectionFailed, 'failed'],
  [StatusMinor.processKilled, 'failed'],
  [StatusMinor.processStopped, 'failed'],
])

/**
 * Stays with a session until it has been disconnected.
 * @param from the last known status
 * @param onStatus called for each status that differs from the one before
 * @throws Ovpn3Error if the session ended in another way, its source is lost, or the signal is aborted
 */
export async function stay(
  session: Session,
  from: SessionStatus,
  signal: AbortSignal,
  onStatus: (status: SessionStatus) => void | Promise<void>,
): Promise<void> {
  const inbox = new Inbox()
  const sourceLost = new AbortController()
  const subscriptions = await unlessAborted(
    Promise.all([
      session.follow(inbox.receive),
      session.source.watch?.((event) => {
        if (event.type === 'closed') sourceLost.abort(event.error)
        if (event.type === 'reset')
          sourceLost.abort(new Ovpn3Error('service-unavailable', 'the session manager exited'))
      }),
    ]),
    signal,
  )
  let last = from
  try {
    for (;;) {
      const news = inbox.take()
      const polled = news.removed || news.statuses.length > 0 ? undefined : await fetchStatus()
      const removed = news.removed || polled === 'gone'
      for (const status of typeof polled === 'object' ? [polled] : news.statuses) {
        if (isSameStatus(status, last)) continue
        last = status
        await onStatus(status)
        const code = failureCodes.get(status.minor)
        if (code) throw new Ovpn3Error(code, status.message || statusText(status))
        if (status.minor === StatusMinor.done) return
      }

      if (removed) {
        // the end of the session manager removes every session, and is the better reason
        proceed(sourceLost.signal)
        if (isEnding(last)) return
        throw new Ovpn3Error('failed', 'the session was removed')
      }

      await inbox.wait(pollInterval, sourceLost.signal, signal)
      proceed(signal)
      proceed(sourceLost.signal)
    }
  } finally {
    // no need to wait: closing the connection ends the subscriptions too
    for (const unsubscribe of subscriptions) unsubscribe?.().catch(() => {})
  }

  async function fetchStatus(): Promise<'gone' | SessionStatus> {
    const {errors, values} = await unlessAborted(session.fetch(['status']), signal)
    if (values.status) return values.status
    const {status: error} = errors
    if (hasCode(error, 'session-not-found')) return 'gone'
    // the session manager waits for a hung backend, possibly of another session
    if (hasCode(error, 'timeout')) return last
    if (hasCode(error, 'session-stale')) throw new Ovpn3Error('failed', 'its backend process is gone', {cause: error})
    throw error ?? new Ovpn3Error('failed', 'its status could not be read')
  }
}
