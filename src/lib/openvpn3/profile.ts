import {type Bus, unwrap} from '../bus'
import {configService} from './names'
import {decode} from './properties'

/**
 * The name of a profile, by its path.
 * @throws BusError where it was deleted, or is not the caller's to see; Ovpn3Error where it makes no sense
 */
export async function profileName(bus: Bus, path: string): Promise<string> {
  const [name] = await bus.call({
    body: [configService, 'name'],
    destination: configService,
    interface: 'org.freedesktop.DBus.Properties',
    member: 'Get',
    path,
    signature: 'ss',
  })
  return decode('config_name', unwrap(name))
}
