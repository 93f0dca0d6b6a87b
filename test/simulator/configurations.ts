import {Variant} from 'dbus-next'

import type {Profile, Profiles} from './profiles'
import type {Version} from './properties'

import {mayChangeProfile, mayFetchProfile, mayReadProfile} from './access'
import {accessDenied, refused} from './errors'
import {configurationManagerInterface, profileInterface} from './interface'
import {CONFIGURATION, PROPERTIES, rootPath} from './names'
import {overrides} from './overrides'
import {problemOf, render} from './profile-text'
import {type Call, type Reply, Server, type Target} from './server'

const root = rootPath(CONFIGURATION)
const manager: Target = {iface: configurationManagerInterface}
const object: Target = {iface: profileInterface}
const CREATED = 1
const DESTROYED = 2
/** Characters that Import removes from a name. */
const UNPRINTABLE = /[^\u0020-\u007E]/g
const DENIED = 'Access to the configuration profile is denied.'
const SEALED = 'Configuration profile is sealed and read-only'
const OWNERS = 'Configuration can only be modified by the profile owner'

const values: Readonly<Record<string, (profile: Profile, version: Version) => unknown>> = {
  acl: ({acl}) => acl,
  dco: ({dco}) => dco,
  import_timestamp: ({imported}) => imported,
  last_used_timestamp: ({lastUsed}) => lastUsed,
  locked_down: ({lockedDown}) => lockedDown,
  name: ({name}) => name,
  overrides: ({overrides}) => Object.fromEntries(overrides),
  owner: ({owner}) => owner,
  persistent: ({persistent}) => persistent,
  public_access: ({publicAccess}) => publicAccess,
  readonly: ({sealed}) => sealed,
  single_use: ({singleUse}) => singleUse,
  tags: ({tags}) => tags,
  transfer_owner_session: ({transferOwner}) => transferOwner,
  used_count: ({used}) => used,
  valid: ({options}, version) => problemOf(options, version) === undefined,
}

/** Methods that change a profile: only for its owner, and not if the profile is sealed. */
const writing = new Set(['AccessGrant', 'AccessRevoke', 'AddTag', 'SetOverride', 'UnsetOverride'])

/** The configuration manager. */
export class ConfigurationManager extends Server {
  constructor(
    address: string,
    private readonly version: Version,
    private readonly profiles: Profiles,
  ) {
    super(CONFIGURATION, address)
  }

  /** Removes a profile and signals it. */
  remove({owner, path}: Profile): void {
    this.profiles.remove(path)
    this.event(path, DESTROYED, owner)
  }

  /** A backend reads a profile, which removes a single-use profile. */
  use(profile: Profile): void {
    if (profile.singleUse) this.remove(profile)
    else profile.use()
  }

  protected override target(path: string): Target | undefined {
    if (path === root) return manager
    return this.profiles.get(path) ? object : undefined
  }

  protected override children(): string[] {
    return []
  }

  protected override serve(call: Call): Reply {
    const {interface: iface, path} = call.message
    const isProperty = iface === PROPERTIES
    if (path === root) return isProperty ? this.readManager(call) : this.serveManager(call)
    const profile = this.profiles.get(path)!
    return isProperty ? this.access(profile, call) : this.act(profile, call)
  }

  private readManager({message: {member}}: Call): Reply {
    const version = new Variant('s', `v${this.version}`)
    return member === 'Get' ? ['v', version] : ['a{sv}', {version}]
  }

  private serveManager({message: {body, member}, uid}: Call): Reply {
    if (member === 'Import') {
      const [name, text, singleUse, persistent] = body as [string, string, boolean, boolean]
      const profile = {name: name.replaceAll(UNPRINTABLE, ''), owner: uid, persistent, singleUse, text}
      const {path} = this.profiles.add(profile)
      this.event(path, CREATED, uid)
      return ['o', path]
    }

    const visible = this.profiles.all().filter((profile) => mayReadProfile(profile, uid))
    const paths = visible.filter(({name}) => member !== 'LookupConfigName' || name === body[0]).map(({path}) => path)
    return ['ao', paths]
  }

