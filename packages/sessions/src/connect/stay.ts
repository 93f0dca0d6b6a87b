import type {Session} from '../session'

import {proceed, unlessAborted} from '../abort'
import {hasCode, Ovpn3Error} from '../errors'
import {isEnding, isSameStatus, type SessionStatus, StatusMinor, statusText} from '../status'
import {Inbox} from './inbox'

/** Milliseconds between two polls: no signal reports a backend that has died. */
const interval = 5000

/** The error code of an unrequested end: retrying can help after `failed`, not after `refused`. */
const ends: ReadonlyMap<number, 'failed' | 'refused'> = new Map([
  [StatusMinor.authenticationFailed, 'refused'],
  [StatusMinor.configError, 'refused'],
  [StatusMinor.connectionFailed, 'failed'],
  [StatusMinor.processKilled, 'failed'],
  [StatusMinor.processStopped, 'failed'],
])

/**
 * Stays with a session until it has been disconnected.
 * @param from the last known status
 * @param told called for each status that differs from the one before
 * @throws Ovpn3Error if the session ended in another way, its source is lost, or the signal is aborted
 */
export async function stay(
  session: Session,
  from: SessionStatus,
  signal: AbortSignal,
  told: (status: SessionStatus) => void | Promise<void>,
): Promise<void> {
  const inbox = new Inbox()
  const lost = new AbortController()
  const lose = (error: Ovpn3Error) => lost.abort(error)
  const subscriptions = await unlessAborted(
    Promise.all([
      session.follow(inbox.receive),
      session.source.watch?.((event) => {
        if (event.type === 'closed') lose(event.error)
        if (event.type === 'reset') lose(new Ovpn3Error('service-unavailable', 'the session manager exited'))
      }),
    ]),
    signal,
  )
  let last = from
  try {
    for (;;) {
      const news = inbox.take()
      const seen = news.removed || news.statuses.length > 0 ? undefined : await look()
      const removed = news.removed || seen === 'gone'
      for (const status of typeof seen === 'object' ? [seen] : news.statuses) {
        if (isSameStatus(status, last)) continue
        last = status
        await told(status)
        const end = ends.get(status.minor)
        if (end) throw new Ovpn3Error(end, status.message || statusText(status))
        if (status.minor === StatusMinor.done) return
      }

      if (removed) {
        // with the session manager, every session goes
        proceed(lost.signal)
        if (isEnding(last)) return
        throw new Ovpn3Error('failed', 'the session was removed')
      }

      await inbox.wait(interval, lost.signal, signal)
      proceed(signal)
      proceed(lost.signal)
    }
  } finally {
    // the end of the connection gives them back as well
    for (const unsubscribe of subscriptions) unsubscribe?.().catch(() => {})
  }

  async function look(): Promise<'gone' | SessionStatus> {
    const {errors, values} = await unlessAborted(session.fetch(['status']), signal)
    if (values.status) return values.status
    const {status: error} = errors
    if (hasCode(error, 'session-not-found')) return 'gone'
    // the session manager waits for a backend that hangs, which may be another session's
    if (hasCode(error, 'timeout')) return last
    if (hasCode(error, 'session-stale')) throw new Ovpn3Error('failed', 'its backend process is gone', {cause: error})
    throw error ?? new Ovpn3Error('failed', 'its status could not be read')
  }
}
