import {Variant} from 'dbus-next'

import type {Profile, Profiles} from './profiles'

import {accessDenied, failed, refused} from './errors'
import {configurationManagerInterface, profileInterface} from './interface'
import {CONFIGURATION, PROPERTIES, rootPath} from './names'
import {type Call, type Reply, Server, type Target} from './server'

const root = rootPath(CONFIGURATION)
const manager: Target = {iface: configurationManagerInterface}
const object: Target = {iface: profileInterface}

const values: Readonly<Record<string, (profile: Profile) => unknown>> = {
  acl: () => [],
  import_timestamp: ({imported}) => imported,
  last_used_timestamp: ({imported}) => imported,
  locked_down: () => false,
  name: ({name}) => name,
  owner: ({owner}) => owner,
  persistent: () => true,
  public_access: () => false,
  readonly: () => false,
  single_use: () => false,
  tags: () => [],
  transfer_owner_session: () => false,
  used_count: () => 1,
  valid: () => true,
}

/** The configuration manager, as far as session tools talk to it: profiles by name, and a profile's current name. */
export class ConfigurationManager extends Server {
  constructor(
    address: string,
    private readonly version: string,
    private readonly profiles: Profiles,
  ) {
    super(CONFIGURATION, address)
  }

  protected override target(path: string): Target | undefined {
    if (path === root) return manager
    return this.profiles.get(path) ? object : undefined
  }

  protected override children(): string[] {
    return []
  }

  protected override serve({message, uid}: Call): Reply {
    const {body, member, path} = message
    if (path === root) {
      if (message.interface === PROPERTIES) {
        const version = new Variant('s', `v${this.version}`)
        return member === 'Get' ? ['v', version] : ['a{sv}', {version}]
      }

      const own = this.profiles.ofUser(uid)
      const paths = own.filter(({name}) => member !== 'LookupConfigName' || name === body[0]).map(({path}) => path)
      return ['ao', paths]
    }

    const profile = this.profiles.get(path)!
    const denied = 'Access to the configuration profile is denied.'
    if (message.interface !== PROPERTIES) {
      if (profile.owner !== uid) throw refused(denied)
      this.profiles.remove(path)
      return ['']
    }

    const read = (property: string) =>
      new Variant(profileInterface.properties[property]!.type, values[property]!(profile))
    if (member === 'GetAll') {
      const readable = profile.owner === uid ? Object.keys(profileInterface.properties) : []
      return ['a{sv}', Object.fromEntries(readable.map((property) => [property, read(property)]))]
    }

    if (profile.owner !== uid) throw accessDenied(denied)
    if (member === 'Set') throw failed('Not simulated')
    return ['v', read(String(body[1]))]
  }
}
