import {Message, type MessageBus} from 'dbus-next'

import {callBus, connect, disconnect, send} from './connection'
import {failed, ServiceError} from './errors'
import {check, type Interface, introspect, noSuchObject, vanished} from './interface'
import {DBUS, INTROSPECTABLE, PEER, PROPERTIES, rootPath} from './names'
import {Queue} from './queue'

/** A method call and the user ID of its sender. */
export interface Call {
  readonly message: Message
  readonly uid: number
}

/** A reply's signature and body. */
export type Reply = readonly [signature: string, ...body: unknown[]]

/** An object that can be called. */
export interface Target {
  readonly iface: Interface
  readonly missing?: ReadonlySet<string>
}

/**
 * A replacement for the normal reply: `ignore` sends none, `crash` ends the service, `twice` sends the reply twice, a
 * `ServiceError` is sent as an error, `delay` delays the reply and blocks all other calls, `overtaken` delays it while
 * other calls are served, and `reply` is sent instead.
 */
export type Interception =
  | 'crash'
  | 'ignore'
  | 'twice'
  | ServiceError
  | {readonly delay: number}
  | {readonly overtaken: number}
  | {readonly reply: Reply}

/** Counts method calls, property reads and property writes by name: `Pause`, `Get status`. */
export class Counts {
  total = 0
  readonly byMember = new Map<string, number>()

  add(message: Message): void {
    const [, property] = message.body
    const property_ = message.member === 'Get' || message.member === 'Set' ? ` ${String(property)}` : ''
    const key = message.member + property_
    this.total++
    this.byMember.set(key, (this.byMember.get(key) ?? 0) + 1)
  }

  reset(): void {
    this.total = 0
    this.byMember.clear()
  }
}

/**
 * A D-Bus service that serves calls in the order of arrival, as the real ones do. It reads and writes properties
 * itself, one at a time, and passes methods to a worker, which also serves one at a time. So a slow method delays other
 * methods, and a slow property access delays every later call. The D-Bus library's own replies (unknown objects and
 * members, wrong types, introspection, pings) are immediate, even while the service is busy.
 */
export abstract class Server {
  readonly counts = new Counts()
  /** The duration of every call, in milliseconds. */
  cost = 0
  /** Called before a call is served. */
  intercept?: (call: Call) => Interception | undefined
  protected bus?: MessageBus
  private starting?: Promise<void>
  private ready = false
  /** Milliseconds from the call that started the service until its objects exist. */
  private objectsAfter = 0
  private readonly uids = new Map<string, Promise<number> | number>()

  constructor(
    readonly name: string,
    protected readonly address: string,
  ) {}

  get running(): boolean {
    return this.bus !== undefined
  }

  /** Takes the name. The objects appear some time after the first call, as on the real service. */
  async start(objectsAfter = 0): Promise<void> {
    this.starting ??= this.open(objectsAfter).finally(() => {
      this.starting = undefined
    })
    await this.starting
    if (objectsAfter === 0) this.ready = this.running
  }

  /** Drops the connection, as in an exit or a crash: pending calls get no reply. */
  async stop(): Promise<void> {
    await this.starting
    const {bus} = this
    this.bus = undefined
    this.ready = false
    this.uids.clear()
    if (bus) await disconnect(bus)
  }

  /** The object at a path. */
  protected abstract target(path: string): Target | undefined
  /** Names of the objects below the service's root object. */
  protected abstract children(): string[]
  /** Serves a call when its turn comes; its object and arguments have been checked. */
  protected abstract serve(call: Call): Promise<Reply> | Reply
  /** Called when a client's connection is closed. */
  protected gone(_connection: string): void {}

  protected signal(path: string, iface: string, member: string, signature: string, body: unknown[]): void {
    if (this.bus) send(this.bus, Message.newSignal(path, iface, member, signature, body))
  }

  private async open(objectsAfter: number): Promise<void> {
    if (this.bus) return
    const bus = await connect(this.address)
    this.bus = bus
    this.objectsAfter = objectsAfter
    const methods = new Queue<Call>((call) => this.answer(bus, call))
    const calls = new Queue<Message>((message) => this.take(bus, message, methods))
    // Set before the name is taken: with the name, the bus delivers the call that started the service.
    bus.addMethodHandler((message) => {
      this.receive(bus, message, calls)
      return true
    })
    bus.on('message', (message) => {
      if (message.member !== 'NameOwnerChanged' || message.sender !== DBUS) return
      const [name, , owner] = message.body as [string, string, string]
      if (owner || !name.startsWith(':')) return
      this.uids.delete(name)
      this.gone(name)
    })
    const vanished = `type='signal',sender='${DBUS}',member='NameOwnerChanged',arg2=''`
    await callBus(bus, 'AddMatch', 's', [vanished])
    await bus.requestName(this.name, 0)
  }

