/** An error reply: its D-Bus name and text. */
export class ServiceError extends Error {
  constructor(
    readonly type: string,
    readonly text: string,
  ) {
    super(`${type}: ${text}`)
  }
}

const freedesktop = (name: string) => (text: string) => new ServiceError(`org.freedesktop.DBus.Error.${name}`, text)

// GDBus derives the name of a method's error from its error domain, and prefixes the text.
const mangled = (domain: string, separator: string) => (text: string) =>
  new ServiceError(
    `org.gtk.GDBus.UnmappedGError.Quark._${domain.replaceAll('.', '_2e')}.Code36`,
    `GDBus.Error:${domain}:${separator}${text}`,
  )

export const accessDenied = freedesktop('AccessDenied')
export const failed = freedesktop('Failed')
export const invalidArgs = freedesktop('InvalidArgs')
export const unknownMethod = freedesktop('UnknownMethod')

/** The session manager refuses a call. */
export const refused = mangled('net.openvpn.gdbuspp', ' ')
/** Import refuses a profile text. */
export const importRefused = (reason: string): ServiceError =>
  mangled('net.openvpn.gdbuspp.request', ' ')(`Invalid configuration profile: ${reason}`)
/** A backend's refusal that the manager passes on: two spaces, because of an empty object name in between. */
export const backendRefused = mangled('net.openvpn.gdbuspp.request', '  ')
/** A backend that does not respond in time: as above, with one space. */
export const backendTimeout = mangled('net.openvpn.gdbuspp.request', ' ')
export const notReady = mangled('net.openvpn.v3.error.ready', ' ')

export const NO_BACKEND = 'Backend VPN process did not respond'
