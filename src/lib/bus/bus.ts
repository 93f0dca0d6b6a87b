import type {EventEmitter} from 'node:events'
import type {Duplex} from 'node:stream'

import {Message, MessageBus, MessageType, sessionBus, Variant} from 'dbus-next'

import {isSupported, systemBusAddresses} from './address'
import {BusError, fromRemote} from './errors'
import {type Head, MessageCutter, type WireMessage} from './wire'

/** Milliseconds that a call may go unanswered unless it says otherwise. */
export const defaultTimeout = 25_000
const connectTimeout = 5000
// A system bus allows a connection 128 unanswered calls (max_replies_per_connection) and answers LimitsExceeded beyond.
const maxInFlight = 100
const stallAfter = 1500
const tick = 50

const dbusName = 'org.freedesktop.DBus'
const dbusPath = '/org/freedesktop/DBus'

export interface Call {
  readonly destination: string
  readonly path: string
  readonly interface: string
  readonly member: string
  readonly signature?: string
  readonly body?: readonly unknown[]
  /**
   * Milliseconds, 25 000 by default, during which the destination may be silent. It counts from the call, and again
   * from each answer that the destination gives to another call of ours: a service that works through a long queue is
   * not given up on.
   */
  readonly timeout?: number
  /** The body is never traced. */
  readonly secret?: boolean
}

/** Which signals to receive. Fields that are left out match anything. */
export interface Match {
  /** A well-known name: only what its present owner sends counts. Anybody may send a signal to a connection. */
  readonly sender: string
  readonly path?: string
  readonly interface: string
  readonly member?: string
  readonly arg0?: string
  /** The sender addresses us alone: no match rule is needed. */
  readonly unicast?: boolean
}

export interface Signal {
  readonly sender: string
  readonly path: string
  readonly member: string
  readonly body: readonly unknown[]
}

export interface BusOptions {
  /** Called when the connection is over, by whichever side. */
  readonly onClose?: (error: BusError) => void
  /**
   * Called for an object path whose call has been the oldest unanswered one of its destination for 1.5 s; again only
   * after all calls there had their answer.
   */
  readonly onStall?: (path: string) => void
  /** Aborted when nobody wants the connection any more that is being made. */
  readonly signal?: AbortSignal
  /** Receives a line for each message, for debugging. */
  readonly trace?: (line: string) => void
}

interface Pending extends Call {
  readonly resolve: (body: unknown[]) => void
  readonly reject: (error: BusError) => void
  readonly since: number
}

interface Subscription extends Match {
  readonly listener: (signal: Signal) => void
}

/** What dbus-next has but does not declare: we read for it, and need to know when a connection is over. */
interface Connection extends EventEmitter {
  stream?: Duplex
}

/** A connection to a message bus. Every call ends: with an answer, at its deadline, or when the connection closes. */
export class Bus {
  /** By the serials of their messages: calls that have no answer, those given up on, too. */
  readonly #awaited = new Map<number, Pending>()
  readonly #bus: MessageBus
  readonly #lastAnswer = new Map<string, number>()
  readonly #matches = new Map<string, number>()
  /** By name; undefined until the bus has said who the owner is. */
  readonly #owners = new Map<string, string | undefined>()
  readonly #options: BusOptions
  readonly #pending = new Set<Pending>()
  readonly #queue: Pending[] = []
  readonly #stalled = new Set<string>()
  /** By path; those for any path under the empty one. */
  readonly #subscriptions = new Map<string, Set<Subscription>>()
  #closed: BusError | undefined
  #inFlight = 0
  #clock: NodeJS.Timeout | undefined
  #decoding = false

  private constructor(bus: MessageBus, options: BusOptions) {
    this.#bus = bus
    this.#options = options
  }

  /**
   * Connects to the system bus: to the first of its addresses where it is.
   * @throws BusError `unreachable`
   */
  static async connect(options: BusOptions = {}): Promise<Bus> {
    let failure = new BusError('unreachable', 'its address is empty')
    for (const address of systemBusAddresses()) {
      if (options.signal?.aborted) break
      if (!isSupported(address)) {
        failure = new BusError('unreachable', `only unix: and tcp: addresses are supported: ${address}`)
        continue
      }

      try {
        return await Bus.#open(address, options)
      } catch (error) {
        failure = error as BusError
      }
    }

    throw failure
  }

