import type {EventEmitter} from 'node:events'
import type {Duplex} from 'node:stream'

import {Message, type MessageBus, MessageType, sessionBus} from 'dbus-next'

import type {Call, Calls} from './calls'
import type {Signals} from './signals'

import {checkTransport} from './address'
import {BusError, lostError, toBusError} from './errors'
import {type Trace, traced} from './trace'
import {type Head, MessageCutter, type WireMessage} from './wire'

/** Seconds for the socket of this machine. */
const defaultTimeout = 5

/** A stream to a bus, in place of an address. */
export interface Channel {
  readonly stream: Duplex
  /** Resolves with the reason, and the next step, once the other side has ended. */
  readonly ended: Promise<Error & {readonly hint: string}>
  /** Ends it. Resolves once nothing is left of it. */
  close(): Promise<void>
}

interface ConnectionOptions {
  /** Seconds within which the bus must answer. */
  readonly connectTimeout?: number
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
  _wireStream(stream: Duplex): void
}

/** A connection that dbus-next makes and authenticates. Afterwards dbus-next only encodes and decodes single messages. */
export class Connection {
  readonly #bus: MessageBus
  readonly #channel: Channel | undefined
  readonly #options: ConnectionOptions
  #decoding = false

  private constructor(bus: MessageBus, options: ConnectionOptions, channel?: Channel) {
    this.#bus = bus
    this.#channel = channel
    this.#options = options
  }

  /** @param target the address of a bus, or a stream to one @throws BusError `unreachable`, `host-unreachable` */
  static open(target: Channel | string, options: ConnectionOptions): Promise<Connection> {
    return new Promise((resolve, reject) => {
      if (typeof target === 'string') checkTransport(target)
      const channel = typeof target === 'string' ? undefined : target
      const bus = channel ? busOver(channel.stream) : sessionBus({busAddress: target as string})
      const connection = new Connection(bus, options, channel)
      const inside = connection.#inside
      let connected = false
      const giveUp = (reason: string) => {
        if (!connected) fail(reason)
      }

      const {connectTimeout = defaultTimeout} = options
      const timer = setTimeout(
        () => setImmediate(giveUp, `timed out after ${connectTimeout} s`),
        connectTimeout * 1000,
      )
      options.signal?.addEventListener('abort', () => giveUp('interrupted'))
      const fail = (reason: string, cause?: unknown) => {
        clearTimeout(timer)
        void connection.close()
        if (connected) options.onLost(lostError(reason, cause))
        else reject(new BusError(channel ? 'host-unreachable' : 'unreachable', reason, cause))
      }

      // the stream just ends: the program that made it knows why
      const ended = channel?.ended.then((error) => fail(error.message, error))

      // without a listener from the first moment an error would end the process
      const emitter: EventEmitter = bus
      emitter.on('error', (error: Error) => {
        if (connection.#decoding) throw error
        fail(error.message || error.name, error)
      })
      inside.on('end', () => {
        if (!ended) fail('the bus closed the connection')
      })
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

  /** The name that the bus has given to this connection. */
  get name(): string {
    return this.#bus.name!
  }

  /** Resolves once nothing is left of it. */
  async close(): Promise<void> {
    this.#inside.stream?.destroy()
    await this.#channel?.close()
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

/** dbus-next connects to addresses only: it gets the stream in place of the socket that it makes. */
function busOver(stream: Duplex): MessageBus {
  const bus = sessionBus({busAddress: 'unix:path=/dev/null'})
  const inside = (bus as unknown as {_connection: Inside})._connection
  const wire = inside._wireStream
  inside._wireStream = (socket) => {
    socket.on('error', () => {}).destroy()
    wire.call(inside, stream)
    queueMicrotask(() => stream.emit('connect'))
  }

  return bus
}
