import type {EventEmitter} from 'node:events'
import type {Duplex} from 'node:stream'

import {Message, type MessageBus, MessageType, sessionBus} from 'dbus-next'

import type {Call, Calls} from './calls'
import type {Signals} from './signals'

import {checkTransport} from './address'
import {BusError, lostError, toBusError} from './errors'
import {type Trace, traced} from './trace'
import {type Head, MessageCutter, type WireMessage} from './wire'

const connectTimeout = 5000

interface ConnectionOptions {
  /** Gets the answers. */
  readonly calls: Calls
  readonly signals: Signals
  /** Called when the connection, once made, is over. */
  readonly onLost: (error: BusError) => void
  readonly signal?: AbortSignal
  readonly trace?: Trace
}

/** What dbus-next has but does not declare: we read for it, and need to know when a connection is over. */
interface Inside extends EventEmitter {
  stream?: Duplex
}

/** A connection that dbus-next makes and authenticates. Afterwards dbus-next only encodes and decodes single messages. */
export class Connection {
  readonly #bus: MessageBus
  readonly #options: ConnectionOptions
  #decoding = false

  private constructor(bus: MessageBus, options: ConnectionOptions) {
    this.#bus = bus
    this.#options = options
  }

  /** @throws BusError `unreachable` */
  static open(busAddress: string, options: ConnectionOptions): Promise<Connection> {
    return new Promise((resolve, reject) => {
      checkTransport(busAddress)
      const bus = sessionBus({busAddress})
      const connection = new Connection(bus, options)
      const inside = connection.#inside
      let connected = false
      const giveUp = (reason: string) => {
        if (!connected) fail(reason)
      }

      const timer = setTimeout(() => setImmediate(giveUp, 'timed out after 5 s'), connectTimeout)
      options.signal?.addEventListener('abort', () => giveUp('interrupted'))
      const fail = (reason: string, cause?: unknown) => {
        clearTimeout(timer)
        connection.close()
        if (connected) options.onLost(lostError(reason, cause))
        else reject(new BusError('unreachable', reason, cause))
      }

      // without a listener from the first moment an error would end the process
      const emitter: EventEmitter = bus
      emitter.on('error', (error: Error) => {
        if (connection.#decoding) throw error
        fail(reasonOf(error), error)
      })
      inside.on('end', () => fail('the bus closed the connection'))
      // dbus-next starts to read right after this event
      inside.once('connect', () => queueMicrotask(() => connection.#read(inside.stream!, fail)))
      bus.on('message', (message) => connection.#receive(message))
      bus.once('connect', () => {
        clearTimeout(timer)
        connected = true
        resolve(connection)
      })
    })
  }

  /** Answers the serial of the message. */
  send({body = [], destination, interface: on, member, path, signature}: Call): number {
    const serial = this.#bus.newSerial()
    this.#bus.send(new Message({body: [...body], destination, interface: on, member, path, serial, signature}))
    return serial
  }

  close(): void {
    this.#inside.stream?.destroy()
  }

  get #inside(): Inside {
    return (this.#bus as unknown as {_connection: Inside})._connection
  }

  /**
   * Takes over from dbus-next, whose own listener then decodes single messages: those that are wanted, one at a time. An
   * error there is that message's alone, and a flood of unwanted ones costs no more than a look at their headers. The
   * stream holds a few hundred messages at a time, so timers and other events have their turn.
   */
  #read(stream: Duplex, fail: (reason: string, cause: unknown) => void): void {
    const [decode] = stream.listeners('readable') as (() => void)[]
    stream.off('readable', decode!)
    const messages = new MessageCutter((head) => this.#wants(head))
    stream.on('readable', () => {
      try {
        for (let chunk; (chunk = stream.read() as Buffer | null) !== null;) {
          for (const message of messages.push(chunk)) {
            if (stream.destroyed) return
            stream.unshift(message.bytes)
            this.#decode(message, decode!)
          }
        }
      } catch (error) {
        fail('the bus sent invalid data', error)
      }
    })
  }

  #decode({head: {member = '', path = '', replySerial}}: WireMessage, decode: () => void): void {
    this.#decoding = true
    try {
      decode()
    } catch (error) {
      this.#options.trace?.(`** ${path} ${member} cannot be decoded: ${String(error)}`)
      this.#options.calls.answer(replySerial!, new BusError('remote', 'the answer cannot be decoded', error))
    } finally {
      this.#decoding = false
    }
  }

  /** Any user can send messages to this connection. Method calls are not answered, so that replies cannot pile up. */
  #wants(head: Head): boolean {
    switch (head.type) {
      case MessageType.ERROR:
      case MessageType.METHOD_RETURN:
        // before there is a name, only the bus's own greeting can come
        return this.#bus.name === null || this.#options.calls.isAwaited(head.replySerial!)
      case MessageType.SIGNAL:
        return this.#options.signals.wants(head)
      default:
        return false
    }
  }

  #receive(message: Message): void {
    const {body, errorName, member, path, replySerial, type} = message
    switch (type) {
      case MessageType.ERROR:
        this.#options.calls.answer(replySerial!, toBusError(errorName!, body[0]))
        break
      case MessageType.METHOD_RETURN:
        this.#options.calls.answer(replySerial!, body)
        break
      case MessageType.SIGNAL:
        this.#options.trace?.(`** ${path} ${member} ${traced(body)}`)
        this.#options.signals.deliver(message)
        break
    }
  }
}

/** Why a connection failed, without Node's code for a socket that does not exist. */
function reasonOf(error: Error): string {
  const {address, code} = error as Partial<NodeJS.ErrnoException> & {readonly address?: string}
  if (code === 'ENOENT' && address !== undefined) return `no such socket: ${address}`
  return error.message || error.name
}
