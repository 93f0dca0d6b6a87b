import * as fc from 'fast-check'

import {encode, strings, uint32, variant, type WireMessage} from '../support/wire'

const manager = '/net/openvpn/v3/sessions'

const bodies: readonly Pick<WireMessage, 'body' | 'signature'>[] = [
  {},
  {body: Buffer.concat([uint32(2), uint32(9), strings('lost')]), signature: 'uus'},
  {body: Buffer.concat([uint32(1), uint32(9), strings('https://stranger.example/')]), signature: 'uus'},
  {body: Buffer.concat([strings(`${manager}/abc`), Buffer.of(2, 0, 0, 0), uint32(0)]), signature: 'oqu'},
  {body: strings('net.openvpn.v3.sessions', '', ':1.1'), signature: 'sss'},
  {body: strings('net.openvpn.v3.sessions', ':1.1', ''), signature: 'sss'},
  {body: variant('s', strings('chaos')), signature: 'v'},
  // These bodies refer to file descriptors that are not sent.
  {body: uint32(0), signature: 'h'},
  {body: variant('h', uint32(0)), signature: 'v'},
  {body: Buffer.concat([uint32(4), uint32(1)]), signature: 'ah'},
]

/** Unsolicited messages that look like those of the service and refer to its sessions. */
const wellFormed = (destination: string, sessions: readonly string[]) =>
  fc
    .record({
      content: fc.constantFrom(...bodies),
      errorName: fc.constantFrom('org.freedesktop.DBus.Error.NoReply', 'net.openvpn.v3.error'),
      interface: fc.constantFrom(
        'net.openvpn.v3.sessions',
        'net.openvpn.v3.backends',
        'org.freedesktop.DBus',
        'org.freedesktop.DBus.Properties',
      ),
      member: fc.constantFrom(
        'AttentionRequired',
        'Get',
        'Log',
        'NameOwnerChanged',
        'SessionManagerEvent',
        'StatusChange',
      ),
      path: fc.constantFrom(manager, '/org/freedesktop/DBus', ...sessions),
      replySerial: fc.nat({max: 40}).map((serial) => serial + 1),
      type: fc.oneof({arbitrary: fc.constant(4), weight: 6}, {arbitrary: fc.constantFrom(1, 2, 3, 9), weight: 4}),
    })
    .map(({content, errorName, interface: on, member, path, replySerial, type}): WireMessage => {
      const common = {...content, destination, type}
      if (type === 2) return {...common, replySerial}
      return type === 3 ? {...common, errorName, replySerial} : {...common, interface: on, member, path}
    })

/** Messages whose body does not match the header. */
const malformed = (destination: string, sessions: readonly string[]) =>
  fc
    .tuple(
      wellFormed(destination, sessions),
      fc.constantFrom('', 's', 'ay', 'a{sv}', '((', 'Z', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaay'),
      fc.uint8Array({maxLength: 64}),
      fc.constantFrom(0, 0, 7, 2 ** 31),
    )
    .map(([message, signature, bytes, more]): WireMessage => {
      const body = Buffer.from(bytes)
      return {...message, body, bodyLength: body.length + more, signature}
    })

export const messagesPerWrite = 10

/**
 * The messages that any user of the machine can send to a connection, in several writes. Each write consists of
 * messages that the bus delivers, and ends with one for which the bus closes the sender's connection.
 */
export function strangersMessages(seed: number, destination: string, sessions: readonly string[]): Buffer[] {
  const sample = (arbitrary: fc.Arbitrary<WireMessage>, numRuns: number) =>
    fc.sample(arbitrary, {numRuns, seed}).map((message) => encode(message))
  const wellFormedPerWrite = messagesPerWrite - 1
  const ill = sample(malformed(destination, sessions), 16)
  const well = sample(wellFormed(destination, sessions), wellFormedPerWrite * ill.length)
  return ill.map((each, index) =>
    Buffer.concat([...well.slice(wellFormedPerWrite * index, wellFormedPerWrite * (index + 1)), each]),
  )
}
