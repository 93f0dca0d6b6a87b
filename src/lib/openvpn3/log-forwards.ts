/** Enables or disables the forwarding of a session's signals. Resolves to false if it is denied. */
type SetForwarding = (enable: boolean) => Promise<boolean>

/** The forwarding of a session's signals to this connection by the log service, shared by all its followers. */
export class LogForward {
  #isEnabled = false
  /** The log service has restarted since forwarding was enabled, or while it was being enabled. */
  #isLost = false
  readonly #onUnused: () => void
  #turn = Promise.resolve()
  #followers = 0

  /** @param onUnused called when the last follower has left */
  constructor(onUnused: () => void) {
    this.#onUnused = onUnused
  }

  /** Whether the signals arrive. */
  get live(): boolean {
    return this.#isEnabled && !this.#isLost
  }

  /** @throws Ovpn3Error */
  async join(set: SetForwarding): Promise<void> {
    this.#followers++
    try {
      await this.#update(set)
    } catch (error) {
      this.#followers--
      this.#reportUnused()
      throw error
    }
  }

  /** Enables forwarding again after a restart of the log service, which loses all subscriptions. */
  async renew(set: SetForwarding): Promise<void> {
    this.#isLost = true
    await this.#update(set)
  }

  async leave(set: SetForwarding): Promise<void> {
    this.#followers--
    try {
      await this.#update(set)
    } finally {
      this.#reportUnused()
    }
  }

  /** Ends forwarding without a call, because the session was removed. */
  end(): void {
    this.#isEnabled = false
    this.#followers = 0
    this.#onUnused()
  }

  #reportUnused(): void {
    if (this.#followers === 0) this.#onUnused()
  }

  /** Enables forwarding if it has followers when its turn comes, otherwise disables it. */
  #update(set: SetForwarding): Promise<void> {
    const update = async () => {
      const enable = this.#followers > 0
      if (this.#isLost) this.#isEnabled = false
      this.#isLost = false
      if (enable !== this.#isEnabled) this.#isEnabled = (await set(enable)) && enable
    }

    this.#turn = this.#turn.then(update, update)
    return this.#turn
  }
}

/**
 * The log forwards of a connection, one for each session. If forwarding is enabled twice, each signal arrives twice and
 * disabling it has no effect (seen on 24.1 and 27.1). So it is enabled once, for all followers of the session.
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
