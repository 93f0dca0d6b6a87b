/** Makes D-Bus calls as another user. */
import type {EventEmitter} from 'node:events'

import {Message as Call, type DBusError, type Message, MessageType, sessionBus, Variant} from 'dbus-next'

import {become, serve, tell} from './forked'

export interface Request {
  readonly id: number
  readonly destination: string
  readonly path: string
  readonly interface: string
  readonly member: string
  readonly signature: string
  readonly body: readonly unknown[]
}

export interface Response {
  readonly id: number
  readonly body?: readonly unknown[]
  readonly error?: {readonly name: string; readonly text: string}
}

export interface ReceivedSignal {
  readonly sender: string
  readonly destination?: string
  readonly path: string
  readonly interface: string
  readonly member: string
  readonly body: readonly unknown[]
}

// A Variant loses its class when it is sent between processes.
const revive = (value: unknown): unknown =>
  value !== null && typeof value === 'object' && 'signature' in value && 'value' in value
    ? new Variant(String(value.signature), value.value)
    : value

function connect(uid: number, busAddress: string): void {
  become(uid)
  const bus = sessionBus({busAddress})
  const connected = new Promise<void>((resolve) => {
    bus.on('connect', () => resolve())
  })
  const emitter: EventEmitter = bus
  emitter.on('error', (error: Error) => {
    process.stderr.write(`${busAddress} as ${uid}: ${error.message}\n`)
    process.exit(1)
  })

  bus.on('message', ({type, sender, destination, path, interface: on, member, body}) => {
    if (type === MessageType.SIGNAL) tell({sender, destination, path, interface: on, member, body})
  })

  serve<Request, Response>(async ({body, id: _, ...call}) => {
    try {
      await connected
      const reply: Message | null = await bus.call(new Call({...call, body: body.map((value) => revive(value))}))
      return {body: reply?.body ?? []}
    } catch (error) {
      const {type, text, message} = error as DBusError
      return {error: {name: type ?? '', text: text ?? message}}
    }
  })
}

connect(Number(process.argv[2]), String(process.argv[3]))
