import {isOvpn3Error, Ovpn3Error} from './errors'

/** Milliseconds that a pending call gets to complete after an interruption. */
const grace = 1000

/** The abort reason of a command that is interrupted. */
export class Interruption extends Ovpn3Error {
  /** @param hangup the terminal closed or the user logged out, so nothing is undone */
  constructor(readonly hangup = false) {
    super('interrupted', 'interrupted')
  }
}

/** The user left a question with Esc. */
export class Cancellation extends Interruption {
  override message = 'cancelled'
}

/** The error that a signal was aborted with. */
export function reasonOf({reason}: AbortSignal): Ovpn3Error {
  return isOvpn3Error(reason) ? reason : new Interruption()
}

/** Whether a signal was aborted by a hang-up. */
export function isHangup({reason}: AbortSignal): boolean {
  return Boolean((reason as Partial<Interruption> | undefined)?.hangup)
}

/**
 * Called before each step that changes something, because aborted work continues until its next step.
 * @throws Ovpn3Error the signal's reason, once it is aborted
 */
export function proceed(signal: AbortSignal): void {
  if (signal.aborted) throw reasonOf(signal)
}

/**
 * The value of the work, unless the signal is aborted first. The work itself is not cancelled.
 * @throws Ovpn3Error the signal's reason, or another error in its place
 */
export async function unlessAborted<T>(
  work: Promise<T>,
  signal: AbortSignal,
  reason: () => Ovpn3Error = () => reasonOf(signal),
): Promise<T> {
  let onAbort = () => {}
  const aborted = new Promise<never>((_, reject) => {
    // after the process was stopped (SIGSTOP), answers may be waiting to be read
    onAbort = () => setImmediate(() => reject(reason()))
  })
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort)
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** A signal that is aborted a number of milliseconds after another one. */
export function delayedSignal(signal: AbortSignal, milliseconds: number): AbortSignal {
  const later = new AbortController()
  const start = () => {
    setTimeout(() => later.abort(reasonOf(signal)), milliseconds).unref()
  }

  if (signal.aborted) start()
  else signal.addEventListener('abort', start, {once: true})
  return later.signal
}

/**
 * The value of the work, which gets one second to complete after an interruption. The session manager carries out a
 * call even if the caller no longer waits for the answer.
 * @throws Ovpn3Error `interrupted` if there is no answer by then, and the errors of the work
 */
export function withGrace<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return unlessAborted(work, delayedSignal(signal, grace), unansweredError)
}

/** An interruption before the answer: it is unknown whether the call took effect. */
export function unansweredError(): Ovpn3Error {
  return new Ovpn3Error('interrupted', 'interrupted before there was an answer: it may still have taken effect')
}

/** Resolves after a number of milliseconds, or as soon as one of the signals is aborted. */
export function sleep(milliseconds: number, ...signals: readonly AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      for (const signal of signals) signal.removeEventListener('abort', done)
      resolve()
    }

    const timer = setTimeout(done, Math.max(0, milliseconds))
    for (const signal of signals) {
      if (signal.aborted) done()
      else signal.addEventListener('abort', done)
    }
  })
}

/** A signal that is aborted with another one, or when its time limit expires. */
export class Deadline {
  readonly #controller = new AbortController()
  #left = Number.POSITIVE_INFINITY
  readonly #onAbort: () => void
  readonly #parent: AbortSignal
  #paused = 0
  #seconds = Number.POSITIVE_INFINITY
  #since = 0
  #timer: NodeJS.Timeout | undefined

  constructor(parent: AbortSignal, seconds = Number.POSITIVE_INFINITY) {
    this.#parent = parent
    this.#onAbort = () => this.abort(reasonOf(parent))
    if (parent.aborted) this.#onAbort()
    else parent.addEventListener('abort', this.#onAbort)
    this.limit(seconds)
  }

  /** The time limit. */
  get seconds(): number {
    return this.#seconds
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Sets the time limit, in seconds from now. */
  limit(seconds: number): void {
    this.#seconds = seconds
    this.#left = seconds * 1000
    this.#start()
  }

  /** Runs work, such as a prompt, that does not count toward the time limit. */
  async pause<T>(work: () => Promise<T>): Promise<T> {
    if (this.#paused++ === 0) this.#stop()
    try {
      return await work()
    } finally {
      if (--this.#paused === 0) this.#start()
    }
  }

  abort(reason: Ovpn3Error): void {
    this.end()
    this.#controller.abort(reason)
  }

  /** Cancels the time limit and detaches from the parent signal. */
  end(): void {
    this.#stop()
    this.#left = Number.POSITIVE_INFINITY
    this.#parent.removeEventListener('abort', this.#onAbort)
  }

  #start(): void {
    clearTimeout(this.#timer)
    if (this.#paused > 0 || this.#left === Number.POSITIVE_INFINITY || this.signal.aborted) return
    this.#since = performance.now()
    this.#timer = setTimeout(
      () => this.abort(new Ovpn3Error('timeout', `timed out after ${this.#seconds} s`)),
      Math.max(0, this.#left),
    )
  }

  #stop(): void {
    if (!this.#timer) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#left -= performance.now() - this.#since
  }
}
