import {safeText, type Session} from '@ovpn3/sessions'

/** Lines of `openvpn3` for programs that drive it; each is the reference's own to the letter. */

/** Where the server wants an authentication in a browser. @param url safe to show */
export function urlLines(url: string): string[] {
  return ['Web based authentication required.', 'Open this URL to complete the connection: ', `     ${url}`, '']
}

/** What `openvpn3` prints of a session that has just been connected: the server, and the session's name. */
export async function connectionLine(session: Session): Promise<string> {
  const {connected_to: server, session_name: name} = (await session.fetch(['connected_to', 'session_name'])).values
  return `Connected to ${safeText(server?.host ?? '')} (${safeText(name ?? '')})`
}
