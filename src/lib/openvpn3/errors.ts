import {accessDenied, type ErrorCode, Ovpn3Error, profileNotFound} from '@ovpn3/sessions'

import {BusError} from '../bus'

/** Recognizes an error of a service by its text, because it has no code. */
function hasText(text: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof BusError && error.kind === 'remote' && text.test(error.message)
}

/** The backend process of the session is gone. The service removes the session with this error. */
const isBackendGone = hasText(/Backend VPN process did not respond/)
/**
 * The backend exited during the call (seen on 24.1 and 27.1) or just before it (seen on 27.1). The session manager
 * passes on the error of the bus.
 */
export const isBackendLost = hasText(
  /Message recipient disconnected from message bus without replying|The name net\.openvpn\.v3\.backends\.\S+ was not provided/,
)
export const isAlreadyPaused = hasText(/Connection is already paused/)
export const isNotPaused = hasText(/Connection is not paused/)
export const isAlreadyGranted = hasText(/UID already granted access/)
export const isNotGranted = hasText(/UID not granted access/)
/** Errors of UserInputProvide, of UserInputQueueFetch, and of UserInputProvide after the last answer. */
export const isAlreadyProvided = hasText(/input-already-provided|already-provided: User input|User input not required/)
export const isNotReady = hasText(/net\.openvpn\.v3\.error\.ready/)
/** The error of 27.1 for a second session of a profile. */
export const isRunningAlready = hasText(/A session with this configuration profile is already running/)
/** Errors for a profile that cannot start a session. 24.1 spells it "Configration". */
const isInvalidProfile = hasText(/Confi\w+ profile is missing|profiles are unsupported|Invalid configuration profile:/)
const isProfileDenied = hasText(
  /Access to the configuration profile is denied|is sealed and read-only|modified by the profile owner/,
)

export function staleError(cause: unknown): Ovpn3Error {
  return new Ovpn3Error('session-stale', 'its backend process is gone; the session manager removed the session', {
    cause,
  })
}

const checkBus = 'Run `systemctl status dbus`'

/**
 * Translates a failure on the bus. An error that is not a `BusError` is a bug and is returned unchanged.
 * @param to the attempted operation
 * @param service the service that was called
 */
export function toOvpn3Error(
  cause: unknown,
  to: 'act' | 'read' = 'act',
  service: 'configuration manager' | 'session manager' = 'session manager',
): unknown {
  if (!(cause instanceof BusError)) return cause
  const {kind, message} = cause
  const error = (code: ErrorCode, text: string, hint?: string) => new Ovpn3Error(code, text, {cause, hint})
  switch (kind) {
    case 'access-denied':
      return accessDenied(to, {cause})
    case 'disconnected':
    case 'host-unreachable':
      return error(kind, message, hintOf(cause) ?? checkBus)
    case 'no-owner':
      return error(
        'service-unavailable',
        `the ${service} exited before it answered`,
        'Try again: the bus restarts the service when it is needed',
      )
    case 'not-started':
      return error(
        'service-unavailable',
        `the ${service} did not start: ${message}`,
        'Run `journalctl --boot --grep openvpn3`',
      )
    case 'object-gone':
      return error('session-not-found', 'no such session', 'Run `ovpn3 list`')
    case 'policy':
      return error(
        'access-denied',
        `permission to call the ${service} denied by the bus policy: ${message}`,
        'Check the policy files for net.openvpn.v3 in /usr/share/dbus-1/system.d and /etc/dbus-1/system.d',
      )
    case 'remote':
      if (isBackendGone(cause)) return staleError(cause)
      return error('failed', `the ${service} answered: ${plainText(message)}`)
    case 'service-unknown':
      return error(
        'service-unavailable',
        `no OpenVPN 3 ${service} on the message bus`,
        'Install OpenVPN 3 Linux; on Debian, run `apt install openvpn3-client`',
      )
    case 'timeout':
      return error(
        'timeout',
        `the ${service} is not responding: ${message}`,
        'Try again later: the service may be waiting for a backend',
      )
    case 'unreachable': {
      const address = process.env.DBUS_SYSTEM_BUS_ADDRESS
      const hint = address ? `Check DBUS_SYSTEM_BUS_ADDRESS: ${address}` : checkBus
      return error('bus-unreachable', `cannot connect to the system bus: ${message}`, hint)
    }
  }
}

/** The next step that the cause of an error names. */
function hintOf({cause}: BusError): string | undefined {
  return (cause as undefined | {readonly hint?: string})?.hint
}

/** Removes the error domains that GLib prepends, one for each process that passed the error on. */
function plainText(text: string): string {
  return text.replace(/^(GDBus\.Error:[\w.]+:\s*)+/, '')
}

/** Translates the errors of a promise. @throws Ovpn3Error in place of a `BusError` */
export async function translated<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw toOvpn3Error(error)
  }
}

/**
 * Translates the errors of a promise about a profile.
 * @throws Ovpn3Error in place of a `BusError`
 */
export async function translatedProfile<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw toProfileError(error)
  }
}

/** The error for a profile that cannot start a session. Its message includes the reason that the service gave. */
export function invalidProfile(cause: unknown): unknown {
  if (!isInvalidProfile(cause)) return toProfileError(cause)
  return new Ovpn3Error('usage', `invalid profile: ${problemIn((cause as BusError).message)}`, {cause})
}

/** The reason why a profile is invalid, without the error codes of the service's parser. */
function problemIn(text: string): string {
  return plainText(text).replace(/^Invalid configuration profile: (ERR_\w+: )?(option_error: )?/, '')
}

function toProfileError(cause: unknown): unknown {
  if (cause instanceof BusError && cause.kind === 'object-gone')
    return profileNotFound('no such profile', undefined, cause)
  if (isProfileDenied(cause) || (cause instanceof BusError && cause.kind === 'access-denied'))
    return new Ovpn3Error('access-denied', 'permission denied for this profile', {
      cause,
      hint: 'Ask its owner to grant you access with `openvpn3 config-acl`',
    })
  return toOvpn3Error(cause, 'act', 'configuration manager')
}