  private access(profile: Profile, {message: {body, member}, uid}: Call): Reply {
    const [, property, value] = body as [string, string, Variant]
    const readable = (name: string) => name === 'owner' || mayReadProfile(profile, uid)
    const read = (name: string) =>
      new Variant(profileInterface.properties[name]!.type, values[name]!(profile, this.version))
    if (member === 'GetAll') {
      const names = Object.keys(profileInterface.properties).filter((name) => readable(name))
      return ['a{sv}', Object.fromEntries(names.map((name) => [name, read(name)]))]
    }

    if (member === 'Get') {
      if (!readable(property)) throw accessDenied(DENIED)
      return ['v', read(property)]
    }

    this.write(profile, uid, property, value.value)
    this.signal(profile.path, PROPERTIES, 'PropertiesChanged', 'sa{sv}as', [CONFIGURATION, {[property]: value}, []])
    return ['']
  }

  private write(profile: Profile, uid: number, property: string, value: unknown): void {
    if (profile.sealed) throw accessDenied(SEALED)
    const granted = property === 'dco' || property === 'transfer_owner_session'
    if (!(granted ? mayFetchProfile : mayChangeProfile)(profile, uid)) throw accessDenied(OWNERS)
    switch (property) {
      case 'dco':
        profile.dco = value as boolean
        break
      case 'locked_down':
        profile.lockedDown = value as boolean
        break
      case 'name':
        profile.name = value as string
        break
      case 'public_access':
        profile.publicAccess = value as boolean
        break
      default:
        profile.transferOwner = value as boolean
    }
  }

  private act(profile: Profile, {message: {body, member}, uid}: Call): Reply {
    if (writing.has(member) && profile.sealed) throw refused(SEALED)
    const allowed = member === 'Fetch' ? mayFetchProfile : member === 'Validate' ? mayReadProfile : mayChangeProfile
    if (!allowed(profile, uid)) throw refused(DENIED)
    switch (member) {
      case 'AccessGrant':
        if (profile.acl.includes(body[0] as number)) throw refused('UID already granted access')
        profile.acl.push(body[0] as number)
        break
      case 'AccessRevoke':
        if (!profile.acl.includes(body[0] as number)) throw refused('UID not granted access')
        profile.acl.splice(profile.acl.indexOf(body[0] as number), 1)
        break
      case 'AddTag':
        if (profile.tags.includes(body[0] as string)) throw refused('Tag already exists')
        profile.tags.push(body[0] as string)
        break
      case 'Fetch':
        return ['s', render(profile.options)]
      case 'Remove':
        this.remove(profile)
        break
      case 'Seal':
        profile.sealed = true
        break
      case 'SetOverride':
        setOverride(profile, ...(body as [string, Variant]))
        break
      case 'UnsetOverride':
        if (!profile.overrides.delete(body[0] as string)) throw refused(`Override '${body[0]}' has not been set`)
        break
      default: {
        const problem = problemOf(profile.options, this.version)
        if (problem) throw refused(problem)
      }
    }

    return ['']
  }

  private event(path: string, type: number, owner: number): void {
    this.signal(root, CONFIGURATION, 'ConfigurationManagerEvent', 'oqu', [path, type, owner])
  }
}

/** A value of the wrong type is refused, but still removes the value that is set. */
function setOverride(profile: Profile, key: string, value: Variant): void {
  const type = overrides[key]
  if (!type) throw refused(`Invalid override key '${key}'`)
  profile.overrides.delete(key)
  if (value.signature !== 'b' && value.signature !== 's') {
    throw refused(`Unsupported override data type: ${value.signature}`)
  }

  if (value.signature !== type) {
    throw refused(`(SetOverride) Invalid override data type for '${key}': ${value.signature}`)
  }

  profile.overrides.set(key, value)
}
