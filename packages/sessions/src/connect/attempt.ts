import {type Deadline} from '../abort'
import {baseProperties, failure, startAgainHint} from '../actions/result'
import {Ovpn3Error} from '../errors'
import {isGone, type SessionResult} from '../result'
import {type PropertyName, type Session, type Unsubscribe} from '../session'
import {isSameStatus, type SessionStatus, StatusMinor, statusText} from '../status'
import {Inbox} from './inbox'
import {type Interaction} from './interaction'

/** What has to be known of a session before it is connected. */
export const connectProperties: readonly PropertyName[] = [...baseProperties, 'statistics']

/**
 * - `authenticate`: answers what a session waits for, and connects it
 * - `keep`: only waits for a session that another command is connecting
 * - `start`: connects a session that was made for this: it does not outlive a failure
 */
type BringUpAction = 'authenticate' | 'keep' | 'restart' | 'resume' | 'start'

/**
 * Which sessions are waited for until they are connected:
 * - `required`: all; one that does not connect is given up
 * - `default`: those whose status can be read
 * - `login`: those that were given credentials, since a refused login is only known afterwards
 * - `never`: none
 */
export type Waiting = 'default' | 'login' | 'never' | 'required'

export interface ConnectOptions {
  readonly action: BringUpAction
  /** Ends the waiting: when the time is up, or when the user has had enough. */
  readonly deadline: Deadline
  readonly dryRun?: boolean
  /** On timeout or interruption, leave the session connecting instead of disconnecting it; a new one on failure, too. */
  readonly keep?: boolean
  readonly wait: Waiting
}

export type Verb = 'connect' | 'restart' | 'resume'

/** Milliseconds within which the status of before the action may still be read. */
const settleTime = 1000

/** How OpenVPN 3 reports a private key that it cannot decrypt (24.1 and 27.1). */
const keyFailure = /error in private key|bad decrypt/

/** An attempt to connect one session. */
export class Attempt {
  /** It was given up: what there was to undo is undone. */
  abandoned = false
  /** The session needs, or needed, input. */
  asks = false
  /** The session was connecting before: it is not this attempt that started it. */
  attached = false
  /** The status before the action. */
  before: SessionStatus | undefined
  /** An answer was taken, or the action: the session is not as it was found. */
  changed = false
  readonly inbox = new Inbox()
  /** A status other than the one before the action was seen. */
  moved = false
  /** What the wait was left for. */
  need: 'input' | {readonly url: string} | undefined
  /** When the session may be asked again, and when whether it needs input. */
  next = {ask: 0, read: 0}
  /** Set when the attempt is over. */
  result: SessionResult | undefined
  /** What was sent to the session so far. */
  sent: 'action' | 'input' | 'nothing' = 'nothing'
  /** The answer to the action. */
  sending: Promise<boolean> = Promise.resolve(true)
  shownUrl: string | undefined
  status: SessionStatus | undefined
  unfollow: Unsubscribe | undefined
  waits = false
  #actedAt = 0

  constructor(
    readonly session: Session,
    readonly options: ConnectOptions,
    readonly interaction: Interaction,
    /** Whether an answer that is for one session only may be for this one. */
    readonly claim: (attempt: Attempt) => boolean,
  ) {}

  get signal(): AbortSignal {
    return this.options.deadline.signal
  }

  /** The session was made for this attempt. */
  get isNew(): boolean {
    return this.options.action === 'start'
  }

  /** There is nothing to start, only to wait for. */
  isOnItsWay(status: SessionStatus | undefined): boolean {
    return this.options.action !== 'restart' && status !== undefined && isUnderWay(status)
  }

  /** From now on the session is judged by what the action makes of it. */
  acting(): void {
    this.inbox.take()
    this.before = this.status
    this.sent = 'action'
    this.#actedAt = performance.now()
  }

  /** A status was seen. */
  saw(status: SessionStatus): void {
    this.status = status
    if (!isSameStatus(status, this.before)) this.moved = true
  }

  /** The status of before the action may still be there for a moment. */
  isOutdated(status: SessionStatus): boolean {
    return (
      !this.moved &&
      this.sent === 'action' &&
      isSameStatus(status, this.before) &&
      performance.now() - this.#actedAt < settleTime
    )
  }

  /** That the connection has failed for good, with the reason that the service gives. */
  refusal(status: SessionStatus): Ovpn3Error {
    const login = status.minor === StatusMinor.authenticationFailed ? 'Check the user name and password' : undefined
    const hint = this.isNew ? login : startAgainHint(this.session)
    // the status keeps OpenSSL's own message
    const message = keyFailure.test(status.message) ? 'wrong passphrase or unreadable private key' : status.message
    return new Ovpn3Error('refused', message || statusText(status), {hint})
  }

  failed(
    error: Ovpn3Error,
    details: {statistics?: SessionResult['statistics']; status?: SessionStatus} = {},
  ): SessionResult {
    // it was not chosen wrongly: it was there, and what ended it may pass
    const isLost = this.isNew && isGone(error)
    const told = isLost ? new Ovpn3Error('failed', error.message, {cause: error}) : error
    return failure(this.session, told, {changed: this.changed, status: this.status, ...details})
  }
}

/** A client runs and is about to connect. */
export function isUnderWay({minor}: SessionStatus): boolean {
  return (
    minor === StatusMinor.connecting ||
    minor === StatusMinor.reconnecting ||
    minor === StatusMinor.resuming ||
    minor === StatusMinor.urlAuthentication
  )
}
