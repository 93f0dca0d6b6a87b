import {proceed} from '../abort'
import {isNotStarted, type SessionStatus, StatusMinor} from '../status'
import {type Attempt, isConnecting, type Verb} from './attempt'

/**
 * The call that starts the connection, or undefined if there is nothing to start. Only Connect starts a client that never
 * ran or that stopped to request input: Resume and Restart leave it "resuming" or "reconnecting" forever (24.1 and 27.1).
 */
export function verbFor(
  {options, session}: Attempt,
  status: SessionStatus | undefined,
  answered: boolean,
): undefined | Verb {
  if (answered || (status && isNotStarted(status))) return 'connect'
  if (options.action === 'start') return 'connect'
  if (options.action === 'authenticate' || options.action === 'keep') return undefined
  const {statistics} = session.snapshot.values
  // a client that was started has counted at least its pause
  const neverStarted =
    status?.minor === StatusMinor.paused && statistics !== undefined && Object.keys(statistics).length === 0
  return neverStarted ? 'connect' : options.action
}

/** Sends the action to the service. False if there was nothing to do. */
export async function act(attempt: Attempt, verb: Verb): Promise<boolean> {
  const {isNew, sent, session, signal} = attempt
  // no other client knows a new session yet
  if (verb === 'connect' && !(isNew && sent === 'nothing')) {
    // another client may have started it meanwhile: a second Connect would kill it
    const {status} = (await session.fetch(['status'])).values
    if (status && (isConnecting(status) || status.minor === StatusMinor.connected)) {
      attempt.attached = attempt.sent !== 'action'
      return true
    }
  }

  // no await between here and the call: an attempt counts as started once the call is sent
  proceed(signal)
  const {attached} = attempt
  attempt.markActed()
  const call: Promise<unknown> = session[verb]()
  // only a resume of a session that is not paused returns false
  attempt.sending = call.then((changed) => changed !== false)
  const acted = await attempt.sending
  attempt.changed ||= acted
  // no longer paused: another client has resumed it
  attempt.attached = attached || !acted
  return acted
}
