/**
 * What can go wrong on the bus:
 * - `unreachable`: no connection could be made (no socket, refused, no answer, rejected)
 * - `host-unreachable`: the machine of the bus could not be reached
 * - `disconnected`: the connection closed while, or before, the call was under way
 * - `service-unknown`: no process owns the name and the bus cannot start one
 * - `not-started`: the bus could not start the service
 * - `no-owner`: the service exited before it answered
 * - `access-denied`: by the service
 * - `policy`: the bus does not let the call through
 * - `object-gone`: the service has no such object (any more)
 * - `timeout`: no answer within the deadline
 * - `remote`: any other error, with the remote name and text
 */
export type BusErrorKind =
  | 'access-denied'
  | 'disconnected'
  | 'host-unreachable'
  | 'no-owner'
  | 'not-started'
  | 'object-gone'
  | 'policy'
  | 'remote'
  | 'service-unknown'
  | 'timeout'
  | 'unreachable'

export class BusError extends Error {
  readonly kind: BusErrorKind

  constructor(kind: BusErrorKind, message: string, cause?: unknown) {
    super(message, {cause})
    this.name = 'BusError'
    this.kind = kind
  }
}

/** The connection ended by itself. */
export function lostError(reason: string, cause?: unknown): BusError {
  return new BusError('disconnected', `the connection to the message bus was lost: ${reason}`, cause)
}

const kinds: Readonly<Record<string, BusErrorKind>> = {
  'org.freedesktop.DBus.Error.AccessDenied': 'access-denied',
  'org.freedesktop.DBus.Error.NameHasNoOwner': 'no-owner',
  'org.freedesktop.DBus.Error.NoReply': 'no-owner',
  'org.freedesktop.DBus.Error.ServiceUnknown': 'service-unknown',
  'org.freedesktop.DBus.Error.TimedOut': 'timeout',
  'org.freedesktop.DBus.Error.UnknownObject': 'object-gone',
}

const spawnFailure = /^org\.freedesktop\.DBus\.Error\.Spawn\./
/** dbus-daemon's words for a service that does not take its name in time. */
const activationFailure = /^Failed to activate service /
/** dbus-daemon's and dbus-broker's words for a call that the policy forbids. */
const rejected = /^(Rejected send message|Sender is not authorized)/

/**
 * The typed error for a D-Bus error reply. GLib services put errors of their own under mangled names and say what it
 * is in the text alone, so both are looked at, here and nowhere else.
 */
export function toBusError(name: string, given: unknown): BusError {
  // no service has to say why
  const text = typeof given === 'string' && given ? given : name
  if (spawnFailure.test(name) || activationFailure.test(text)) return new BusError('not-started', text)
  if (rejected.test(text)) return new BusError('policy', text)
  const kind = kinds[name]
  if (kind) return new BusError(kind, text)
  if (text.endsWith(': Access denied')) return new BusError('access-denied', text)
  // the second text is what calls get that were under way when the object went
  if (name === 'org.freedesktop.DBus.Error.UnknownMethod' && /^(Object does not exist|No such interface) /.test(text))
    return new BusError('object-gone', text)
  return new BusError('remote', text)
}
