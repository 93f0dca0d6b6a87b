import {Variant} from 'dbus-next'

import {systemBusAddresses} from './address'
import {type Call, Calls} from './calls'
import {type Channel, Connection} from './connection'
import {BusError, lostError} from './errors'
import {type Match, ownerChange, type Signal, Signals} from './signals'
import {type Trace, traced} from './trace'

/** Seconds between two questions whether a remote bus is still there, and for its answer. */
const keepAlive = {every: 5, timeout: 10}

export interface BusOptions {
  /** Opens a stream to the bus of another machine; left out: the system bus of this one. */
  readonly channel?: () => Promise<Channel>
  /** Seconds within which the bus must answer. */
  readonly connectTimeout?: number
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
  #heart: NodeJS.Timeout | undefined

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
   * @throws BusError `unreachable`, `host-unreachable`
   */
  static async connect(options: BusOptions = {}): Promise<Bus> {
    const {channel, signal} = options
    if (channel) {
      if (signal?.aborted) throw new BusError('host-unreachable', 'interrupted')
      const bus = await Bus.#open(await opened(channel), options)
      bus.#keepAlive()
      return bus
    }

    let failure: unknown = new BusError('unreachable', 'DBUS_SYSTEM_BUS_ADDRESS has no address')
    for (const address of systemBusAddresses()) {
      if (signal?.aborted) break
      try {
        return await Bus.#open(address, options)
      } catch (error) {
        failure = error
      }
    }

    throw failure
  }

  static async #open(target: Channel | string, options: BusOptions): Promise<Bus> {
    const bus = new Bus(options)
    bus.#connection = await Connection.open(target, {
      calls: bus.#calls,
      onLost: (error) => bus.#end(error),
      signals: bus.#signals,
      ...options,
    })
    return bus
  }

  /** The uid by which the bus knows this connection. @param timeout in milliseconds @throws BusError */
  async ownUid(timeout?: number): Promise<number> {
    const {interface: on, path, sender: destination} = ownerChange
    const body = [this.#connection!.name]
    const [uid] = await this.call({
      body,
      destination,
      interface: on,
      member: 'GetConnectionUnixUser',
      path,
      signature: 's',
      timeout,
    })
    return Number(uid)
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
  async close(): Promise<void> {
    this.#end(new BusError('disconnected', 'the connection to the message bus is closed'))
    await this.#connection?.close()
  }

  /** A network that goes silent is noticed. A bus answers at once, whatever its services do. */
  #keepAlive(): void {
    const {path, sender: destination} = ownerChange
    const ping = {destination, interface: 'org.freedesktop.DBus.Peer', member: 'Ping', path}
    const ask = async () => {
      try {
        await this.call({...ping, timeout: keepAlive.timeout * 1000})
      } catch (error) {
        if (!(error instanceof BusError && error.kind === 'timeout')) return
        // the answer may be behind a lot of data on a slow line
        if (this.#connection!.silence < keepAlive.timeout * 1000) return
        this.#end(
          lostError(`no answer within ${keepAlive.timeout} s`, {hint: 'Check the network, and that the host is up'}),
        )
        void this.#connection?.close()
      }
    }

    this.#heart = setInterval(() => void ask(), keepAlive.every * 1000).unref()
  }

  #end(error: BusError): void {
    if (this.#closed) return
    this.#closed = error
    clearInterval(this.#heart)
    this.#calls.end(error)
    this.#options.onClose?.(error)
  }
}

/** @throws BusError `host-unreachable` */
async function opened(channel: () => Promise<Channel>): Promise<Channel> {
  try {
    return await channel()
  } catch (error) {
    throw new BusError('host-unreachable', (error as Error).message, error)
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
