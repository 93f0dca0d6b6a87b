import {result} from '../actions/result'
import {hasCode, Ovpn3Error} from '../errors'
import {type SessionResult} from '../result'
import {isDeadEnd, type SessionStatus, StatusMinor, statusText} from '../status'
import {type Attempt} from './attempt'

/** Milliseconds between two reads of the status; signals tell sooner where the caller may have them. */
const readInterval = 500
/** Milliseconds between two questions whether input is needed. */
const askInterval = 1000

/**
 * Waits until the session is connected or has failed. Ends without a result where the session needs the user (`need`
 * says what), or when the round is over. The service is asked a few times a second at most, whatever it answers.
 */
export async function settle(
  attempt: Attempt,
  round: AbortSignal,
  progress: (text: string) => void,
): Promise<SessionResult | undefined> {
  const {inbox, next, signal} = attempt
  while (!round.aborted && !signal.aborted) {
    await inbox.wait(next.read - performance.now(), round, signal)
    const news = inbox.take()
    if (news.url && mustOpen(attempt, news.url)) return undefined
    for (const status of news.statuses.length > 0 ? news.statuses : await readStatus(attempt, news.removed)) {
      attempt.saw(status)
      progress(statusText(status))
      const over = await judge(attempt, status)
      if (over || attempt.need) return over
    }

    if (news.removed) throw removedError()
  }

  return undefined
}

/** Nothing where it is not time yet, or the status is still that of before the action. */
async function readStatus(attempt: Attempt, removed: boolean): Promise<readonly SessionStatus[]> {
  const {inbox, next, session} = attempt
  const now = performance.now()
  if (removed || now < next.read) return []
  next.read = now + readInterval
  const {errors, values} = await session.fetch(['status'])
  // what was told while it was asked is no older, and has the reason of an end
  if (inbox.hasStatuses) return []
  if (hasCode(errors.status, 'session-not-found')) throw removedError()
  if (errors.status) throw errors.status
  return values.status && !attempt.isOutdated(values.status) ? [values.status] : []
}

async function judge(attempt: Attempt, status: SessionStatus): Promise<SessionResult | undefined> {
  switch (status.minor) {
    case StatusMinor.challenge:
    case StatusMinor.inputRequired:
    case StatusMinor.userPasswordNeeded:
      if (await needsInput(attempt)) {
        attempt.asks = true
        attempt.need = 'input'
      }

      return undefined
    case StatusMinor.connected:
      return connected(attempt, status)
    case StatusMinor.paused:
      throw new Ovpn3Error('failed', 'it was paused while connecting')
    case StatusMinor.urlAuthentication:
      mustOpen(attempt, status.message)
      return undefined
    default:
      if (status.minor >= StatusMinor.pkcs11Sign && status.minor <= StatusMinor.pkcs11Verify)
        throw new Ovpn3Error('refused', `it ${statusText(status)}, which ovpn3 does not support`)
      if (isDeadEnd(status)) throw attempt.refusal(status)
      return undefined
  }
}

/** The result of a session that is connected. */
export async function connected({inbox, session, signal}: Attempt, status: SessionStatus): Promise<SessionResult> {
  const [{values}, address] = await Promise.all([
    session.fetch(['connected_to', 'device_name', 'session_name']),
    inbox.address(signal),
  ])
  const {connected_to: server, device_name: device, session_name: name = ''} = values
  const to = server?.host ? ` to ${server.host}` : ''
  const on = device ? ` on ${device}` : ''
  const as = address ? `, address ${address}` : ''
  const connection = server?.host ? {address: address ?? null, device: device || null, name, server} : undefined
  return result(session, 'done', `connected${to}${on}${as}`, {connection, status})
}

/** Whether there are questions that can be answered now. */
async function needsInput({next, session}: Attempt): Promise<boolean> {
  const now = performance.now()
  if (now < next.ask) return false
  next.ask = now + askInterval
  return !(await session.ready()) && (await session.inputRequests()).length > 0
}

/** Whether this is a new address. */
function mustOpen(attempt: Attempt, url: string): boolean {
  if (!url || url === attempt.shownUrl) return false
  attempt.shownUrl = url
  attempt.need = {url}
  return true
}

function removedError(): Ovpn3Error {
  return new Ovpn3Error('session-not-found', 'the session was removed while connecting')
}
