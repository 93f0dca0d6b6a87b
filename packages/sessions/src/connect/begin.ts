import {deadEndError, plannedResult, result, statusOf} from '../actions/result'
import {accessDenied, Ovpn3Error} from '../errors'
import {type SessionResult} from '../result'
import {type Session} from '../session'
import {isDeadEnd, type SessionStatus, StatusMinor, statusText, waitsForInput} from '../status'
import {shortId} from '../text'
import {act, verbFor} from './act'
import {type Attempt, connectProperties} from './attempt'
import {provideInput} from './input'

const words = {
  authenticate: {doing: 'connecting', would: 'would be authenticated'},
  keep: {doing: 'connecting', would: 'would be kept'},
  restart: {doing: 'restarting', would: 'would be restarted'},
  resume: {doing: 'resuming', would: 'would be resumed'},
  start: {doing: 'connecting', would: 'would be started'},
} as const

/** Sees whether the session needs input, and changes nothing. */
export async function survey(attempt: Attempt): Promise<SessionResult | undefined> {
  const {options, session} = attempt
  const status = statusOf(session)
  const over = leftAlone(attempt, status)
  if (over || options.dryRun || attempt.isOnItsWay(status) || (await session.ready())) return over
  attempt.asks = (await session.inputRequests()).length > 0
  return undefined
}

/** Everything up to the moment when the service goes to work. */
export async function begin(attempt: Attempt, isOld: boolean): Promise<SessionResult | undefined> {
  const {options, session} = attempt
  const {action, dryRun, wait} = options
  // while others were asked, much may have happened to this one; nobody has looked at a new one yet, whose name is known
  if (attempt.isNew) await session.refresh(['status'])
  else if (isOld) await session.refresh(connectProperties)
  const status = statusOf(session)
  attempt.status = status
  attempt.waits = wait === 'required' || (wait === 'default' && status !== undefined)
  const over = leftAlone(attempt, status)
  if (over) return over
  if (wait === 'required' && !status) await refuseToWait(attempt)
  if (dryRun) return plannedResult(session, words[action].would)

  attempt.attached = attempt.isOnItsWay(status)
  // a new one says so itself: a question less
  const isReady = attempt.isNew && status?.minor === StatusMinor.configOk
  const answered = !attempt.attached && !isReady && (await provideInput(attempt))
  if (wait === 'login' && answered && status) attempt.waits = true
  // before the action: a session that fails at once is removed, and the reason with it
  if (attempt.waits) attempt.unfollow = await session.follow(attempt.inbox.receive, {log: true})
  const verb = verbFor(attempt, status, answered)
  const acted = !attempt.attached && verb !== undefined && (await act(attempt, verb))
  return attempt.waits ? undefined : inBackground(attempt, acted, answered)
}

/** The result where nobody waits for the connection. */
export function inBackground({options, session, status}: Attempt, acted: boolean, answered: boolean): SessionResult {
  if (!acted) return result(session, 'unchanged', options.action === 'resume' ? 'not paused' : 'needs no input')
  // a server that asks for one thing may ask for another
  const more = answered ? '; if it needs more input, run `ovpn3 auth`' : ''
  return result(session, 'done', `${words[options.action].doing} in the background${more}`, {status})
}

/**
 * The result of a session with which nothing is to be done: it is connected, or about to be and not waited for.
 * @throws Ovpn3Error where nothing can be done with it
 */
function leftAlone(attempt: Attempt, status: SessionStatus | undefined): SessionResult | undefined {
  const {interaction, options, session} = attempt
  if (!status) return undefined
  const {action} = options
  if (isDeadEnd(status)) throw attempt.isNew ? attempt.refusal(status) : deadEndError(session, status)
  if (action !== 'restart' && status.minor === StatusMinor.connected)
    return result(session, 'unchanged', 'already connected')
  if (action === 'authenticate' && !waitsForInput(status))
    return result(session, 'unchanged', `not waiting for input: ${statusText(status)}`)
  if (action === 'keep' && !attempt.isOnItsWay(status)) throw keptError(session, status)
  if (!attempt.isOnItsWay(status) || options.wait === 'required' || options.wait === 'default') return undefined
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

/** Public access lets everybody act, but not see the outcome. */
async function refuseToWait({session}: Attempt): Promise<never> {
  // without public access nothing is allowed: that is said first
  await session.ready()
  const {hint} = accessDenied('look')
  throw new Ovpn3Error('access-denied', 'cannot wait: its status is not readable by you: omit --timeout and --wait', {
    hint,
  })
}
