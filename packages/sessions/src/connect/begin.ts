import {deadEndError, plannedResult, result, statusOf} from '../actions/result'
import {accessDenied, Ovpn3Error} from '../errors'
import {hintOn} from '../host'
import {type SessionResult} from '../result'
import {type Session} from '../session'
import {isDeadEnd, type SessionStatus, StatusMinor, statusText, waitsForInput} from '../status'
import {shortId} from '../text'
import {act, verbFor} from './act'
import {type Attempt, connectProperties} from './attempt'
import {provideInput} from './input'

const actionTexts = {
  authenticate: {plan: 'would be authenticated', progress: 'connecting'},
  keep: {plan: 'would be kept', progress: 'connecting'},
  restart: {plan: 'would be restarted', progress: 'restarting'},
  resume: {plan: 'would be resumed', progress: 'resuming'},
  start: {plan: 'would be started', progress: 'connecting'},
} as const

/** Finds out whether the session needs input, without a change to it. */
export async function checkInput(attempt: Attempt): Promise<SessionResult | undefined> {
  const {options, session} = attempt
  const status = statusOf(session)
  const unchanged = unchangedResult(attempt, status)
  if (unchanged || options.dryRun || attempt.canAttach(status) || (await session.ready())) return unchanged
  attempt.needsInput = (await session.inputRequests()).length > 0
  return undefined
}

/**
 * Reads the session, provides its input and sends the action.
 * @param isOld whether the snapshot is too old to act on
 * @returns the result if there is nothing to wait for
 */
export async function begin(attempt: Attempt, isOld: boolean): Promise<SessionResult | undefined> {
  const {options, session} = attempt
  const {action, dryRun, wait} = options
  // a new session has a known name but no status; another may have changed while the user answered for other sessions
  if (attempt.isNew) await session.refresh(['status'])
  else if (isOld) await session.refresh(connectProperties)
  const status = statusOf(session)
  attempt.status = status
  attempt.waits = wait === 'required' || (wait === 'default' && status !== undefined)
  const unchanged = unchangedResult(attempt, status)
  if (unchanged) return unchanged
  if (wait === 'required' && !status) await refuseToWait(attempt)
  if (dryRun) return plannedResult(session, actionTexts[action].plan)

  attempt.attached = attempt.canAttach(status)
  // a new session with this status needs no input, which saves a call
  const isReady = attempt.isNew && status?.minor === StatusMinor.configOk
  const answered = !attempt.attached && !isReady && (await provideInput(attempt))
  if (wait === 'login' && answered && status) attempt.waits = true
  // follow before the action: a session that fails at once is removed together with the reason
  if (attempt.waits) attempt.unfollow = await session.follow(attempt.inbox.receive, {log: true})
  const verb = verbFor(attempt, status, answered)
  const acted = !attempt.attached && verb !== undefined && (await act(attempt, verb))
  return attempt.waits ? undefined : inBackground(attempt, acted, answered)
}

/** The result of an attempt that does not wait for the connection. */
export function inBackground({options, session, status}: Attempt, acted: boolean, answered: boolean): SessionResult {
  if (!acted) return result(session, 'unchanged', options.action === 'resume' ? 'not paused' : 'needs no input')
  // a server can request further input after the first
  const note = answered ? hintOn(session.source.host, '; if it needs more input, run `ovpn3 auth`') : ''
  return result(session, 'done', `${actionTexts[options.action].progress} in the background${note}`, {status})
}

/**
 * The result if there is nothing to do: the session is connected, or is connecting and not waited for.
 * @throws Ovpn3Error if the session is at a dead end
 */
function unchangedResult(attempt: Attempt, status: SessionStatus | undefined): SessionResult | undefined {
  const {interaction, options, session} = attempt
  if (!status) return undefined
  const {action} = options
  if (isDeadEnd(status)) throw attempt.isNew ? attempt.refusedError(status) : deadEndError(session, status)
  if (action !== 'restart' && status.minor === StatusMinor.connected)
    return result(session, 'unchanged', 'already connected')
  if (action === 'authenticate' && !waitsForInput(status))
    return result(session, 'unchanged', `not waiting for input: ${statusText(status)}`)
  if (action === 'keep' && !attempt.canAttach(status)) throw keptError(session, status)
  if (!attempt.canAttach(status) || options.wait === 'required' || options.wait === 'default') return undefined
  const url = status.minor === StatusMinor.urlAuthentication && status.message
  if (url && !options.dryRun) interaction.openUrl(session, url)
  return result(session, 'unchanged', `${action === 'authenticate' ? '' : 'already '}${statusText(status)}`)
}

/** The error for a session that would stay unconnected if it were kept. */
function keptError(session: Session, status: SessionStatus): Ovpn3Error {
  const id = `--path ${shortId(session.id)}`
  const hint = waitsForInput(status)
    ? `Run \`ovpn3 auth ${id}\``
    : status.minor === StatusMinor.paused
      ? `Run \`ovpn3 resume ${id}\``
      : 'Pass --if-running=restart to reconnect it'
  return new Ovpn3Error('session-running', `kept, but not connected: ${statusText(status)}`, {hint})
}

/** Public access allows every user to act, but not to read the outcome. */
async function refuseToWait({session}: Attempt): Promise<never> {
  // without public access, this call reports that no action is allowed
  await session.ready()
  const {hint} = accessDenied('read')
  throw new Ovpn3Error('access-denied', 'cannot wait: its status is not readable by you: omit --timeout and --wait', {
    hint,
  })
}
