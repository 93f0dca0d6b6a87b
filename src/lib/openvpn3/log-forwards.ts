/** Asks for a session's signals, or takes that back. False: the caller may not have them. */
type Ask = (enable: boolean) => Promise<boolean>

/** That the log service forwards a session's signals to this connection. */
export class LogForward {
  #live = false
  readonly #over: () => void
  #turn = Promise.resolve()
  #users = 0

  /** @param over called when nobody uses it any more */
  constructor(over: () => void) {
    this.#over = over
  }

  /** False: the signals do not arrive. */
  get live(): boolean {
    return this.#live
  }

  /** @throws Ovpn3Error */
  async join(ask: Ask): Promise<void> {
    this.#users++
    try {
      await this.#settle(ask)
    } catch (error) {
      this.#users--
      this.#settled()
      throw error
    }
  }

  /** The log service knows nobody who listens: it was started again. */
  async renew(ask: Ask): Promise<void> {
    this.#live = false
    await this.#settle(ask)
  }

  async leave(ask: Ask): Promise<void> {
    this.#users--
    try {
      await this.#settle(ask)
    } finally {
      this.#settled()
    }
  }

  /** The session is gone: there is nothing to take back. */
  end(): void {
    this.#live = false
    this.#users = 0
    this.#over()
  }

  #settled(): void {
    if (this.#users === 0) this.#over()
  }

  /** Asks for the signals or takes that back, as they are used by then or not. */
  #settle(ask: Ask): Promise<void> {
    const settle = async () => {
      const used = this.#users > 0
      if (used !== this.#live) this.#live = (await ask(used)) && used
    }

    this.#turn = this.#turn.then(settle, settle)
    return this.#turn
  }
}

/**
 * The sessions whose signals a connection gets. Asked for twice, a session's signals come twice, and taking that back
 * does not end it (seen on 24.1 and 27.1); so it is asked for once, however many follow the session.
 */
export class LogForwards {
  readonly #forwards = new Map<string, LogForward>()

  of(path: string): LogForward {
    let forward = this.#forwards.get(path)
    if (!forward) {
      forward = new LogForward(() => this.#forwards.delete(path))
      this.#forwards.set(path, forward)
    }

    return forward
  }
}
