import {BusError, lostError} from './errors'
import {ownerChange} from './signals'

/** Milliseconds that a call may go unanswered unless it says otherwise. */
const defaultTimeout = 25_000
// A system bus allows a connection 128 unanswered calls (max_replies_per_connection) and answers LimitsExceeded beyond.
const maxUnanswered = 100
const stallAfter = 1500
const tick = 50

export interface Call {
  readonly destination: string
  readonly path: string
  readonly interface: string
  readonly member: string
  readonly signature?: string
  readonly body?: readonly unknown[]
  /**
   * Milliseconds, 25 000 by default, during which the destination may be silent. It counts from the call, and again
   * from each answer that the destination gives to another call of ours: a service that works through a long queue is
   * not given up on.
   */
  readonly timeout?: number
  /** Neither the body nor the answer is traced. */
  readonly secret?: boolean
}

interface Pending extends Call {
  readonly resolve: (body: unknown[]) => void
  readonly reject: (error: BusError) => void
  readonly since: number
}

/** The calls of a connection. Each ends: with an answer, at its deadline, or when the connection closes. */
export class Calls {
  readonly #onStall: ((path: string) => void) | undefined
  /** Sends a call, and answers its serial. */
  readonly #send: (call: Call) => number
  readonly #lastAnswer = new Map<string, number>()
  readonly #pending = new Set<Pending>()
  readonly #queue: Pending[] = []
  readonly #stalled = new Set<string>()
  /** By serial: also calls that were given up on, which the bus still counts. */
  readonly #unanswered = new Map<number, Pending>()
  #clock: NodeJS.Timeout | undefined

  constructor(send: (call: Call) => number, onStall?: (path: string) => void) {
    this.#send = send
    this.#onStall = onStall
  }

  /** @throws BusError */
  make(call: Call): Promise<unknown[]> {
    return new Promise((resolve, reject) => {
      const pending = {...call, reject, resolve, since: performance.now()}
      this.#pending.add(pending)
      // One clock for all calls: thousands may be queued, and a timer for each takes more memory than the calls. When
      // this process was stopped for a while, answers may be here that have yet to be read.
      this.#clock ??= setInterval(() => setImmediate(() => this.#check()), tick)
      // the bus itself always answers
      if (call.destination === ownerChange.sender) this.#dispatch(pending)
      else {
        this.#queue.push(pending)
        this.#dispatchNext()
      }
    })
  }

  isAwaited(serial: number): boolean {
    return this.#unanswered.has(serial)
  }

  /** Ends the call that has this serial. */
  answer(serial: number, result: BusError | unknown[]): void {
    const pending = this.#unanswered.get(serial)
    if (!pending) return
    this.#unanswered.delete(serial)
    this.#lastAnswer.set(pending.destination, performance.now())
    this.#settle(pending, result)
    this.#dispatchNext()
  }

  /** Ends all calls: the connection is over. */
  end(error: BusError): void {
    for (const pending of this.#pending) this.#settle(pending, error)
  }

  #dispatchNext(): void {
    while (this.#unanswered.size < maxUnanswered) {
      const pending = this.#queue.shift()
      if (!pending) return
      if (this.#pending.has(pending)) this.#dispatch(pending)
    }
  }

  #dispatch(pending: Pending): void {
    try {
      this.#unanswered.set(this.#send(pending), pending)
    } catch (error) {
      // a call that meets the end of the connection learns of it first
      this.#settle(pending, lostError(error instanceof Error ? error.message : String(error), error))
    }
  }

  #check(): void {
    const now = performance.now()
    const seen = new Set<string>()
    for (const pending of this.#pending) {
      const {destination, member, path, since, timeout = defaultTimeout} = pending
      const silent = now - Math.max(since, this.#lastAnswer.get(destination) ?? 0)
      // the oldest is the one that the destination is at
      const oldest = !seen.has(destination)
      seen.add(destination)
      if (silent >= timeout)
        this.#settle(pending, new BusError('timeout', `${member} timed out after ${timeout / 1000} s`))
      else if (oldest && silent >= stallAfter && !this.#stalled.has(path)) {
        this.#stalled.add(path)
        this.#onStall?.(path)
      }
    }
  }

  #settle(pending: Pending, result: BusError | unknown[]): void {
    // it was given up on
    if (!this.#pending.delete(pending)) return
    const {path, reject, resolve} = pending
    if (this.#stalled.has(path) && ![...this.#pending].some((other) => other.path === path)) this.#stalled.delete(path)
    if (this.#pending.size === 0) {
      clearInterval(this.#clock)
      this.#clock = undefined
    }

    if (result instanceof BusError) reject(result)
    else resolve(result)
  }
}
