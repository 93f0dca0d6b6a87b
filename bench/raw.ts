/**
 * Only the reads of a command: `node raw.js PROPERTY ...` fetches the list of sessions, then these properties of each
 * session, with 100 pending calls at a time.
 */
import {Message, systemBus} from 'dbus-next'

const destination = 'net.openvpn.v3.sessions'

async function main(names: readonly string[]): Promise<void> {
  const bus = systemBus()
  const listed = await bus.call(
    new Message({
      destination,
      interface: destination,
      member: 'FetchAvailableSessions',
      path: '/net/openvpn/v3/sessions',
    }),
  )
  const reads = (listed!.body[0] as string[]).flatMap((path) => names.map((name) => ({name, path})))
  const next = async (): Promise<void> => {
    const read = reads.shift()
    if (!read) return
    await bus.call(
      new Message({
        body: [destination, read.name],
        destination,
        interface: 'org.freedesktop.DBus.Properties',
        member: 'Get',
        path: read.path,
        signature: 'ss',
      }),
    )
    return next()
  }

  await Promise.all(Array.from({length: 100}, () => next()))
  bus.disconnect()
}

void main(process.argv.slice(2))
