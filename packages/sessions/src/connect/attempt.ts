import {type Deadline} from '../abort'
import {baseProperties, failure, startAgainHint} from '../actions/result'
import {Ovpn3Error} from '../errors'
import {isGone, type SessionResult} from '../result'
import {type PropertyName, type Session, type Unsubscribe} from '../session'
import {isSameStatus, type SessionStatus, StatusMinor, statusText} from '../status'
import {Inbox} from './inbox'
import {type Interaction} from './interaction'

/** The properties that an attempt reads before it acts. */
export const connectProperties: readonly PropertyName[] = [...baseProperties, 'statistics']

/**
 * - `authenticate`: provides the input that a session waits for, and connects it
 * - `keep`: only waits for a session that another command is connecting
 * - `start`: connects a session that was created for this attempt, and removes it on failure
 */
type ConnectAction = 'authenticate' | 'keep' | 'restart' | 'resume' | 'start'

/**
 * Which sessions an attempt waits for until they are connected:
 * - `required`: all, even if that means to give up and disconnect a session
 * - `default`: those whose status can be read
 * - `login`: those that were sent credentials, because only the wait shows a refused login
 * - `never`: none
 */
export type Waiting = 'default' | 'login' | 'never' | 'required'

export interface ConnectOptions {
  readonly action: ConnectAction
  /** Ends the wait on timeout or interruption. */
  readonly deadline: Deadline
  readonly dryRun?: boolean
  /** On timeout or interruption, keep connecting instead of disconnecting. Also keeps a new session that failed. */
  readonly keep?: boolean
  readonly wait: Waiting
}

export type Verb = 'connect' | 'restart' | 'resume'

/** Milliseconds after the action during which reads may still return the status before it. */
const settleTime = 1000

/** How OpenVPN 3 reports a private key that it cannot decrypt (24.1 and 27.1). */
const keyFailure = /error in private key|bad decrypt/

/** An attempt to connect one session. */
export class Attempt {
  abandoned = false
  /** The session was already connecting: another client started it. */
  attached = false
  /** The status before the action. */
  before: SessionStatus | undefined
  /** The session accepted input or the action. */
  changed = false
  readonly inbox = new Inbox()
  /** What the session needs from the user before the wait can continue. */
  need: 'input' | {readonly url: string} | undefined
  /** The session needs, or needed, input. */
  needsInput = false
  /** The earliest times of the next check for missing input and of the next read of the status. */
  next = {inputCheck: 0, read: 0}
  /** Set when the attempt is over. */
  result: SessionResult | undefined
  /** The last kind of call that was sent to change the session. */
  sent: 'action' | 'input' | 'nothing' = 'nothing'
  /** Whether the action took effect, once it is answered. */
  sending: Promise<boolean> = Promise.resolve(true)
  shownUrl: string | undefined
  status: SessionStatus | undefined
  /** A status other than the one before the action has been received. */
  statusChanged = false
  unfollow: Unsubscribe | undefined
  waits = false
  #actedAt = 0

  constructor(
    readonly session: Session,
    readonly options: ConnectOptions,
    readonly interaction: Interaction,
    /** Whether this session may use an answer that is for one session only. */
    readonly claim: (attempt: Attempt) => boolean,
  ) {}

  get signal(): AbortSignal {
    return this.options.deadline.signal
  }

  /** The session was created for this attempt. */
  get isNew(): boolean {
    return this.options.action === 'start'
  }

  /** Whether a client is already connecting, so that the attempt only has to wait. */
  canAttach(status: SessionStatus | undefined): boolean {
    return this.options.action !== 'restart' && status !== undefined && isConnecting(status)
  }

  /** Call this directly before the action is sent: earlier statuses no longer count. */
  markActed(): void {
    this.inbox.take()
    this.before = this.status
    this.sent = 'action'
    this.#actedAt = performance.now()
  }

  recordStatus(status: SessionStatus): void {
    this.status = status
    if (!isSameStatus(status, this.before)) this.statusChanged = true
  }

  /** Whether a status could be the one before the action, which reads return for a moment. */
  isOutdated(status: SessionStatus): boolean {
    return (
      !this.statusChanged &&
      this.sent === 'action' &&
      isSameStatus(status, this.before) &&
      performance.now() - this.#actedAt < settleTime
    )
  }

  /** The error for a connection that failed for good, with the reason that the service gives. */
  refusedError(status: SessionStatus): Ovpn3Error {
    const loginHint = status.minor === StatusMinor.authenticationFailed ? 'Check the user name and password' : undefined
    const hint = this.isNew ? loginHint : startAgainHint(this.session)
    // the status keeps OpenSSL's own message
    const message = keyFailure.test(status.message) ? 'wrong passphrase or unreadable private key' : status.message
    return new Ovpn3Error('refused', message || statusText(status), {hint})
  }

  failure(
    error: Ovpn3Error,
    details: {statistics?: SessionResult['statistics']; status?: SessionStatus} = {},
  ): SessionResult {
    // a new session was not selected, so its end is not "no such session", and a retry may help
    const isLost = this.isNew && isGone(error)
    const reported = isLost ? new Ovpn3Error('failed', error.message, {cause: error}) : error
    return failure(this.session, reported, {changed: this.changed, status: this.status, ...details})
  }
}

/** Whether a client is running and not yet connected. */
export function isConnecting({minor}: SessionStatus): boolean {
  return (
    minor === StatusMinor.connecting ||
    minor === StatusMinor.reconnecting ||
    minor === StatusMinor.resuming ||
    minor === StatusMinor.urlAuthentication
  )
}
