/** Bus names. Each service's interface has the name of the service; the path of its root object is derived from it. */
export const SESSIONS = 'net.openvpn.v3.sessions'
export const CONFIGURATION = 'net.openvpn.v3.configuration'
export const LOG = 'net.openvpn.v3.log'
/** The interface of StatusChange and Log signals, although the log service sends them. */
export const BACKENDS = 'net.openvpn.v3.backends'
export const NETCFG_PATH = '/net/openvpn/v3/netcfg'
/** systemd-logind. */
export const LOGIN = 'org.freedesktop.login1'

export const DBUS = 'org.freedesktop.DBus'
export const INTROSPECTABLE = 'org.freedesktop.DBus.Introspectable'
export const PEER = 'org.freedesktop.DBus.Peer'
export const PROPERTIES = 'org.freedesktop.DBus.Properties'

export const rootPath = (service: string): string => `/${service.replaceAll('.', '/')}`

/** Major status codes. */
export const Major = {connection: 2, session: 3} as const

/** Minor status codes that the simulated backend sets by itself. */
export const Minor = {
  configOk: 2,
  inputRequired: 4,
  connecting: 6,
  connected: 7,
  disconnecting: 8,
  disconnected: 9,
  connectionFailed: 10,
  authFailed: 11,
  reconnecting: 12,
  pausing: 13,
  paused: 14,
  resuming: 15,
  done: 16,
  urlAuthentication: 22,
  closed: 28,
} as const

/** The attention type of all requests for user input; the groups say which input. */
export const CREDENTIALS = 1
export const Group = {
  userPassword: 1,
  keyPassphrase: 3,
  staticChallenge: 4,
  dynamicChallenge: 5,
  openUrl: 9,
} as const
