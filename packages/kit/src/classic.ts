import {safeText, type SessionResult} from '@ovpn3/sessions'

/** Lines of `openvpn3` for programs that drive it; each is the reference's own to the letter. */

/** Where the server wants an authentication in a browser. @param url safe to show */
export function urlLines(url: string): string[] {
  return ['Web based authentication required.', 'Open this URL to complete the connection: ', `     ${url}`, '']
}

/** What `openvpn3` prints of a session that was brought up: whether it has been connected, or is about to be. */
export function connectionLine({connection}: SessionResult): string {
  if (!connection) return 'Session is running in the background'
  return `Connected to ${safeText(connection.server.host)} (${safeText(connection.name)})`
}
