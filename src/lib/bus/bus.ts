import {Variant} from 'dbus-next'

import {systemBusAddresses} from './address'
import {type Call, Calls} from './calls'
import {Connection} from './connection'
import {BusError} from './errors'
import {type Match, ownerChange, type Signal, Signals} from './signals'
import {type Trace, traced} from './trace'

export interface BusOptions {
  /** Called when either side closes the connection. */
  readonly onClose?: (error: BusError) => void
  /**
   * Called for the object path of the oldest unanswered call of a destination that has been silent for 1.5 s. Called
   * again for the same path only after all calls on it have ended.
   */
  readonly onStall?: (path: string) => void
  /** Cancels a connection attempt. */
  readonly signal?: AbortSignal
  /** Receives a line for each message, for debugging. */
  readonly trace?: Trace
}

/** A connection to a message bus. */
export class Bus {
  readonly #calls: Calls
  readonly #options: BusOptions
  readonly #signals: Signals
  #closed: BusError | undefined
  #connection: Connection | undefined

  private constructor(options: BusOptions) {
    const {interface: on, path, sender: destination} = ownerChange
    this.#options = options
    this.#calls = new Calls((call) => this.#connection!.send(call), options.onStall)
    this.#signals = new Signals((member, name) =>
      this.call({body: [name], destination, interface: on, member, path, signature: 's'}),
    )
  }

  /**
   * Connects to the first address of the system bus that accepts a connection.
   * @throws BusError `unreachable`
   */
  static async connect(options: BusOptions = {}): Promise<Bus> {
    let failure: unknown = new BusError('unreachable', 'DBUS_SYSTEM_BUS_ADDRESS has no address')
    for (const address of systemBusAddresses()) {
      if (options.signal?.aborted) break
      try {
        const bus = new Bus(options)
        bus.#connection = await Connection.open(address, {
          calls: bus.#calls,
          onLost: (error) => bus.#end(error),
          signals: bus.#signals,
          ...options,
        })
        return bus
      } catch (error) {
        failure = error
      }
    }

    throw failure
  }

  /**
   * Calls a method and returns the body of the reply.
   * @throws BusError
   */
  async call(call: Call): Promise<unknown[]> {
    if (this.#closed) throw this.#closed
    const {body, member, path, secret} = call
    this.#options.trace?.(`-> ${path} ${member} ${secret ? '(secret)' : traced(body)}`)
    try {
      const answer = await this.#calls.make(call)
      this.#options.trace?.(`<- ${path} ${member} ${secret ? '(secret)' : traced(answer)}`)
      return answer
    } catch (error) {
      this.#options.trace?.(`<- ${path} ${member} failed: ${String(error)}`)
      throw error
    }
  }

  /**
   * Receives signals until the returned function is called, which also removes the match rule.
   * @throws BusError
   */
  async subscribe(match: Match, listener: (signal: Signal) => void): Promise<() => Promise<void>> {
    const end = await this.#signals.subscribe(match, (signal) => {
      try {
        listener(signal)
      } catch (error) {
        // dbus-next would reply to the signal with an error
        this.#options.trace?.(`** ${signal.path} ${signal.member} is invalid: ${String(error)}`)
      }
    })
    return async () => {
      if (!this.#closed) await end()
    }
  }

  /** Closes the connection; pending calls reject with `disconnected`. */
  close(): void {
    this.#end(new BusError('disconnected', 'the connection to the message bus is closed'))
    this.#connection?.close()
  }

  #end(error: BusError): void {
    if (this.#closed) return
    this.#closed = error
    this.#calls.end(error)
    this.#options.onClose?.(error)
  }
}

/** A value together with its D-Bus type, for arguments of type `v`. */
export function variant(signature: string, value: unknown): Variant {
  return new Variant(signature, value)
}

/** The value of a variant, which may contain another variant. */
export function unwrap(value: unknown): unknown {
  return value instanceof Variant ? unwrap(value.value) : value
}