  static #open(busAddress: string, options: BusOptions): Promise<Bus> {
    return new Promise((resolve, reject) => {
      const raw = sessionBus({busAddress})
      const connection = (raw as unknown as {_connection: Connection})._connection
      const bus = new Bus(raw, options)
      let connected = false
      const giveUp = (reason: string) => {
        if (!connected) fail(reason)
      }

      const timer = setTimeout(
        () => setImmediate(giveUp, 'no answer within 5 s from whatever listens there'),
        connectTimeout,
      )
      options.signal?.addEventListener('abort', () => giveUp('interrupted'))
      const fail = (reason: string, cause?: unknown) => {
        clearTimeout(timer)
        connection.stream?.destroy()
        if (connected)
          bus.#end(new BusError('disconnected', `the connection to the message bus was lost: ${reason}`, cause))
        else reject(new BusError('unreachable', reason, cause))
      }

      // without a listener from the first moment an error would end the process
      const emitter: EventEmitter = raw
      emitter.on('error', (error: Error) => {
        if (bus.#decoding) throw error
        fail(error.message || error.name, error)
      })
      connection.on('end', () => fail('closed by the other side'))
      // dbus-next starts to read right after this event
      connection.once('connect', () => queueMicrotask(() => bus.#readFrom(connection.stream!, fail)))
      raw.on('message', (message) => bus.#receive(message))
      raw.once('connect', () => {
        clearTimeout(timer)
        connected = true
        resolve(bus)
      })
    })
  }

  /**
   * Calls a method and answers the reply's body.
   * @throws BusError
   */
  call(call: Call): Promise<unknown[]> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(this.#closed)
        return
      }

      const pending: Pending = {...call, reject, resolve, since: performance.now()}
      this.#pending.add(pending)
      this.#watch()
      // the bus itself always answers
      if (call.destination === dbusName) this.#dispatch(pending)
      else {
        this.#queue.push(pending)
        this.#send()
      }
    })
  }

  /**
   * Receives signals until the returned function is called, which also takes the match rule back.
   * @throws BusError
   */
  async subscribe(match: Match, listener: (signal: Signal) => void): Promise<() => Promise<void>> {
    const subscription = {...match, listener}
    const rule = match.unicast ? undefined : matchRule(match)
    await Promise.all([this.#trackOwner(match.sender), rule && this.#addMatch(rule)])
    const key = match.path ?? ''
    const group = this.#subscriptions.get(key) ?? new Set()
    this.#subscriptions.set(key, group.add(subscription))

    return async () => {
      if (!group.delete(subscription)) return
      if (group.size === 0 && this.#subscriptions.get(key) === group) this.#subscriptions.delete(key)
      if (rule && !this.#closed) await this.#removeMatch(rule)
    }
  }

  /** Closes the connection; calls under way reject with `disconnected`. */
  close(): void {
    const {stream} = (this.#bus as unknown as {_connection: Connection})._connection
    this.#end(new BusError('disconnected', 'the connection to the message bus is closed'))
    stream?.destroy()
  }

  async #trackOwner(name: string): Promise<void> {
    if (this.#owners.has(name)) return
    this.#owners.set(name, undefined)
    await this.#addMatch(
      matchRule({arg0: name, interface: dbusName, member: 'NameOwnerChanged', path: dbusPath, sender: dbusName}),
    )
    try {
      const [owner] = await this.#driver('GetNameOwner', name)
      // NameOwnerChanged may have come together with this answer, and is newer
      this.#owners.set(name, this.#owners.get(name) ?? String(owner))
    } catch (error) {
      // nobody yet: NameOwnerChanged will tell
      if (!(error instanceof BusError && error.kind === 'no-owner')) throw error
    }
  }

  async #addMatch(rule: string): Promise<void> {
    const users = this.#matches.get(rule) ?? 0
    this.#matches.set(rule, users + 1)
    if (users === 0) await this.#driver('AddMatch', rule)
  }

  async #removeMatch(rule: string): Promise<void> {
    const users = (this.#matches.get(rule) ?? 0) - 1
    if (users > 0) {
      this.#matches.set(rule, users)
      return
    }

    this.#matches.delete(rule)
    await this.#driver('RemoveMatch', rule)
  }

  #driver(member: string, argument: string): Promise<unknown[]> {
    return this.call({
      body: [argument],
      destination: dbusName,
      interface: dbusName,
      member,
      path: dbusPath,
      signature: 's',
    })
  }

  #send(): void {
    while (this.#inFlight < maxInFlight) {
      const pending = this.#queue.shift()
      if (!pending) return
      if (!this.#pending.has(pending)) continue
      this.#inFlight++
      this.#dispatch(pending)
    }
  }

  #dispatch(pending: Pending): void {
    this.#options.trace?.(`-> ${pending.path} ${pending.member} ${pending.secret ? '(secret)' : show(pending.body)}`)
    const serial = this.#bus.newSerial()
    this.#awaited.set(serial, pending)
    try {
      this.#bus.send(
        new Message({
          body: [...(pending.body ?? [])],
          destination: pending.destination,
          interface: pending.interface,
          member: pending.member,
          path: pending.path,
          serial,
          signature: pending.signature ?? '',
        }),
      )
    } catch (error) {
      this.#awaited.delete(serial)
      queueMicrotask(() => this.#settle(pending, notSent(error)))
    }
  }

  #settle(pending: Pending, result: BusError | unknown[]): void {
    if (pending.destination !== dbusName) this.#inFlight--
    this.#lastAnswer.set(pending.destination, performance.now())
    if (this.#forget(pending)) {
      if (result instanceof BusError) {
        this.#options.trace?.(`<- ${pending.path} ${pending.member} failed: ${result.message}`)
        pending.reject(result)
      } else {
        this.#options.trace?.(`<- ${pending.path} ${pending.member} ${show(result)}`)
        pending.resolve(result)
      }
    }

    this.#send()
  }