  private receive(bus: MessageBus, message: Message, calls: Queue<Message>): void {
    const root = rootPath(this.name)
    const {path} = message
    if (this.objectsAfter > 0) {
      setTimeout(() => {
        if (this.bus === bus) this.ready = true
      }, this.objectsAfter).unref()
      this.objectsAfter = 0
    }

    const target = this.ready ? this.target(path) : undefined
    if (message.interface === PEER) return this.reply(bus, message, [''])
    if (message.interface === INTROSPECTABLE) {
      const inside = root.startsWith(path === '/' ? path : `${path}/`)
      const children =
        path === root && target ? this.children() : inside ? [root.slice(path.length).split('/').find(Boolean)!] : []
      return this.reply(bus, message, ['s', introspect(target?.iface, children)])
    }

    const problem = target ? check(message, target.iface, target.missing) : noSuchObject(path)
    if (problem) return this.fail(bus, message, problem)
    calls.push(message)
  }

  private take(bus: MessageBus, message: Message, methods: Queue<Call>): Promise<void> | void {
    const known = this.uids.get(message.sender)
    if (typeof known !== 'number') {
      return this.uid(bus, message.sender).then((uid) => this.dispatch(bus, {message, uid}, methods))
    }

    return this.dispatch(bus, {message, uid: known}, methods)
  }

  private dispatch(bus: MessageBus, call: Call, methods: Queue<Call>): Promise<void> | void {
    if (call.message.interface === PROPERTIES) return this.answer(bus, call)
    methods.push(call)
  }

  private answer(bus: MessageBus, call: Call): Promise<void> | void {
    if (this.bus !== bus) return
    const {message} = call
    this.counts.add(message)
    const interception = this.intercept?.(call)
    if (interception || this.cost > 0) return this.answerLate(bus, call, interception)
    try {
      if (!this.target(message.path)) throw vanished(message)
      const reply = this.serve(call)
      if (!(reply instanceof Promise)) return this.reply(bus, message, reply)
      return reply.then(
        (late) => this.reply(bus, message, late),
        (error: unknown) => this.fail(bus, message, error),
      )
    } catch (error) {
      this.fail(bus, message, error)
    }
  }

  private async answerLate(bus: MessageBus, call: Call, interception?: Interception): Promise<void> {
    const {message} = call
    if (interception === 'ignore') return
    if (interception === 'crash') return this.crash()
    if (interception instanceof ServiceError) return this.fail(bus, message, interception)
    if (typeof interception === 'object' && 'reply' in interception) return this.reply(bus, message, interception.reply)
    if (typeof interception === 'object' && 'overtaken' in interception) {
      setTimeout(() => void this.answerLate(bus, call), interception.overtaken).unref()
      return
    }

    await new Promise((resolve) => {
      setTimeout(resolve, this.cost + (typeof interception === 'object' ? interception.delay : 0))
    })
    if (this.bus !== bus) return
    try {
      if (!this.target(message.path)) throw vanished(message)
      const reply = await this.serve(call)
      this.reply(bus, message, reply)
      if (interception === 'twice') this.reply(bus, message, reply)
    } catch (error) {
      this.fail(bus, message, error)
    }
  }

  /** Ends the service during a call. */
  protected crash(): Promise<void> {
    return this.stop()
  }

  private uid(bus: MessageBus, sender: string): Promise<number> {
    const known = this.uids.get(sender)
    if (known !== undefined) return Promise.resolve(known)
    const asked = callBus(bus, 'GetConnectionUnixUser', 's', [sender]).then(
      ([uid]) => {
        this.uids.set(sender, Number(uid))
        return Number(uid)
      },
      () => -1,
    )
    this.uids.set(sender, asked)
    return asked
  }

  private reply(bus: MessageBus, message: Message, [signature, ...body]: Reply): void {
    if (this.bus !== bus) return
    send(bus, Message.newMethodReturn(message, signature, body))
  }

  private fail(bus: MessageBus, message: Message, error: unknown): void {
    if (this.bus !== bus) return
    const {text, type} = error instanceof ServiceError ? error : failed(`simulator: ${String(error)}`)
    const reply = Message.newError(message, type, text)
    // Some services send errors without a text.
    if (text === '') Object.assign(reply, {body: [], signature: ''})
    send(bus, reply)
  }
}
