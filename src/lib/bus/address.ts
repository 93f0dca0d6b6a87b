import {BusError} from './errors'

const wellKnown = 'unix:path=/var/run/dbus/system_bus_socket'

/**
 * The addresses of the system bus, in the order to try: those in `DBUS_SYSTEM_BUS_ADDRESS`, or the well-known socket.
 * Escapes (`%2f`) are decoded because dbus-next does not decode them, except those of its own separators `:`, `;`, `,`.
 * @see the D-Bus specification, "Server Addresses"
 */
export function systemBusAddresses(): string[] {
  return (process.env.DBUS_SYSTEM_BUS_ADDRESS || wellKnown)
    .split(';')
    .filter(Boolean)
    .map((address) => address.replaceAll(/(?:%(?!3a|3b|2c)[\da-f]{2})+/gi, unescape))
}

/** Rejects other transports: some start programs, and a system bus uses none of them. @throws BusError `unreachable` */
export function checkTransport(address: string): void {
  if (!/^(tcp|unix):/.test(address))
    throw new BusError('unreachable', `only unix: and tcp: addresses are supported: ${address}`)
}

function unescape(escaped: string): string {
  return Buffer.from(escaped.replaceAll('%', ''), 'hex').toString()
}
