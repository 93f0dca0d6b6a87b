import {type ChildProcess, fork} from 'node:child_process'
import path from 'node:path'

import type {ReceivedSignal, Request, Response} from './bus-client-process'

/** A D-Bus error reply. */
export class CallError extends Error {
  constructor(
    readonly type: string,
    readonly text: string,
  ) {
    super(text || type)
  }
}

/** One user's connection to the bus, in a process of its own, started with the first call. */
export class BusClient {
  #child?: ChildProcess
  #last = 0
  readonly #pending = new Map<number, (response: Response) => void>()
  /** Every signal that arrived. Which do is up to AddMatch, as on any connection. */
  readonly signals: ReceivedSignal[] = []

  constructor(
    readonly uid: number,
    readonly busAddress: string,
  ) {}

  async call(request: Omit<Request, 'id'>): Promise<readonly unknown[]> {
    this.#last += 1
    const id = this.#last
    const response = await new Promise<Response>((resolve) => {
      // A hung backend holds the manager for 10 s.
      const timer = setTimeout(resolve, 30_000, {id, error: {name: 'timeout', text: `No answer to ${request.member}`}})
      const child = this.#start()
      this.#pending.set(id, (answer) => {
        clearTimeout(timer)
        resolve(answer)
      })
      child.channel?.ref()
      child.send({id, ...request}, (error) => {
        if (error) this.#pending.get(id)?.({id, error: {name: 'exit', text: error.message}})
      })
    })
    this.#pending.delete(id)
    // Whoever forgets to close the lab can end all the same.
    if (this.#pending.size === 0) this.#child?.channel?.unref()
    if ('error' in response) throw new CallError(response.error.name, response.error.text)
    return response.body
  }

  close(): void {
    if (this.#child?.connected) this.#child.disconnect()
    this.#child = undefined
  }

  #start(): ChildProcess {
    if (this.#child) return this.#child
    const child = fork(path.join(__dirname, 'bus-client-process.js'), [String(this.uid), this.busAddress], {
      env: {PATH: process.env.PATH, NODE_PATH: process.env.NODE_PATH},
      execArgv: [],
      serialization: 'advanced',
    })
    child.unref()
    child.on('message', (message: ReceivedSignal | Response) => {
      if ('id' in message) this.#pending.get(message.id)?.(message)
      else this.signals.push(message)
    })
    // What it cannot be sent is answered where it was sent.
    child.on('error', () => {})
    child.on('exit', () => {
      if (this.#child === child) this.#child = undefined
      for (const [id, settle] of this.#pending) settle({id, error: {name: 'exit', text: 'The connection was lost'}})
    })
    this.#child = child
    return child
  }
}
