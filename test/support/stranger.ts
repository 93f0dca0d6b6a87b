import {Forked} from './forked'

/** What a stranger is to send, once or over and over until it has something else to do. */
export interface Task {
  readonly id: number
  /** Milliseconds from one write to the next. */
  readonly every: number
  readonly repeat: boolean
  /** Bytes, written one after the other; a bus that closes the connection for one of them gets the next on another. */
  readonly writes: readonly Buffer[]
}

export interface Done {
  readonly id: number
  /** How many were sent. */
  readonly written: number
}

/** Any user of the machine, who sends messages to others that did not ask for them. */
export class Stranger {
  readonly #process: Forked<Task, Done>

  /** @param busAddress `unix:path=…` */
  constructor(uid: number, busAddress: string) {
    this.#process = new Forked('stranger-process', [uid, busAddress.replace(/^unix:path=/, '')])
    this.#process.start()
  }

  /** Sends these, and no more what it was at. */
  async send(...writes: Buffer[]): Promise<void> {
    await this.#start({every: 0, repeat: false, writes})
  }

  /**
   * Sends these over and over, as fast as the bus takes them or one every few milliseconds. What is returned ends it,
   * and answers how many were sent.
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
