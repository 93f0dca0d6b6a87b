import type {Variant} from 'dbus-next'

import type {Behaviour} from './behaviours'

import {uniqueId} from './ids'
import {CONFIGURATION, rootPath} from './names'
import {behaviourOf, type Option, parse} from './profile-text'

const now = () => BigInt(Math.floor(Date.now() / 1000))

/** The arguments of an import. */
export interface Import {
  readonly name: string
  readonly owner: number
  readonly text: string
  readonly singleUse?: boolean
  readonly persistent?: boolean
  /** Overrides the behaviour that follows from the text. */
  readonly behaviour?: Behaviour
}

/** An object of the configuration manager. */
export class Profile {
  readonly path = `${rootPath(CONFIGURATION)}/${uniqueId('x')}`
  name: string
  readonly owner: number
  readonly options: readonly Option[]
  readonly singleUse: boolean
  readonly persistent: boolean
  readonly imported = now()
  readonly acl: number[] = []
  readonly tags: string[] = []
  readonly overrides = new Map<string, Variant>()
  dco = false
  lockedDown = false
  publicAccess = false
  sealed = false
  transferOwner = false
  lastUsed = 0n
  used = 0
  private readonly given?: Behaviour

  constructor(readonly source: Import) {
    this.name = source.name
    this.owner = source.owner
    this.options = parse(source.text)
    this.singleUse = source.singleUse ?? false
    this.persistent = source.persistent ?? true
    this.given = source.behaviour
  }

  /** The behaviour of a session that is started now. */
  get behaviour(): Behaviour {
    return this.given ?? behaviourOf(this.options, new Map([...this.overrides].map(([key, {value}]) => [key, value])))
  }

  /** Records that a backend has read the profile. */
  use(): void {
    this.used++
    this.lastUsed = now()
  }
}

/** The configuration manager's profiles. */
export class Profiles {
  private readonly byPath = new Map<string, Profile>()

  /** @throws `ServiceError` if the text is not a valid profile */
  add(source: Import): Profile {
    const profile = new Profile(source)
    this.byPath.set(profile.path, profile)
    return profile
  }

  get(path: string): Profile | undefined {
    return this.byPath.get(path)
  }

  /** The user's first profile with this name. */
  named(owner: number, name: string): Profile | undefined {
    for (const profile of this.byPath.values()) if (profile.owner === owner && profile.name === name) return profile
  }

  all(): Profile[] {
    return [...this.byPath.values()]
  }

  remove(path: string): void {
    this.byPath.delete(path)
  }

  clear(): void {
    this.byPath.clear()
  }
}
