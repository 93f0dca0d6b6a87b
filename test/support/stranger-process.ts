/** A process of another user that sends arbitrary bytes to the bus. */
import {createConnection, type Socket} from 'node:net'
import {setTimeout as sleep} from 'node:timers/promises'

import type {Done, Task} from './stranger'

import {become, serve} from './forked'
import {encode} from './wire'

const driver = {destination: 'org.freedesktop.DBus', interface: 'org.freedesktop.DBus', path: '/org/freedesktop/DBus'}

async function connect(socketPath: string): Promise<Socket> {
  const socket = createConnection(socketPath)
  socket.on('error', () => {})
  const answered = () =>
    new Promise((resolve, reject) => {
      socket.once('data', resolve)
      socket.once('close', () => reject(new Error('the bus closed the connection')))
    })
  socket.write(`\0AUTH EXTERNAL ${Buffer.from(String(process.getuid!())).toString('hex')}\r\n`)
  await answered()
  socket.write('BEGIN\r\n')
  socket.write(encode({...driver, member: 'Hello', type: 1}))
  await answered()
  // Discard everything received.
  return socket.resume()
}

/** Resolves when the bus has accepted the bytes or closed the connection. */
function write(socket: Socket, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    socket.write(bytes, () => resolve())
  })
}

function send(uid: number, socketPath: string): void {
  become(uid)
  let socket: Socket | undefined
  let task = 0
  serve<Task, Done>(async ({every, id, repeat, writes}) => {
    task = id
    const isOver = () => !repeat || task !== id
    let written = 0
    try {
      do {
        for (const bytes of writes) {
          if (!socket?.writable) socket = await connect(socketPath)
          await write(socket, bytes)
          written++
          // Give other tasks, including the one that ends this, a turn.
          await (every > 0 ? sleep(every) : new Promise(setImmediate))
          if (repeat && isOver()) break
        }
      } while (!isOver())
    } catch {
      // The bus has ended.
    }

    return {written}
  })
}

send(Number(process.argv[2]), String(process.argv[3]))
