import {type SavedProfile} from '@ovpn3/sessions'

import {type Bus, BusError, type Call, unwrap, variant} from '../bus'
import {callManager} from './cold-start'
import {invalidProfile, translatedProfile} from './errors'
import {configurationService, getCall, setCall} from './names'
import {decode} from './properties'

const managerPath = '/net/openvpn/v3/configuration'

/** The text of a profile and the settings that the configuration manager stores with it. */
export interface ProfileContent {
  readonly content: string
  readonly dco: boolean
  readonly name: string
  readonly overrides: Readonly<Record<string, boolean | string>>
}

const callConfigurations = (bus: Bus, call: Partial<Call> & {readonly member: string}) =>
  callManager(bus, {destination: configurationService, interface: configurationService, path: managerPath, ...call})

/**
 * The paths of the profiles that the caller can read.
 * @param name selects only profiles with this name
 * @throws BusError; Ovpn3Error if the answer is invalid
 */
export async function profilePaths(bus: Bus, name?: string): Promise<string[]> {
  const member = name === undefined ? 'FetchAvailableConfigs' : 'LookupConfigName'
  const [paths] = await callConfigurations(bus, {member, ...(name !== undefined && {body: [name], signature: 's'})})
  return decode(member, paths)
}

/**
 * The name of a profile, by its path.
 * @throws BusError if it was deleted or the caller cannot read it; Ovpn3Error if the answer is invalid
 */
export async function profileName(bus: Bus, path: string): Promise<string> {
  return decode('config_name', await get(bus, path, 'name'))
}

/** A profile with its owner and the time of its last use. @throws BusError, Ovpn3Error as `profileName` */
export async function profileDetails(bus: Bus, path: string): Promise<SavedProfile> {
  const [name, owner, lastUsed] = await Promise.all([
    profileName(bus, path),
    get(bus, path, 'owner'),
    get(bus, path, 'last_used_timestamp'),
  ])
  return {lastUsed: decode('last_used_timestamp', lastUsed), name, owner: decode('owner', owner), path}
}

/** A profile of the configuration manager, to start a session from. Its methods throw Ovpn3Error. */
export class ServiceProfile {
  constructor(
    readonly bus: Bus,
    readonly path: string,
  ) {}

  /** Imports a profile that is deleted when a session has loaded it. @throws Ovpn3Error `usage` if it is invalid */
  static async import(bus: Bus, name: string, content: string): Promise<ServiceProfile> {
    const call = {body: [name, content, true, false], member: 'Import', secret: true, signature: 'ssbb'}
    try {
      const [path] = await callConfigurations(bus, call)
      return new ServiceProfile(bus, decode('Import', path))
    } catch (error) {
      throw invalidProfile(error)
    }
  }

  /** @throws Ovpn3Error `usage` if it cannot start a session, `profile-not-found`, `access-denied` */
  async validate(): Promise<void> {
    try {
      await this.#callRaw({member: 'Validate'})
    } catch (error) {
      if (!(error instanceof BusError && error.kind === 'object-gone')) throw invalidProfile(error)
      // the call may have started the configuration manager, which has no profiles until it has loaded them
      await translatedProfile(profilePaths(this.bus))
      await this.#call({member: 'Validate'})
    }
  }

  async read(): Promise<ProfileContent> {
    const [[content], name, overrides, dco] = await Promise.all([
      this.#call({member: 'Fetch', secret: true}),
      this.#get('name'),
      // secret: an override may be the password of a proxy
      this.#get('overrides', true),
      this.#get('dco'),
    ])
    return {
      content: decode('Fetch', content),
      dco: decode('dco', dco),
      name: decode('config_name', name),
      overrides: decode('overrides', overrides),
    }
  }

  async override(name: string, value: boolean | string): Promise<void> {
    const typed = variant(typeof value === 'boolean' ? 'b' : 's', value)
    await this.#call({body: [name, typed], member: 'SetOverride', secret: true, signature: 'sv'})
  }

  async setDco(enabled: boolean): Promise<void> {
    await this.#call(setCall(configurationService, 'dco', 'b', enabled))
  }

  async remove(): Promise<void> {
    await this.#call({member: 'Remove'})
  }

  #get(name: string, secret = false): Promise<unknown> {
    return translatedProfile(get(this.bus, this.path, name, secret))
  }

  #call(call: Partial<Call> & {readonly member: string}): Promise<unknown[]> {
    return translatedProfile(this.#callRaw(call))
  }

  /** @throws BusError */
  #callRaw(call: Partial<Call> & {readonly member: string}): Promise<unknown[]> {
    const profile = {destination: configurationService, interface: configurationService, path: this.path}
    return this.bus.call({...profile, ...call})
  }
}

async function get(bus: Bus, path: string, property: string, secret = false): Promise<unknown> {
  const call = {...getCall(configurationService, property), destination: configurationService, path, secret}
  const [value] = await bus.call(call)
  return unwrap(value)
}
