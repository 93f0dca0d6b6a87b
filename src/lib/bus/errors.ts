/**
 * The kinds of failure on the bus:
 * - `unreachable`: connecting failed (no socket, refused, timed out, not authorized)
 * - `host-unreachable`: the machine of the bus could not be reached
 * - `disconnected`: the connection closed before or during the call
 * - `service-unknown`: no process owns the name and the bus cannot start one
 * - `not-started`: the bus could not start the service
 * - `no-owner`: the service exited before it answered
 * - `access-denied`: the service denied the call
 * - `policy`: the policy of the bus denied the call
 * - `object-gone`: the service has no such object, or removed it during the call
 * - `timeout`: no reply within the deadline
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

/** The error of a connection that the other side closed. */
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
/** The text of dbus-daemon for a service that did not claim its name in time. */
const activationFailure = /^Failed to activate service /
/** The texts of dbus-daemon and dbus-broker for a call that the policy denies. */
const rejected = /^(Rejected send message|Sender is not authorized)/

/**
 * The typed error for a D-Bus error reply. GLib services give their own errors mangled names and identify them only in
 * the text, so the name and the text are both parsed, only here.
 */
export function toBusError(name: string, given: unknown): BusError {
  // the text is optional
  const text = typeof given === 'string' && given ? given : name
  if (spawnFailure.test(name) || activationFailure.test(text)) return new BusError('not-started', text)
  if (rejected.test(text)) return new BusError('policy', text)
  const kind = kinds[name]
  if (kind) return new BusError(kind, text)
  if (text.endsWith(': Access denied')) return new BusError('access-denied', text)
  // calls that are pending when the object is removed fail with the second text
  if (name === 'org.freedesktop.DBus.Error.UnknownMethod' && /^(Object does not exist|No such interface) /.test(text))
    return new BusError('object-gone', text)
  return new BusError('remote', text)
}
