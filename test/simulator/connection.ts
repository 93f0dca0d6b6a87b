import {Message, type MessageBus, sessionBus} from 'dbus-next'
import {type EventEmitter, once} from 'node:events'
import {type Duplex} from 'node:stream'

import {DBUS} from './names'

/** Connects to a bus and waits for the connection. */
export async function connect(busAddress: string): Promise<MessageBus> {
  const bus = sessionBus({busAddress})
  await new Promise<void>((resolve, reject) => {
    bus.on('connect', resolve)
    const emitter: EventEmitter = bus
    // This handler stays: a test may kill the bus later, which must not crash the simulator.
    emitter.on('error', reject)
  })
  return bus
}

/** Connects and takes a name. */
export async function own(busAddress: string, name: string): Promise<MessageBus> {
  const bus = await connect(busAddress)
  await bus.requestName(name, 0)
  return bus
}

const streamOf = (bus: MessageBus) => (bus as MessageBus & {_connection: {stream: Duplex}})._connection.stream

/** Sends a message, unless a test has killed the bus. */
export function send(bus: MessageBus, message: Message): void {
  if (streamOf(bus).writable) bus.send(message)
}

/** Closes a connection and waits until it is closed. */
export async function disconnect(bus: MessageBus): Promise<void> {
  const stream = streamOf(bus)
  if (stream.destroyed) return
  const closed = once(stream, 'close')
  stream.destroy()
  await closed
}

/** Calls the bus itself. */
export async function callBus(bus: MessageBus, member: string, signature: string, body: unknown[]): Promise<unknown[]> {
  const reply = await bus.call(
    new Message({body, destination: DBUS, interface: DBUS, member, path: '/org/freedesktop/DBus', signature}),
  )
  return reply?.body ?? []
}
