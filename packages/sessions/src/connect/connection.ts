import {baseProperties, deadEndError, planned, result, startAgainHint, statusOf, turned} from '../actions/result'
import {accessDenied, hasCode, isOvpn3Error, Ovpn3Error} from '../errors'
import {unansweredError, withGrace} from '../interruption'
import {errorJson, labelOf, type SessionResult} from '../result'
import {InputGroup, type InputRequest, type Session, type SessionEvent, type Unsubscribe} from '../session'
import {isDeadEnd, isNotStarted, type SessionStatus, StatusMinor, statusText} from '../status'
import {safeText} from '../text'

export type BringUpAction = 'restart' | 'resume'

export interface BringUpOptions {
  readonly action: BringUpAction
  readonly dryRun?: boolean
  /** After the time limit, or when interrupted, leave the session trying instead of disconnecting it. */
  readonly keep?: boolean
  /** Aborted when the user does not want to wait any longer. */
  readonly signal: AbortSignal
  /** Seconds to wait for the connection; `Infinity` for as long as it takes, 0 for not at all. */
  readonly timeout: number
}

/** What bringing sessions up needs from the person at the other end. */
export interface Person {
  /** Cannot be told which session it is that asks: the answers are lines written beforehand, for one session. */
  readonly answersOne: boolean
  /** Answers to the requests, in their order. Rejects where there are none. */
  answer(session: Session, requests: readonly InputRequest[]): Promise<string[]>
  /** Shows a URL, and opens it where that can be done. */
  openUrl(session: Session, url: string): void
  /** Shows several waits side by side. */
  watch<T>(waits: readonly Wait<T>[]): Promise<T[]>
}

export interface Wait<T> {
  /** The id of the session that is waited for. */
  readonly key: string
  readonly title: string
  run(progress: (text: string) => void): Promise<{failure?: string; value: T}>
}

/** Milliseconds between two looks at the status; signals tell sooner where the caller may have them. */
const pollInterval = 500
/** Milliseconds for which what was read of a session is good enough to act on. */
const snapshotAge = 1000
/** Milliseconds within which a status of before the action may still be read. */
const settleTime = 1000

const words = {
  restart: {doing: 'restarting', title: 'Restarting', would: 'would be restarted'},
  resume: {doing: 'resuming', title: 'Resuming', would: 'would be resumed'},
} as const

/**
 * Resumes or restarts sessions and, where asked for, waits until they are connected. Whatever the service needs for
 * that is asked of the person, one session after the other; the waiting is done side by side. Where the person can
 * answer for one session only, and several ask, none is answered. The sessions' snapshots must have the base properties
 * and `statistics`.
 */
export async function bringUp(
  sessions: readonly Session[],
  options: BringUpOptions,
  person: Person,
): Promise<SessionResult[]> {
  let answered: Attempt | undefined
  const mayAsk = (attempt: Attempt) => {
    if (!person.answersOne) return true
    if (!answered && attempts.every((other) => other === attempt || !other.asks)) answered = attempt
    return answered === attempt
  }

  const attempts = sessions.map((session) => new Attempt(session, options, person, mayAsk))
  const interrupted = () => options.signal.aborted || attempts.some((attempt) => attempt.interrupted)
  try {
    if (person.answersOne && attempts.length > 1) await Promise.all(attempts.map((attempt) => attempt.survey()))
    // in turn: one person answers for all of them
    for (const attempt of attempts) if (!interrupted()) await attempt.begin()
    while (!interrupted() && attempts.some((attempt) => !attempt.result)) {
      const waiting = attempts.filter((attempt) => !attempt.result)
      await person.watch(waiting.map((attempt) => attempt.wait()))
      for (const attempt of waiting) if (!interrupted()) await attempt.attend()
    }

    await Promise.all(attempts.map((attempt) => attempt.abandon()))
  } finally {
    await Promise.all(attempts.map((attempt) => attempt.end()))
  }

  return attempts.map((attempt) => attempt.result!)
}

