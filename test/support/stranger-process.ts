/** Another user of the bus, who sends whatever bytes it likes. */
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
      socket.once('close', () => reject(new Error('the bus is gone')))
    })
  socket.write(`\0AUTH EXTERNAL ${Buffer.from(String(process.getuid!())).toString('hex')}\r\n`)
  await answered()
  socket.write('BEGIN\r\n')
  socket.write(encode({...driver, member: 'Hello', type: 1}))
  await answered()
  // nothing that comes is of interest
  return socket.resume()
}

/** Ends when the bus has taken the bytes, or has had enough and closed the connection. */
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
          // others, and the end of this, have their turn
          await (every > 0 ? sleep(every) : new Promise(setImmediate))
          if (repeat && isOver()) break
        }
      } while (!isOver())
    } catch {
      // there is no bus any more
    }

    return {written}
  })
}

send(Number(process.argv[2]), String(process.argv[3]))
