import type {EventEmitter} from 'node:events'
import type {Duplex} from 'node:stream'

import {Message, type MessageBus, MessageType, sessionBus} from 'dbus-next'

import type {Call, Calls} from './calls'
import type {Signals} from './signals'

import {checkTransport} from './address'
import {BusError, lostError, toBusError} from './errors'
import {type Trace, traced} from './trace'
import {type Head, MessageSplitter, type WireMessage} from './wire'

/** Seconds for the socket of this machine. */
const defaultTimeout = 5
/** Seconds for which sshd waits for the user to log in, by its default. */
const loginTime = 120
/** Bytes that the other side may send before its first message. */
const mostGreeting = 2 ** 16

/** A stream to a bus, in place of an address. */
export interface Channel {
  readonly stream: Duplex
  /** Resolves when the user is asked something, such as for a password: then there is more time to connect. */
  readonly asked?: Promise<void>
  /** Resolves with the reason, and the next step, once the other side has ended. */
  readonly ended: Promise<Error & {readonly hint: string}>
  /** Ends it. Resolves once nothing is left of it. */
  close(): Promise<void>
}

const quietShell = {hint: 'Change its startup files, such as ~/.bashrc, to print nothing'}
const slowHost = {hint: 'Check that the host is up, or pass a longer --connect-timeout'}

interface ConnectionOptions {
  /** Seconds within which the bus must answer. */
  readonly connectTimeout?: number
  /** Receives the replies. */
  readonly calls: Calls
  readonly signals: Signals
  /** Called when an established connection ends. */
  readonly onLost: (error: BusError) => void
  readonly signal?: AbortSignal
  readonly trace?: Trace
}

/** Undeclared parts of dbus-next: the stream, which is read here in its place, and the events of its end. */
interface Internals extends EventEmitter {
  stream?: Duplex
  _wireStream(stream: Duplex): void
}

/** A connection that dbus-next opens and authenticates. Afterwards dbus-next only encodes and decodes single messages. */
export class Connection {
  readonly #bus: MessageBus
  readonly #channel: Channel | undefined
  readonly #options: ConnectionOptions
  #decoding = false
  #lastRead = performance.now()

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
      const internals = connection.#internals
      let state: 'connected' | 'connecting' | 'failed' = 'connecting'
      const giveUp = (reason: string, cause?: unknown) => {
        if (state === 'connecting') fail(reason, cause)
      }

      const {connectTimeout = defaultTimeout} = options
      let timer: NodeJS.Timeout | undefined
      const giveUpAfter = (seconds: number) => {
        const timeUp = () => giveUp(`timed out after ${seconds} s`, slowHost)
        clearTimeout(timer)
        timer = setTimeout(() => setImmediate(timeUp), seconds * 1000)
      }

      giveUpAfter(connectTimeout)
      void channel?.asked?.then(() => {
        if (state === 'connecting') giveUpAfter(connectTimeout + loginTime)
      })
      options.signal?.addEventListener('abort', () => giveUp('interrupted'))
      const fail = (reason: string, cause?: unknown) => {
        const wasConnected = state === 'connected'
        state = 'failed'
        clearTimeout(timer)
        const closing = connection.close()
        if (wasConnected) options.onLost(lostError(reason, cause))
        // nothing is left of it when that is known
        else void closing.then(() => reject(new BusError(channel ? 'host-unreachable' : 'unreachable', reason, cause)))
      }

      // the stream just ends: the program that made it knows why
      const ended = channel?.ended.then((error) => fail(error.message, error))

