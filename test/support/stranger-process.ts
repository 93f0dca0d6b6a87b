/**
 * Another user of the bus, who sends whatever bytes it likes: a child process, as the bus believes only the real uid of
 * one. It starts as root and loads its modules before it becomes that user, who may not be allowed to read them.
 */
import {createConnection, type Socket} from 'node:net'
import {setTimeout as sleep} from 'node:timers/promises'

import type {Task} from './stranger'

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

function serve(uid: number, socketPath: string): void {
  if (process.getuid?.() === 0 && uid !== 0) {
    process.setgroups?.([])
    process.setgid?.(uid)
    process.setuid?.(uid)
  }

  let socket: Socket | undefined
  let task = 0
  process.on('message', async ({every, id, repeat, writes}: Task) => {
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
    } finally {
      process.send?.({id, written})
    }
  })
  process.on('disconnect', () => process.exit())
}

serve(Number(process.argv[2]), String(process.argv[3]))
