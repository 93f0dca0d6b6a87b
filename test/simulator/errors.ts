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

// A method's own errors reach the wire with a name that GDBus made of its error domain, and with a prefix in the text.
const mangled = (domain: string, separator: string) => (text: string) =>
  new ServiceError(
    `org.gtk.GDBus.UnmappedGError.Quark._${domain.replaceAll('.', '_2e')}.Code36`,
    `GDBus.Error:${domain}:${separator}${text}`,
  )

export const accessDenied = freedesktop('AccessDenied')
export const failed = freedesktop('Failed')
export const invalidArgs = freedesktop('InvalidArgs')
export const unknownMethod = freedesktop('UnknownMethod')

/** The session manager refuses. */
export const refused = mangled('net.openvpn.gdbuspp', ' ')
/** Import refuses a text. */
export const importRefused = (reason: string): ServiceError =>
  mangled('net.openvpn.gdbuspp.request', ' ')(`Invalid configuration profile: ${reason}`)
/** The backend refuses, passed on by the manager: two spaces, because of an empty object name in between. */
export const backendRefused = mangled('net.openvpn.gdbuspp.request', '  ')
/** The same with one space: no answer in time. */
export const backendTimeout = mangled('net.openvpn.gdbuspp.request', ' ')
export const notReady = mangled('net.openvpn.v3.error.ready', ' ')

export const NO_BACKEND = 'Backend VPN process did not respond'
