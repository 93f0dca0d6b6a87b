import {chmodSync, mkdtempSync, rmSync} from 'node:fs'
import {createServer, type Server, type Socket} from 'node:net'
import {tmpdir} from 'node:os'
import path from 'node:path'

import {encode, string} from './wire'

const sender = 'org.freedesktop.DBus'

/** A socket in place of a message bus, open to every user; `behave` handles the data that arrives. */
export class FakeBus {
  readonly address: string
  /** The number of connections accepted so far. */
  connections = 0
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'ovpn3-fake-'))
  readonly #socket = path.join(this.#folder, 'bus')
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(behave: (socket: Socket, data: string) => void) {
    this.address = `unix:path=${this.#socket}`
    this.#server = createServer((socket) => {
      this.connections++
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('data', (data) => behave(socket, data.toString('latin1')))
    })
  }

  static async open(behave: (socket: Socket, data: string) => void): Promise<FakeBus> {
    const bus = new FakeBus(behave)
    await new Promise<void>((resolve) => {
      bus.#server.listen(bus.#socket, resolve)
    })
    chmodSync(bus.#folder, 0o755)
    chmodSync(bus.#socket, 0o777)
    return bus
  }

  send(bytes: Buffer): void {
    for (const socket of this.#sockets) socket.write(bytes)
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    rmSync(this.#folder, {force: true, recursive: true})
  }
}

export const misbehaviours: Readonly<Record<string, (socket: Socket, data: string) => void>> = {
  'accepts and is silent'() {},
  'answers with garbage': (socket) => socket.write('\u0000\u0001garbage\r\n'),
  'closes at once': (socket) => socket.end(),
  'closes after the handshake'(socket, data) {
    if (data.includes('AUTH')) socket.write('OK 0123456789abcdef0123456789abcdef\r\n')
    else socket.end()
  },
  'rejects the user': (socket) => socket.write('REJECTED EXTERNAL\r\n'),
  'sends garbage after the handshake'(socket, data) {
    if (data.includes('AUTH')) socket.write('OK 0123456789abcdef0123456789abcdef\r\n')
    else
      socket.write(
        'l\u0002\u0001\u0001\u0004\u0000\u0000\u0000\u0001\u0000\u0000\u0000\u0010\u0000\u0000\u0000' + 'z'.repeat(64),
        'latin1',
      )
  },
}

/** A bus that replies to the handshake and to Hello, and to each further call with the bytes from `answer`. */
export function daemon(answer: (member: string, serial: number) => Buffer): (socket: Socket, data: string) => void {
  return (socket, data) => {
    if (data.includes('AUTH')) socket.write('OK 0123456789abcdef0123456789abcdef\r\n')
    for (let rest = Buffer.from(data.replace(/^[^]*(AUTH.*|BEGIN)\r\n/, ''), 'latin1'); rest.length > 0;) {
      const headLength = Math.ceil((16 + rest.readUInt32LE(12)) / 8) * 8
      const serial = rest.readUInt32LE(8)
      const [, member = ''] = /s\0[^]{3}\0([A-Z]\w+)\0/.exec(rest.toString('latin1', 16, headLength)) ?? []
      if (member === 'Hello')
        socket.write(encode({body: string(':1.1'), replySerial: serial, sender, signature: 's', type: 2}))
      else socket.write(answer(member, serial))
      rest = rest.subarray(headLength + rest.readUInt32LE(4))
    }
  }
}
