import type {ReceivedSignal, Request, Response} from './bus-client-process'

import {Forked} from './forked'

/** A D-Bus error reply. */
export class CallError extends Error {
  constructor(
    readonly type: string,
    readonly text: string,
  ) {
    super(text || type)
  }
}

/** Time limit of a call in milliseconds; a hung backend blocks the manager for 10 s. */
const limit = 30_000

/** One user's connection to the bus, in a separate process that starts with the first call. */
export class BusClient {
  readonly #process: Forked<Request, Response>
  /** The signals received; call AddMatch to subscribe to more, as on any connection. */
  readonly signals: ReceivedSignal[] = []

  constructor(uid: number, busAddress: string) {
    this.#process = new Forked('bus-client-process', [uid, busAddress], (signal) =>
      this.signals.push(signal as ReceivedSignal),
    )
  }

  async call(request: Omit<Request, 'id'>): Promise<readonly unknown[]> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new CallError('timeout', `No reply to ${request.member}`)), limit)
    })
    try {
      const response = await Promise.race([this.#process.ask(request), late])
      if (!response) throw new CallError('exit', 'The connection was lost')
      const {body, error} = response
      if (error) throw new CallError(error.name, error.text)
      return body ?? []
    } finally {
      clearTimeout(timer)
    }
  }

  close(): void {
    this.#process.close()
  }
}