  /** One clock for all calls: thousands may be queued, and a timer for each takes more memory than the calls. */
  #watch(): void {
    // when this process was stopped for a while, answers may be here that have yet to be read
    this.#clock ??= setInterval(() => setImmediate(() => this.#check()), tick)
  }

  #check(): void {
    const now = performance.now()
    const seen = new Set<string>()
    for (const pending of this.#pending) {
      const silent = now - Math.max(pending.since, this.#lastAnswer.get(pending.destination) ?? 0)
      // the oldest is the one that the destination is at
      const oldest = !seen.has(pending.destination)
      seen.add(pending.destination)
      if (silent >= (pending.timeout ?? defaultTimeout)) this.#expire(pending)
      else if (oldest && silent >= stallAfter && !this.#stalled.has(pending.path)) {
        this.#stalled.add(pending.path)
        this.#options.onStall?.(pending.path)
      }
    }
  }

  /** False where it was over already. */
  #forget(pending: Pending): boolean {
    const known = this.#pending.delete(pending)
    const {path} = pending
    if (this.#stalled.has(path) && ![...this.#pending].some((other) => other.path === path)) this.#stalled.delete(path)
    if (this.#pending.size === 0) this.#stopWatching()
    return known
  }

  #stopWatching(): void {
    clearInterval(this.#clock)
    this.#clock = undefined
  }

  /** Its place among those in flight stays taken until an answer comes: the bus counts it, too. */
  #expire(pending: Pending): void {
    this.#forget(pending)
    const seconds = (pending.timeout ?? defaultTimeout) / 1000
    pending.reject(new BusError('timeout', `no answer to ${pending.member} within ${seconds} s`))
  }

  /**
   * Takes over from dbus-next, whose own listener then decodes single messages: those that are wanted, one at a time. An
   * error there is that message's alone, and a flood of unwanted ones costs no more than a look at their headers. The
   * stream holds a few hundred messages at a time, so timers and other events have their turn.
   */
  #readFrom(stream: Duplex, fail: (reason: string, cause: unknown) => void): void {
    const [decode] = stream.listeners('readable') as (() => void)[]
    stream.off('readable', decode!)
    const messages = new MessageCutter((head) => this.#wants(head))
    stream.on('readable', () => {
      try {
        for (let chunk; (chunk = stream.read() as Buffer | null) !== null;) {
          for (const message of messages.push(chunk)) {
            stream.unshift(message.bytes)
            this.#decode(message, decode!)
          }
        }
      } catch (error) {
        fail('it sent what is not D-Bus', error)
      }
    })
  }

  #decode({head}: WireMessage, decode: () => void): void {
    this.#decoding = true
    try {
      decode()
    } catch (error) {
      this.#options.trace?.(`** ${head.path ?? ''} ${head.member ?? ''} cannot be decoded: ${String(error)}`)
      this.#answered(head, new BusError('remote', 'the answer cannot be decoded', error))
    } finally {
      this.#decoding = false
    }
  }

  /** Anybody may send us anything. Calls are nobody's business here and go unanswered: answers would pile up, too. */
  #wants(head: Head): boolean {
    switch (head.type) {
      case MessageType.ERROR:
      case MessageType.METHOD_RETURN:
        // before there is a name, only the bus's own greeting can come
        return this.#bus.name === null || this.#awaited.has(head.replySerial!)
      case MessageType.SIGNAL:
        return isOwnerChange(head) || this.#subscribed(head).length > 0
      default:
        return false
    }
  }

  #receive(message: Message): void {
    switch (message.type) {
      case MessageType.ERROR: {
        const [text] = message.body
        this.#answered(message, fromRemote(message.errorName!, typeof text === 'string' ? text : undefined))
        break
      }

      case MessageType.METHOD_RETURN:
        this.#answered(message, message.body)
        break
      case MessageType.SIGNAL:
        this.#signalled(message)
        break
    }
  }

  #answered({replySerial}: Head, result: BusError | unknown[]): void {
    const pending = this.#awaited.get(replySerial!)
    if (!pending) return
    this.#awaited.delete(replySerial!)
    this.#settle(pending, result)
  }

  #signalled(message: Message): void {
    if (isOwnerChange(message)) {
      const [name, , owner] = message.body as string[]
      if (this.#owners.has(name!)) this.#owners.set(name!, owner)
    }

    if (this.#subscriptions.size === 0) return
    this.#options.trace?.(`** ${message.path} ${message.member} ${show(message.body)}`)
    for (const subscription of this.#subscribed(message))
      if ((subscription.arg0 ?? message.body[0]) === message.body[0]) this.#deliver(subscription, message)
  }

  /** Those that a signal is for, as far as its header tells. */
  #subscribed({interface: on, member, path, sender}: Head): Subscription[] {
    if (sender === undefined) return []
    return [path ?? '', '']
      .flatMap((key) => [...(this.#subscriptions.get(key) ?? [])])
      .filter(
        (each) =>
          this.#owners.get(each.sender) === sender && each.interface === on && (each.member ?? member) === member,
      )
  }

  /** A signal that a listener cannot make sense of is traced and dropped: dbus-next would answer it with an error. */
  #deliver(subscription: Subscription, message: Message): void {
    try {
      subscription.listener(message)
    } catch (error) {
      this.#options.trace?.(`** ${message.path} ${message.member} makes no sense: ${String(error)}`)
    }
  }

  #end(error: BusError): void {
    if (this.#closed) return
    this.#closed = error
    this.#stopWatching()
    for (const pending of this.#pending) pending.reject(error)

    this.#awaited.clear()
    this.#pending.clear()
    this.#subscriptions.clear()
    this.#options.onClose?.(error)
  }
}

/** A value together with its D-Bus type, for arguments of type `v`. */
export function variant(signature: string, value: unknown): Variant {
  return new Variant(signature, value)
}

/** The value within a variant, whatever the depth. */
export function unwrap(value: unknown): unknown {
  return value instanceof Variant ? unwrap(value.value) : value
}

function matchRule(match: Match): string {
  const parts = [`type='signal'`, `sender='${match.sender}'`, `interface='${match.interface}'`]
  if (match.path) parts.push(`path='${match.path}'`)
  if (match.member) parts.push(`member='${match.member}'`)
  if (match.arg0) parts.push(`arg0='${match.arg0}'`)
  return parts.join(',')
}

function isOwnerChange({member, sender}: Head): boolean {
  return sender === dbusName && member === 'NameOwnerChanged'
}

/** A call that meets the end of the connection learns of it first. */
function notSent(error: unknown): BusError {
  const reason = error instanceof Error ? error.message : String(error)
  return new BusError('disconnected', `the connection to the message bus was lost: ${reason}`, error)
}

function show(body: readonly unknown[] | undefined): string {
  return JSON.stringify(body ?? [], (_, v) => (typeof v === 'bigint' ? Number(v) : v))
}
