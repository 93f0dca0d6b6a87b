export {ownerChange} from '../bus'

/** Names on the bus. Source: the introspection data and the wire (24.1, 27.1). */
export const sessionService = 'net.openvpn.v3.sessions'
export const sessionInterface = 'net.openvpn.v3.sessions'
export const managerPath = '/net/openvpn/v3/sessions'
/** Forwards the log and status signals of the backends. */
export const logService = 'net.openvpn.v3.log'
export const configService = 'net.openvpn.v3.configuration'
export const configManagerPath = '/net/openvpn/v3/configuration'
/** The profiles that the caller can see. */
export const fetchConfigs = {
  destination: configService,
  interface: configService,
  member: 'FetchAvailableConfigs',
  path: configManagerPath,
}
export function idOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
