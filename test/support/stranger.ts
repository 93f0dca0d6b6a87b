import {type ChildProcess, fork} from 'node:child_process'
import path from 'node:path'

/** What a stranger is to send, once or over and over until it has something else to do. */
export interface Task {
  readonly id: number
  /** Milliseconds from one write to the next. */
  readonly every: number
  readonly repeat: boolean
  /** Bytes, written one after the other; a bus that closes the connection for one of them gets the next on another. */
  readonly writes: readonly Buffer[]
}

/** Any user of the machine, who sends messages to others that did not ask for them. */
export class Stranger {
  readonly #child: ChildProcess
  #last = 0
  readonly #pending = new Map<number, (written: number) => void>()

  /** @param busAddress `unix:path=…` */
  constructor(uid: number, busAddress: string) {
    const socket = busAddress.replace(/^unix:path=/, '')
    this.#child = fork(path.join(__dirname, 'stranger-process.js'), [String(uid), socket], {
      env: {PATH: process.env.PATH},
      execArgv: [],
      serialization: 'advanced',
    })
    this.#child.on('message', ({id, written}: {id: number; written: number}) => this.#pending.get(id)?.(written))
    this.#child.on('exit', () => {
      for (const settle of this.#pending.values()) settle(0)
    })
    this.#child.unref()
    this.#child.channel?.unref()
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
    if (this.#child.connected) this.#child.disconnect()
  }

  async #start(task: Omit<Task, 'id'>): Promise<number> {
    const id = ++this.#last
    if (!this.#child.connected) return 0
    const written = await new Promise<number>((resolve) => {
      this.#pending.set(id, resolve)
      this.#child.channel?.ref()
      this.#child.send({...task, id} satisfies Task)
    })
    this.#pending.delete(id)
    if (this.#pending.size === 0) this.#child.channel?.unref()
    return written
  }
}
