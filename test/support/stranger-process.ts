/**
 * Another user of the bus, who sends whatever bytes it likes: a child process, as the bus believes only the real uid of
 * one. It starts as root and loads its modules before it becomes that user, who may not be allowed to read them.
 */
import {once} from 'node:events'
import {createConnection, type Socket} from 'node:net'

import type {Task} from './stranger'

import {encode} from './wire'

const driver = {destination: 'org.freedesktop.DBus', interface: 'org.freedesktop.DBus', path: '/org/freedesktop/DBus'}

async function connect(uid: number, socketPath: string): Promise<Socket> {
  const socket = createConnection(socketPath)
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.write(`\0AUTH EXTERNAL ${Buffer.from(String(uid)).toString('hex')}\r\n`)
  await once(socket, 'data')
  socket.write('BEGIN\r\n')
  socket.write(encode({...driver, member: 'Hello', type: 1}))
  await once(socket, 'data')
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

  let socket: Promise<Socket> | undefined
  let task = 0
  const open = async () => {
    const current = await socket
    if (!current || !current.writable) socket = connect(uid, socketPath)
    return socket!
  }

  process.on('message', async ({id, messages, repeat}: Task) => {
    task = id
    const isOver = () => !repeat || task !== id
    let sent = 0
    const bytes = Buffer.concat(messages)
    try {
      do {
        const current = await open()
        await write(current, bytes)
        // a bus that has had enough of it, or that ended
        if (!current.writable) break
        sent += messages.length
        // others, and the end of this, have their turn
        await new Promise(setImmediate)
      } while (!isOver())
    } finally {
      process.send?.({id, sent})
    }
  })
  process.on('disconnect', () => process.exit())
}

serve(Number(process.argv[2]), String(process.argv[3]))
