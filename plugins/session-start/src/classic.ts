import {connectionLine} from '@ovpn3/kit'
import {safeText, type SessionResult, type StartFrom} from '@ovpn3/sessions'

/**
 * The lines of `openvpn3 session-start`, for programs that drive it and read its standard output. They are an interface,
 * so each is the reference's own to the letter; docs/in-place-of-openvpn3.md has the differences.
 */

/** Printed once it is known what is started. */
export function profileLine({from, name}: {readonly from: StartFrom; readonly name: string}): string {
  return 'path' in from
    ? `Using pre-loaded configuration profile '${safeText(name)}'`
    : `Using configuration profile from file: ${safeText(name)}`
}

/** Printed once there is a session. */
export function sessionLine(path: string): string {
  return `Session path: ${safeText(path)}`
}

/** How it ended; nothing where it failed. */
export function resultLines(result: SessionResult): string[] {
  return result.outcome === 'done' ? [connectionLine(result)] : []
}
