import {type ChildProcess, fork} from 'node:child_process'
import path from 'node:path'

/** What a stranger is to send, as bytes: once, or over and over until it has something else to do. */
export interface Task {
  readonly id: number
  readonly messages: readonly Buffer[]
  readonly repeat: boolean
}

/** Any user of the machine, who sends messages to others that did not ask for them. */
export class Stranger {
  readonly #child: ChildProcess
  #last = 0
  readonly #pending = new Map<number, (sent: number) => void>()

  /** @param busAddress `unix:path=…` */
  constructor(uid: number, busAddress: string) {
    const socket = busAddress.replace(/^unix:path=/, '')
    this.#child = fork(path.join(__dirname, 'stranger-process.js'), [String(uid), socket], {
      env: {PATH: process.env.PATH},
      execArgv: [],
      serialization: 'advanced',
    })
    this.#child.on('message', ({id, sent}: {id: number; sent: number}) => this.#pending.get(id)?.(sent))
    this.#child.on('exit', () => {
      for (const settle of this.#pending.values()) settle(0)
    })
    this.#child.unref()
    this.#child.channel?.unref()
  }

  /** Sends these once they can be, and what it was at no more. */
  async send(...messages: Buffer[]): Promise<void> {
    await this.#start(messages, false)
  }

  /** Sends these over and over, as fast as the bus takes them. What is returned ends it and says how many there were. */
  flood(...messages: Buffer[]): () => Promise<number> {
    const sent = this.#start(messages, true)
    return async () => {
      await this.send()
      return sent
    }
  }

  close(): void {
    if (this.#child.connected) this.#child.disconnect()
  }

  #start(messages: readonly Buffer[], repeat: boolean): Promise<number> {
    const id = ++this.#last
    return new Promise((resolve) => {
      this.#pending.set(id, resolve)
      this.#child.channel?.ref()
      this.#child.send({id, messages, repeat} satisfies Task)
    }).then((sent) => {
      this.#pending.delete(id)
      if (this.#pending.size === 0) this.#child.channel?.unref()
      return sent as number
    })
  }
}
