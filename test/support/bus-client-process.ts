/**
 * Makes D-Bus calls as another user: a child process, since the bus believes only the real uid of a process. It starts
 * as root and loads its modules before it becomes that user, who may not be allowed to read them.
 */
import type {EventEmitter} from 'node:events'

import {Message as Call, type DBusError, type Message, MessageType, sessionBus, Variant} from 'dbus-next'

export interface Request {
  readonly id: number
  readonly destination: string
  readonly path: string
  readonly interface: string
  readonly member: string
  readonly signature: string
  readonly body: readonly unknown[]
}

export type Response =
  | {readonly id: number; readonly body: readonly unknown[]}
  | {readonly id: number; readonly error: {readonly name: string; readonly text: string}}

export interface ReceivedSignal {
  readonly sender: string
  readonly destination?: string
  readonly path: string
  readonly interface: string
  readonly member: string
  readonly body: readonly unknown[]
}

// A Variant loses its class on the way between the processes.
const revive = (value: unknown): unknown =>
  value !== null && typeof value === 'object' && 'signature' in value && 'value' in value
    ? new Variant(String(value.signature), value.value)
    : value

function serve(uid: number, busAddress: string): void {
  if (process.getuid?.() === 0 && uid !== 0) {
    process.setgroups?.([])
    process.setgid?.(uid)
    process.setuid?.(uid)
  }

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
    if (type === MessageType.SIGNAL) process.send?.({sender, destination, path, interface: on, member, body})
  })

  const answer = async ({id, body, ...call}: Request): Promise<Response> => {
    try {
      await connected
      const reply: Message | null = await bus.call(new Call({...call, body: body.map((value) => revive(value))}))
      return {id, body: reply?.body ?? []}
    } catch (error) {
      const {type, text, message} = error as DBusError
      return {id, error: {name: type ?? '', text: text ?? message}}
    }
  }

  process.on('message', async (request: Request) => {
    process.send?.(await answer(request))
  })
  process.on('disconnect', () => process.exit())
}

serve(Number(process.argv[2]), String(process.argv[3]))
