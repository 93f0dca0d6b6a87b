import {result} from '../actions/result'
import {hasCode, Ovpn3Error} from '../errors'
import {type SessionResult} from '../result'
import {isDeadEnd, type SessionStatus, StatusMinor, statusText} from '../status'
import {type Attempt} from './attempt'

/** Milliseconds between two reads of the status: signals are faster, but not every caller receives them. */
const readInterval = 500
/** Milliseconds between two checks for missing input. */
const inputCheckInterval = 1000

/**
 * Waits until the session is connected or has failed. Ends without a result if the session needs the user (`need`), or
 * if the round is aborted. Calls the service a few times a second at most, however often the status changes.
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
    if (news.url && noteUrl(attempt, news.url)) return undefined
    for (const status of news.statuses.length > 0 ? news.statuses : await readStatus(attempt, news.removed)) {
      attempt.recordStatus(status)
      progress(statusText(status))
      const result = await resultOf(attempt, status)
      if (result || attempt.need) return result
    }

    if (news.removed) throw removedError()
  }

  return undefined
}

/** Reads the status if it is time. Omits a status that could be the one before the action. */
async function readStatus(attempt: Attempt, removed: boolean): Promise<readonly SessionStatus[]> {
  const {inbox, next, session} = attempt
  const now = performance.now()
  if (removed || now < next.read) return []
  next.read = now + readInterval
  const {errors, values} = await session.fetch(['status'])
  // a status that arrived during the read is at least as new, and keeps the reason of a failure
  if (inbox.hasStatuses) return []
  if (hasCode(errors.status, 'session-not-found')) throw removedError()
  if (errors.status) throw errors.status
  return values.status && !attempt.isOutdated(values.status) ? [values.status] : []
}

/** The result that a status means, or undefined if the wait continues. @throws Ovpn3Error if it means a failure */
async function resultOf(attempt: Attempt, status: SessionStatus): Promise<SessionResult | undefined> {
  switch (status.minor) {
    case StatusMinor.challenge:
    case StatusMinor.inputRequired:
    case StatusMinor.userPasswordNeeded:
      if (await lacksInput(attempt)) {
        attempt.needsInput = true
        attempt.need = 'input'
      }

      return undefined
    case StatusMinor.connected:
      return connectedResult(attempt, status)
    case StatusMinor.paused:
      throw new Ovpn3Error('failed', 'it was paused while connecting')
    case StatusMinor.urlAuthentication:
      noteUrl(attempt, status.message)
      return undefined
    default:
      if (status.minor >= StatusMinor.pkcs11Sign && status.minor <= StatusMinor.pkcs11Verify)
        throw new Ovpn3Error('refused', `it ${statusText(status)}, which ovpn3 does not support`)
      if (isDeadEnd(status)) throw attempt.refusedError(status)
      return undefined
  }
}

/** The result of a connected session. */
export async function connectedResult(
  {inbox, session, signal}: Attempt,
  status: SessionStatus,
): Promise<SessionResult> {
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

/** Whether the service has open requests for input. False between two checks. */
async function lacksInput({next, session}: Attempt): Promise<boolean> {
  const now = performance.now()
  if (now < next.inputCheck) return false
  next.inputCheck = now + inputCheckInterval
  return !(await session.ready()) && (await session.inputRequests()).length > 0
}

/** Requests that the user opens a URL. @returns false if it was already shown */
function noteUrl(attempt: Attempt, url: string): boolean {
  if (!url || url === attempt.shownUrl) return false
  attempt.shownUrl = url
  attempt.need = {url}
  return true
}

function removedError(): Ovpn3Error {
  return new Ovpn3Error('session-not-found', 'the session was removed while connecting')
}
