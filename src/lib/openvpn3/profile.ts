import {type Bus, unwrap} from '../bus'
import {callManager} from './cold-start'
import {getCall} from './names'
import {decode} from './properties'

const service = 'net.openvpn.v3.configuration'

/**
 * The profiles that the caller can see.
 * @throws BusError, Ovpn3Error where the answer makes no sense
 */
export async function profilePaths(bus: Bus): Promise<string[]> {
  const member = 'FetchAvailableConfigs'
  const path = '/net/openvpn/v3/configuration'
  const [paths] = await callManager(bus, {destination: service, interface: service, member, path})
  return decode(member, paths)
}

/**
 * The name of a profile, by its path.
 * @throws BusError where it was deleted, or is not the caller's to see; Ovpn3Error where it makes no sense
 */
export async function profileName(bus: Bus, path: string): Promise<string> {
  const [name] = await bus.call({...getCall(service, 'name'), destination: service, path})
  return decode('config_name', unwrap(name))
}