type Verb = BringUpAction | 'connect'

/** Bringing up one session. `result` is set when it is over. */
class Attempt {
  result: SessionResult | undefined
  /** It has come to need input. */
  asks = false
  /** What the person has to do before the wait can go on. */
  #need: 'input' | {readonly url: string} | undefined
  /** It is not any more as it was found. */
  #changed = false
  /** The person has had enough, and said so at a question: no signal tells. */
  #quit = false
  readonly #events: SessionEvent[] = []
  #left: number
  readonly #mayAsk: (attempt: Attempt) => boolean
  readonly #options: BringUpOptions
  readonly #person: Person
  readonly #session: Session
  #shownUrl: string | undefined
  #started = 0
  /** The status that it had before the action. */
  #before: SessionStatus | undefined
  readonly #created = performance.now()
  /** A status other than the one of before the action was seen. */
  #moved = false
  #status: SessionStatus | undefined
  #unfollow: Unsubscribe | undefined
  #wake = () => {}

  constructor(session: Session, options: BringUpOptions, person: Person, mayAsk: (attempt: Attempt) => boolean) {
    this.#mayAsk = mayAsk
    this.#session = session
    this.#options = options
    this.#person = person
    this.#left = options.timeout * 1000
  }

  get interrupted(): boolean {
    return this.#quit || this.result?.error?.code === 'interrupted'
  }

