import {safeText, type SessionResult} from '@ovpn3/sessions'

// Lines that are identical to those of openvpn3, for programs that parse them.

/** The request for web authentication. @param url safe to show */
export function urlLines(url: string): string[] {
  return ['Web based authentication required.', 'Open this URL to complete the connection: ', `     ${url}`, '']
}

/** The result of a connection attempt: connected, or connecting in the background. */
export function connectionLine({connection}: SessionResult): string {
  if (!connection) return 'Session is running in the background'
  return `Connected to ${safeText(connection.server.host)} (${safeText(connection.name)})`
}
