/**
 * Measures the service's part of a start: `node raw-start.js PROFILE` starts a session from the profile with this path
 * and prints the milliseconds from NewTunnel to the status "connected". It connects to the bus and adds its match rule
 * before.
 */
import {Message, type MessageBus, systemBus} from 'dbus-next'

const sessions = 'net.openvpn.v3.sessions'
const connected = 7

async function call(bus: MessageBus, message: Partial<Message> & {readonly member: string}): Promise<unknown[]> {
  const reply = await bus.call(new Message({destination: sessions, interface: sessions, ...message}))
  return reply!.body as unknown[]
}

async function main(profile: string): Promise<void> {
  const bus = systemBus()
  const arrived = new Promise<void>((resolve) => {
    bus.on('message', ({body, member}: Message) => {
      if (member === 'StatusChange' && body[1] === connected) resolve()
    })
  })
  await call(bus, {
    destination: 'org.freedesktop.DBus',
    interface: 'org.freedesktop.DBus',
    member: 'GetId',
    path: '/org/freedesktop/DBus',
  })
  const begun = performance.now()
  const [path] = (await call(bus, {
    body: [profile],
    member: 'NewTunnel',
    path: `/${sessions.replaceAll('.', '/')}`,
    signature: 'o',
  })) as [string]
  await call(bus, {body: [true], member: 'LogForward', path, signature: 'b'})
  await call(bus, {member: 'Connect', path})
  await arrived
  process.stdout.write(String(performance.now() - begun))
  bus.disconnect()
}

void main(process.argv[2]!)
