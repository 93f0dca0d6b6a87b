import {BusError} from './errors'

const wellKnown = 'unix:path=/var/run/dbus/system_bus_socket'

/**
 * Where the system bus may be, in the order to try: `DBUS_SYSTEM_BUS_ADDRESS`, a list, or the well-known socket. Escapes
 * (`%2f`) are resolved but for those of characters that mean something to dbus-next, which knows none.
 * @see the D-Bus specification, "Server Addresses"
 */
export function systemBusAddresses(): string[] {
  return (process.env.DBUS_SYSTEM_BUS_ADDRESS || wellKnown)
    .split(';')
    .filter(Boolean)
    .map((address) => address.replaceAll(/(?:%(?!3a|3b|2c)[\da-f]{2})+/gi, unescape))
}

/** Other transports start programs, or are not those of a bus of the system. @throws BusError `unreachable` */
export function checkTransport(address: string): void {
  if (!/^(tcp|unix):/.test(address))
    throw new BusError('unreachable', `only unix: and tcp: addresses are supported: ${address}`)
}

function unescape(escaped: string): string {
  return Buffer.from(escaped.replaceAll('%', ''), 'hex').toString()
}
