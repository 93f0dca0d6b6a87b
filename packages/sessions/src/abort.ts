import {isOvpn3Error, Ovpn3Error} from './errors'

/** Milliseconds that a call under way gets for its answer after an interruption. */
const grace = 1000

/** Why a command is cut short: the reason of its signal. */
export class Interruption extends Ovpn3Error {
  /** @param hangup the terminal is gone, or the user has logged out: nobody asked for anything to be undone */
  constructor(readonly hangup = false) {
    super('interrupted', 'interrupted')
  }
}

/** Why a signal was aborted. */
export function reasonOf({reason}: AbortSignal): Ovpn3Error {
  return isOvpn3Error(reason) ? reason : new Interruption()
}

/** Whether a signal was aborted by a hang-up. */
export function isHangup({reason}: AbortSignal): boolean {
  return Boolean((reason as Partial<Interruption> | undefined)?.hangup)
}

/**
 * Called before each step that changes something: work that nobody waits for any more goes on by itself.
 * @throws Ovpn3Error the signal's reason, once it is aborted
 */
export function proceed(signal: AbortSignal): void {
  if (signal.aborted) throw reasonOf(signal)
}

/**
 * The value of the work, unless the signal is aborted first. The work itself goes on.
 * @throws Ovpn3Error the signal's reason, or another error in its place
 */
export async function unlessAborted<T>(
  work: Promise<T>,
  signal: AbortSignal,
  reason: () => Ovpn3Error = () => reasonOf(signal),
): Promise<T> {
  let onAbort = () => {}
  const aborted = new Promise<never>((_, reject) => {
    // after the process was stopped for a while, there may be answers that have yet to be read
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

/** A signal that is aborted so many milliseconds after another one. */
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
 * The value of the work; after an interruption it has a second to end. The session manager carries out a call whether
 * or not anyone waits for the answer.
 * @throws Ovpn3Error `interrupted` where there was no answer by then, and what the work throws
 */
export function withGrace<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return unlessAborted(work, delayedSignal(signal, grace), unansweredError)
}

/** An interruption before the answer: nobody knows whether the call took effect. */
export function unansweredError(): Ovpn3Error {
  return new Ovpn3Error('interrupted', 'interrupted before there was an answer: it may still have taken effect')
}

/** Resolves after so many milliseconds, or as soon as one of the signals is aborted. */
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

/** A signal that is aborted when another one is, or when the time is up. */
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

  /** The time is up after so many seconds from now. */
  limit(seconds: number): void {
    this.#seconds = seconds
    this.#left = seconds * 1000
    this.#start()
  }

  /** Runs work during which the time stands still: a question to a person. */
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

  /** Nobody waits any more: the time is never up. */
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
