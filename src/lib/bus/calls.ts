import {BusError, lostError} from './errors'
import {ownerChange} from './signals'

/** Default deadline of a call, in milliseconds. */
const defaultTimeout = 25_000
// A system bus allows a connection 128 unanswered calls (max_replies_per_connection) and refuses more: LimitsExceeded.
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
   * How long the destination may be silent, in milliseconds (default 25 000). The time starts with the call and restarts
   * with each answer of the destination to another call, so a service that works through a long queue does not time out.
   */
  readonly timeout?: number
  /** Omits the body and the answer from the trace. */
  readonly secret?: boolean
}

interface Pending extends Call {
  readonly resolve: (body: unknown[]) => void
  readonly reject: (error: BusError) => void
  readonly since: number
}

/** The calls of a connection. Each ends with an answer, at its deadline, or when the connection closes. */
export class Calls {
  readonly #onStall: ((path: string) => void) | undefined
  /** Sends a call and returns its serial. */
  readonly #send: (call: Call) => number
  readonly #lastAnswer = new Map<string, number>()
  readonly #pending = new Set<Pending>()
  readonly #queue: Pending[] = []
  readonly #stalled = new Set<string>()
  /** By serial. Includes calls that timed out, which the bus still counts. */
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
      // One clock for all calls: thousands may be queued, and their timers would take more memory than the calls.
      // setImmediate: after a SIGSTOP, answers that arrived meanwhile are read before deadlines are checked.
      this.#clock ??= setInterval(() => setImmediate(() => this.#check()), tick)
      // the bus itself always answers, and its calls do not wait behind those to slow services
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

  /** Ends all calls, because the connection has ended. */
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
      // the stream may close before its end is reported
      this.#settle(pending, lostError(error instanceof Error ? error.message : String(error), error))
    }
  }

  #check(): void {
    const now = performance.now()
    const seen = new Set<string>()
    for (const pending of this.#pending) {
      const {destination, member, path, since, timeout = defaultTimeout} = pending
      const silent = now - Math.max(since, this.#lastAnswer.get(destination) ?? 0)
      // a service answers in order, so it is working on the oldest call
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
    // it has timed out
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
