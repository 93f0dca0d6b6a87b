import {connectionLine} from '@ovpn3/kit'
import {safeText, type SessionResult, type StartFrom} from '@ovpn3/sessions'

/**
 * The lines that `openvpn3 session-start` prints on standard output, for programs that parse them. Each is identical to
 * the reference; docs/in-place-of-openvpn3.md lists the differences.
 */

/** Printed once the profile is known. */
export function profileLine({from, name}: {readonly from: StartFrom; readonly name: string}): string {
  return 'path' in from
    ? `Using pre-loaded configuration profile '${safeText(name)}'`
    : `Using configuration profile from file: ${safeText(name)}`
}

/** Printed once the session exists. */
export function sessionLine(path: string): string {
  return `Session path: ${safeText(path)}`
}

/** The outcome; empty if the session failed. */
export function resultLines(result: SessionResult): string[] {
  return result.outcome === 'done' ? [connectionLine(result)] : []
}
