import {ownerChange, variant} from '../bus'

/** Names on the bus, from the introspection data and the traffic of 24.1 and 27.1. */
export const sessionService = 'net.openvpn.v3.sessions'
export const sessionInterface = 'net.openvpn.v3.sessions'
/** The configuration manager; its objects have one interface, of the same name. */
export const configurationService = 'net.openvpn.v3.configuration'
export const managerPath = '/net/openvpn/v3/sessions'
/** Forwards the log and status signals of the backends. */
export const logService = 'net.openvpn.v3.log'

/** The signal for a created (type 1) or removed (type 2) session. Its body: path, type, owner. */
export const managerEvent = {
  interface: sessionInterface,
  member: 'SessionManagerEvent',
  path: managerPath,
  sender: sessionService,
}

/** The signal for a service that starts or ends. Its body: name, previous owner, new owner. */
export const ownerChangeOf = (service: string) => ({...ownerChange, arg0: service})

const properties = 'org.freedesktop.DBus.Properties'

/** A call that reads a property, without its object. */
export const getCall = (on: string, name: string) => ({
  body: [on, name],
  interface: properties,
  member: 'Get',
  signature: 'ss',
})

/** A call that sets a property, without its object. */
export const setCall = (on: string, name: string, signature: string, value: unknown) => ({
  body: [on, name, variant(signature, value)],
  interface: properties,
  member: 'Set',
  signature: 'ssv',
})
