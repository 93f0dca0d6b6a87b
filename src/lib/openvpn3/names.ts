import {ownerChange, variant} from '../bus'

/** Names on the bus. Source: the introspection data and the wire (24.1, 27.1). */
export const sessionService = 'net.openvpn.v3.sessions'
export const sessionInterface = 'net.openvpn.v3.sessions'
/** The configuration manager; its objects have one interface, of the same name. */
export const configurationService = 'net.openvpn.v3.configuration'
export const managerPath = '/net/openvpn/v3/sessions'
/** Forwards the log and status signals of the backends. */
export const logService = 'net.openvpn.v3.log'

/** Tells of sessions that come (type 1) and go (2): path, type, owner. */
export const managerEvent = {
  interface: sessionInterface,
  member: 'SessionManagerEvent',
  path: managerPath,
  sender: sessionService,
}

/** Tells of a service that comes and goes: its name, the owner before, the owner now. */
export const ownerOf = (service: string) => ({...ownerChange, arg0: service})

const properties = 'org.freedesktop.DBus.Properties'

/** What a call that reads a property consists of, besides the object. */
export const getCall = (on: string, name: string) => ({
  body: [on, name],
  interface: properties,
  member: 'Get',
  signature: 'ss',
})

/** The same for one that sets a property. */
export const setCall = (on: string, name: string, signature: string, value: unknown) => ({
  body: [on, name, variant(signature, value)],
  interface: properties,
  member: 'Set',
  signature: 'ssv',
})