  /** Sees whether it needs input, and changes nothing. */
  async survey(): Promise<void> {
    await this.#guard(async () => {
      const status = statusOf(this.#session)
      this.result = this.#leftAlone(status)
      if (this.result || this.#options.dryRun || this.#isOnItsWay(status) || (await this.#session.ready())) return
      this.asks = (await this.#session.inputRequests()).length > 0
    })
  }

  /** Everything up to the moment when the service goes to work. */
  async begin(): Promise<void> {
    if (this.result) return
    await this.#guard(async () => {
      const {action, dryRun, timeout} = this.#options
      // while others were asked, much may have happened to this one
      if (this.#snapshotIsOld) await this.#session.look([...baseProperties, 'statistics'])
      const status = statusOf(this.#session)
      this.#status = status
      const {doing, would} = words[action]
      this.result = this.#leftAlone(status)
      if (this.result) return
      if (timeout && !status) await this.#refuseToWait()
      if (dryRun) return this.#finish(await planned(this.#session, would))

      if (timeout) this.#unfollow = await this.#session.follow((event) => this.#receive(event))
      const attached = this.#isOnItsWay(status)
      const answered = !attached && (await this.#provideInput())
      const acted = !attached && (await this.#act(this.#verb(status, answered)))
      if (timeout) return
      // a server that asks for one thing may ask for another
      const more = answered ? '; --resume --wait shows what else it needs, such as web authentication' : ''
      this.#finish(
        acted
          ? result(this.#session, 'done', `${doing} in the background${more}`, {status})
          : result(this.#session, 'unchanged', 'it was not paused'),
      )
    })
  }

  /**
   * What becomes of a session that nothing is to be done with: it is up, or on its way there and not waited for.
   * @throws Ovpn3Error where nothing can be done with it
   */
  #leftAlone(status: SessionStatus | undefined): SessionResult | undefined {
    if (!status) return undefined
    if (isDeadEnd(status)) throw deadEndError(this.#session, status)
    const {action, dryRun, timeout} = this.#options
    if (action === 'resume' && status.minor === StatusMinor.connected)
      return result(this.#session, 'unchanged', 'already connected')
    if (!this.#isOnItsWay(status) || timeout) return undefined
    const url = status.minor === StatusMinor.urlAuthentication && status.message
    if (url && !dryRun) this.#person.openUrl(this.#session, url)
    return result(this.#session, 'unchanged', `already ${statusText(status)}`)
  }

  /** There is nothing to resume, only to wait for. */
  #isOnItsWay(status: SessionStatus | undefined): boolean {
    return this.#options.action === 'resume' && status !== undefined && isUnderWay(status)
  }

  /** A wait until the session is connected, has failed, or needs the person. */
  wait(): Wait<void> {
    const title = `${words[this.#options.action].title} ${labelOf(this.#session)}`
    return {
      key: this.#session.id,
      run: async (progress) => {
        await this.#guard(() => this.#untilSettled(progress), {toTheEnd: true})
        return {failure: this.result?.error?.message, value: undefined}
      },
      title,
    }
  }

  /** Lets the person do what the wait was left for. */
  async attend(): Promise<void> {
    const need = this.#need
    this.#need = undefined
    if (this.result || !need) return
    if (need !== 'input') {
      this.#person.openUrl(this.#session, need.url)
      return
    }

    await this.#guard(async () => {
      // a client that asks in the middle of it has ended and has to be started again
      if (await this.#provideInput()) await this.#act('connect')
    })
  }

  /** After an interruption: what was started is given up, what was not is left as it is. */
  async abandon(): Promise<void> {
    if (this.result) return
    await this.#guard(
      () => {
        if (this.#started) return this.#interrupted()
        throw new Ovpn3Error('interrupted', 'interrupted: nothing was done')
      },
      {toTheEnd: true},
    )
  }

  async end(): Promise<void> {
    try {
      if (this.#unfollow) await withGrace(this.#unfollow(), this.#options.signal)
    } catch (error) {
      // the session, or the bus, is gone, and so is the subscription; or the session manager has yet to come to it
      if (!isOvpn3Error(error)) throw error
    }
  }

  /**
   * Only Connect starts a client that does not run: one that never did, or that stopped to ask for something. Resume
   * and Restart would leave it at "resuming" and "reconnecting" for ever (seen on 24.1 and 27.1).
   */
  #verb(status: SessionStatus | undefined, answered: boolean): Verb {
    if (answered || (status && isNotStarted(status))) return 'connect'
    const {statistics} = this.#session.snapshot.values
    // a client that was started has counted at least its pause
    const neverStarted =
      status?.minor === StatusMinor.paused && statistics !== undefined && Object.keys(statistics).length === 0
    return neverStarted ? 'connect' : this.#options.action
  }

  /** Public access lets everybody act, but not see what comes of it. */
  async #refuseToWait(): Promise<never> {
    // without public access nothing is allowed: that is said first
    await this.#session.ready()
    const {hint} = accessDenied('look')
    throw new Ovpn3Error('access-denied', 'its status is not readable by you: do without --timeout and --wait', {hint})
  }

  /**
   * An interruption is answered at once, and what was under way goes on: it has to look before it does something.
   * @throws Ovpn3Error `interrupted`
   */
  #proceed(): void {
    if (this.#options.signal.aborted) throw new Ovpn3Error('interrupted', 'interrupted')
  }

  /** False where there was nothing to do. */
  async #act(verb: Verb): Promise<boolean> {
    this.#proceed()
    this.#started = performance.now()
    this.#before = this.#status
    // what happened until now is not for the action to be judged by
    this.#events.length = 0
    switch (verb) {
      case 'connect': {
        // whoever else has started it meanwhile: a second Connect would kill it
        const {values} = await this.#session.read(['status'])
        if (values.status && (isUnderWay(values.status) || values.status.minor === StatusMinor.connected)) break
        this.#proceed()
        await this.#session.connect()
        this.#changed = true
        break
      }

      case 'restart': {
        await this.#session.restart()
        this.#changed = true
        break
      }

      case 'resume': {
        this.#changed = await this.#session.resume()
        return this.#changed
      }
    }

    return true
  }

  /**
   * Asks for all that is missing before any of it is handed over, so that an end of input changes nothing. True where
   * something was missing.
   */
  async #provideInput(): Promise<boolean> {
    let needed = false
    while (!(await this.#session.ready())) {
      const requests = await this.#session.inputRequests()
      // it waits for something that is not typed in, such as web authentication
      if (requests.length === 0) break
      needed = true
      this.asks = true
      if (!this.#mayAsk(this)) throw oneOnlyError(requests)
      const answers = await this.#person.answer(this.#session, requests)
      for (const [index, request] of requests.entries()) {
        this.#proceed()
        await this.#session.provideInput(request, answers[index]!)
        this.#changed = true
      }
    }

    return needed
  }

  async #untilSettled(progress: (text: string) => void): Promise<void> {
    const {signal} = this.#options
    const since = performance.now()
    const deadline = since + this.#left
    try {
      for (;;) {
        if (signal.aborted) return await this.#interrupted()
        if (performance.now() >= deadline) return await this.#giveUp()
        if (await this.#step(progress)) return
        await this.#sleep(Math.min(pollInterval, deadline - performance.now()), signal)
      }
    } finally {
      this.#left -= performance.now() - since
    }
  }

  /** Looks at what came in, or else at the session itself. True when the wait is over. */
  async #step(progress: (text: string) => void): Promise<boolean> {
    const events = this.#events.splice(0)
    if (events.length === 0) {
      const status = await this.#readStatus()
      if (status && !this.#isOutdated(status)) events.push({status, type: 'status'})
    }

    for (const event of events) {
      if (event.type === 'removed')
        throw new Ovpn3Error('session-not-found', 'the session was removed while it connected')
      if (event.type === 'attention') {
        if (event.group === InputGroup.openUrl && this.#openUrl(event.message)) return true
        continue
      }

      this.#status = event.status
      if (!isSame(event.status, this.#before)) this.#moved = true
      progress(statusText(event.status))

      if (await this.#judge(event.status)) return true
    }

    return false
  }

  async #judge(status: SessionStatus): Promise<boolean> {
    switch (status.minor) {
      case StatusMinor.challenge:
      case StatusMinor.inputRequired:
      case StatusMinor.userPasswordNeeded: {
        if (await this.#session.ready()) return false
        this.#need = 'input'
        this.asks = true
        return true
      }

      case StatusMinor.connected: {
        const {values} = await this.#session.read(['connected_to', 'device_name'])
        const server = values.connected_to?.host ? ` to ${values.connected_to.host}` : ''
        const device = values.device_name ? ` on ${values.device_name}` : ''
        this.#finish(result(this.#session, 'done', `connected${server}${device}`, {status}))
        return true
      }

      case StatusMinor.paused: {
        throw new Ovpn3Error('failed', 'it was paused again while it connected')
      }

      case StatusMinor.urlAuthentication: {
        return this.#openUrl(status.message)
      }

      default: {
        if (status.minor >= StatusMinor.pkcs11Sign && status.minor <= StatusMinor.pkcs11Verify)
          throw new Ovpn3Error('refused', `it ${statusText(status)}, which cannot be given here`)
        if (isDeadEnd(status))
          throw new Ovpn3Error('refused', status.message || statusText(status), {hint: startAgainHint(this.#session)})
        return false
      }
    }
  }

  /** The status of before may still be there for a moment after the action. */
  #isOutdated(status: SessionStatus): boolean {
    return !this.#moved && isSame(status, this.#before) && performance.now() - this.#started < settleTime
  }

  #openUrl(url: string): boolean {
    if (!url || url === this.#shownUrl) return false
    this.#shownUrl = url
    this.#need = {url}
    return true
  }

  /** Undefined where it was interrupted: the session manager may wait for a backend that hangs. */
  async #readStatus(): Promise<SessionStatus | undefined> {
    const snapshot = await unlessAborted(this.#session.read(['status']), this.#options.signal)
    if (snapshot?.errors.status) {
      if (hasCode(snapshot.errors.status, 'session-not-found'))
        throw new Ovpn3Error('session-not-found', 'the session was removed while it connected')
      throw snapshot.errors.status
    }

    return snapshot?.values.status
  }

  async #giveUp(): Promise<void> {
    // while this process was stopped, it may have got there
    const {status} = (await this.#session.read(['status'])).values
    if (status?.minor === StatusMinor.connected && !this.#isOutdated(status)) {
      await this.#judge(status)
      return
    }

    const state = this.#status ? statusText(this.#status) : 'no status'
    await this.#leave('timeout', `not connected within ${this.#options.timeout} s (${state})`)
  }

  #interrupted(): Promise<void> {
    return this.#leave('interrupted', 'interrupted')
  }

  /** Ends the wait without a connection: the session is disconnected, or left alone with `keep`. */
  async #leave(code: 'interrupted' | 'timeout', why: string): Promise<void> {
    if (this.#options.keep) throw new Ovpn3Error(code, `${why}: it goes on trying`)
    const {statistics} = (await this.#session.read(['statistics'])).values
    try {
      await this.#session.disconnect()
    } catch (error) {
      // gone is what it was to be
      if (!hasCode(error, 'session-stale', 'session-not-found')) throw error
    }

    const error = new Ovpn3Error(code, `${why}: given up and disconnected`, {hint: '--keep leaves it trying'})
    const status = turned(this.#status, StatusMinor.done)
    const details = {changed: true, error: errorJson(error), statistics, status}
    this.#finish(result(this.#session, 'failed', error.message, details))
  }

  #sleep(delay: number, signal: AbortSignal): Promise<void> {
    if (this.#events.length > 0 || signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        resolve()
      }

      const timer = setTimeout(done, Math.max(0, delay))
      signal.addEventListener('abort', done)
      this.#wake = done
    })
  }

  #receive(event: SessionEvent): void {
    this.#events.push(event)
    this.#wake()
  }

  #finish(value: SessionResult): void {
    this.result = value
  }

  /** The snapshot was taken so long ago that somebody may have done something since. */
  get #snapshotIsOld(): boolean {
    return performance.now() - this.#created > snapshotAge
  }

  /** Makes a result of what an action throws. An interruption cuts it short, unless it ends itself in good order. */
  async #guard(action: () => Promise<void> | void, {toTheEnd = false} = {}): Promise<void> {
    const work = async () => {
      await action()
      return true
    }

    try {
      if (toTheEnd) await action()
      else if (!(await unlessAborted(work(), this.#options.signal)))
        throw this.#started ? unansweredError() : new Ovpn3Error('interrupted', 'interrupted')
    } catch (error) {
      if (!isOvpn3Error(error)) throw error
      // what was started has to be given up first
      if (error.code === 'interrupted' && this.#started && !toTheEnd && this.#options.timeout) {
        this.#quit = true
        return
      }

      const details = {changed: this.#changed, error: errorJson(error), status: this.#status}
      this.#finish(result(this.#session, 'failed', error.message, details))
    }
  }
}

/** What the work comes to; undefined as soon as the signal is aborted. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  let stop = () => {}
  const aborted = new Promise<void>((resolve) => {
    stop = () => resolve()
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop)
  })
  try {
    return (await Promise.race([aborted, work])) ?? undefined
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

function isSame(status: SessionStatus, other: SessionStatus | undefined): boolean {
  return status.minor === other?.minor && status.message === other.message
}

function oneOnlyError(requests: readonly InputRequest[]): Ovpn3Error {
  const missing = requests.map(({description, name}) => safeText(description || name)).join(', ')
  return new Ovpn3Error(
    'input-missing',
    `input is needed, and standard input answers for one session only: ${missing}`,
    {
      hint: 'Name one session with --path or --config, or answer on a terminal',
    },
  )
}

function isUnderWay({minor}: SessionStatus): boolean {
  return (
    minor === StatusMinor.connecting ||
    minor === StatusMinor.reconnecting ||
    minor === StatusMinor.resuming ||
    minor === StatusMinor.urlAuthentication
  )
}
