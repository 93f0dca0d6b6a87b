import {accessDenied, Ovpn3Error} from '@ovpn3/sessions'

import {BusError} from '../bus'

/** The service's own words for a session whose backend process is gone; it removes the session at that moment. */
const backendGone = /Backend VPN process did not respond/
/**
 * What the session manager passes on of a backend that ended while it was asked (seen on 24.1 and 27.1), or just before
 * it was (seen on 27.1).
 */
const backendLost =
  /Message recipient disconnected from message bus without replying|The name net\.openvpn\.v3\.backends\.\S+ was not provided/
const alreadyPaused = /Connection is already paused/
const notPaused = /Connection is not paused/
const alreadyGranted = /UID already granted access/
const notGranted = /UID not granted access/
/** To an answer, to a look at the question, and to an answer after the last question was answered. */
const alreadyProvided = /input-already-provided|already-provided: User input|User input not required/
const notReady = /net\.openvpn\.v3\.error\.ready/

export const isBackendLost = (error: unknown) => hasText(error, backendLost)
export const isAlreadyPaused = (error: unknown) => hasText(error, alreadyPaused)
export const isNotPaused = (error: unknown) => hasText(error, notPaused)
export const isAlreadyGranted = (error: unknown) => hasText(error, alreadyGranted)
export const isNotGranted = (error: unknown) => hasText(error, notGranted)
export const isAlreadyProvided = (error: unknown) => hasText(error, alreadyProvided)
export const isNotReady = (error: unknown) => hasText(error, notReady)

function hasText(error: unknown, pattern: RegExp): boolean {
  return error instanceof BusError && error.kind === 'remote' && pattern.test(error.message)
}

export function staleError(cause: unknown): Ovpn3Error {
  return new Ovpn3Error('session-stale', 'its backend process is gone; the session manager removed the session', {
    cause,
  })
}

/**
 * What a failure on the bus means to somebody who works with sessions. Anything that is no `BusError` is a bug and
 * stays what it is.
 * @param to what was tried
 */
export function toOvpn3Error(error: unknown, to: 'act' | 'look' = 'act'): unknown {
  if (!(error instanceof BusError)) return error
  const cause = error
  switch (error.kind) {
    case 'access-denied':
      return accessDenied(to, {cause})
    case 'disconnected':
      return new Ovpn3Error('disconnected', error.message, {
        cause,
        hint: 'See whether the system bus runs: systemctl status dbus',
      })
    case 'no-owner':
      return new Ovpn3Error('service-unavailable', 'the session manager went away before it answered', {
        cause,
        hint: 'The bus starts it again when it is needed: try again',
      })
    case 'not-started':
      return new Ovpn3Error('service-unavailable', `the bus could not start the session manager: ${error.message}`, {
        cause,
        hint: 'Its log may say why: journalctl --boot --grep openvpn3',
      })
    case 'object-gone':
      return new Ovpn3Error('session-not-found', 'there is no such session', {
        cause,
        hint: 'Your sessions: ovpn3 sessions-list',
      })
    case 'policy':
      return new Ovpn3Error('access-denied', 'the message bus does not let you call the session manager', {
        cause,
        hint: `Its policy decides who may: ${error.message}`,
      })
    case 'remote':
      if (backendGone.test(error.message)) return staleError(cause)
      return new Ovpn3Error('failed', `the session manager answered: ${plainText(error.message)}`, {cause})
    case 'service-unknown':
      return new Ovpn3Error('service-unavailable', 'there is no OpenVPN 3 session manager on this bus', {
        cause,
        hint: 'Install OpenVPN 3 Linux (on Debian: the package openvpn3-client)',
      })
    case 'timeout':
      return new Ovpn3Error('timeout', `the session manager gave ${error.message}`, {
        cause,
        hint: 'It may be waiting for a backend that hangs: try again in a while',
      })
    case 'unreachable': {
      const address = process.env.DBUS_SYSTEM_BUS_ADDRESS
      return new Ovpn3Error('bus-unreachable', `no connection to the system bus: ${error.message}`, {
        cause,
        hint: address
          ? `DBUS_SYSTEM_BUS_ADDRESS is ${address}`
          : 'See whether the system bus runs: systemctl status dbus',
      })
    }
  }
}

/** GLib puts the error's domain in front of the text, once for each process it came through. */
function plainText(text: string): string {
  return text.replace(/^(GDBus\.Error:[\w.]+:\s*)+/, '')
}