      // an error event without a listener would end the process
      const emitter: EventEmitter = bus
      emitter.on('error', (error: Error) => {
        if (connection.#decoding) throw error
        // the stream broke because its program has ended, which says why
        if (channel && 'code' in error) return
        const [, said] = (channel && /^authentication failed: (.*)/.exec(error.message)) ?? []
        if (said === undefined) fail(reasonOf(error), error)
        else if (said.startsWith('REJECTED')) fail('the bus refused the login', error)
        else fail(`its shell prints text: ${said}`, quietShell)
      })
      internals.on('end', () => {
        if (!ended) fail('the bus closed the connection')
      })
      const endGreeting = channel && limited(channel.stream, () => fail('its shell prints too much text', quietShell))
      // dbus-next starts to read right after this event
      internals.once('connect', () => {
        endGreeting?.()
        queueMicrotask(() => connection.#takeOver(internals.stream!, fail))
      })
      bus.on('message', (message) => connection.#receive(message))
      bus.once('connect', () => {
        clearTimeout(timer)
        state = 'connected'
        resolve(connection)
      })
      if (options.signal?.aborted) giveUp('interrupted')
    })
  }

  /** Returns the serial of the message. */
  send({body = [], destination, interface: on, member, path, signature}: Call): number {
    const serial = this.#bus.newSerial()
    this.#bus.send(new Message({body: [...body], destination, interface: on, member, path, serial, signature}))
    return serial
  }

  /** The name that the bus has given to this connection. */
  get name(): string {
    return this.#bus.name!
  }

  /** Milliseconds since data arrived. */
  get silence(): number {
    return performance.now() - this.#lastRead
  }

  /** Resolves once nothing is left of it. */
  async close(): Promise<void> {
    this.#internals.stream?.destroy()
    await this.#channel?.close()
  }

  get #internals(): Internals {
    return (this.#bus as unknown as {_connection: Internals})._connection
  }

  /**
   * Reads the stream in place of dbus-next, whose own listener then decodes one wanted message at a time. A decoding
   * error affects only its message, and unwanted messages cost no more than reading their headers. The stream holds a
   * few hundred messages at a time, so a flood does not block timers and other events.
   */
  #takeOver(stream: Duplex, fail: (reason: string, cause: unknown) => void): void {
    const [decode] = stream.listeners('readable') as (() => void)[]
    stream.off('readable', decode!)
    const messages = new MessageSplitter((head) => this.#isWanted(head))
    stream.on('readable', () => {
      try {
        for (let chunk; (chunk = stream.read() as Buffer | null) !== null;) {
          this.#lastRead = performance.now()
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

  /** Any user can send messages to this connection. Method calls get no reply, so that replies cannot pile up. */
  #isWanted(head: Head): boolean {
    switch (head.type) {
      case MessageType.ERROR:
      case MessageType.METHOD_RETURN:
        // until the connection has a name, only the bus can send to it: the reply to Hello
        return this.#bus.name === null || this.#options.calls.isAwaited(head.replySerial!)
      case MessageType.SIGNAL:
        return this.#options.signals.isWanted(head)
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
  // the bridge accepts it from every user; after a refusal, which is text of the host's shell, no other method helps
  const bus = sessionBus({authMethods: ['EXTERNAL'], busAddress: 'unix:path=/dev/null'})
  const internals = (bus as unknown as {_connection: Internals})._connection
  const wire = internals._wireStream
  internals._wireStream = (socket) => {
    socket.on('error', () => {}).destroy()
    wire.call(internals, stream)
    queueMicrotask(() => stream.emit('connect'))
  }

  return bus
}

/** Limits what is read from a stream, until the returned function is called. */
function limited(stream: Duplex, onExcess: () => void): () => void {
  const read = stream.read.bind(stream)
  let total = 0
  stream.read = (size?: number) => {
    const chunk = read(size) as Buffer | null
    total += chunk?.length ?? 0
    if (total <= mostGreeting) return chunk
    onExcess()
    return null
  }

  return () => {
    stream.read = read
  }
}

/** Why a connection failed, without Node's code for a socket that does not exist. */
function reasonOf(error: Error): string {
  const {address, code} = error as Partial<NodeJS.ErrnoException> & {readonly address?: string}
  if (code === 'ENOENT' && address !== undefined) return `no such socket: ${address}`
  return error.message || error.name
}
