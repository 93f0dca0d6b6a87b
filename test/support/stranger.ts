import {Forked} from './forked'

/** The bytes for a stranger to send: once, or repeatedly until its next task. */
export interface Task {
  readonly id: number
  /** Milliseconds between writes. */
  readonly every: number
  readonly repeat: boolean
  /** Bytes to write in order; if the bus closes the connection, the next write uses a new one. */
  readonly writes: readonly Buffer[]
}

export interface Done {
  readonly id: number
  /** The number of writes. */
  readonly written: number
}

/** Another user of the machine who sends unsolicited messages. */
export class Stranger {
  readonly #process: Forked<Task, Done>

  /** @param busAddress `unix:path=…` */
  constructor(uid: number, busAddress: string) {
    this.#process = new Forked('stranger-process', [uid, busAddress.replace(/^unix:path=/, '')])
    this.#process.start()
  }

  /** Ends the current task and sends these bytes once. */
  async send(...writes: Buffer[]): Promise<void> {
    await this.#start({every: 0, repeat: false, writes})
  }

  /**
   * Sends these bytes repeatedly, as fast as the bus accepts them or at an interval in milliseconds.
   * @returns a function that ends the flood and returns the number of writes
   */
  flood(writes: readonly Buffer[], every = 0): () => Promise<number> {
    const written = this.#start({every, repeat: true, writes})
    return async () => {
      await this.send()
      return written
    }
  }

  close(): void {
    this.#process.close()
  }

  async #start(task: Omit<Task, 'id'>): Promise<number> {
    const done = await this.#process.ask(task)
    return done?.written ?? 0
  }
}
