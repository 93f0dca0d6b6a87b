import {randomBytes} from 'node:crypto'

import {CONFIGURATION, Group, rootPath} from './names'

/** One thing that a user is asked for. */
export interface Input {
  readonly group: number
  readonly id: number
  readonly name: string
  readonly description: string
  readonly hidden: boolean
}

/** What a profile makes its sessions do: what they ask for, and what the server makes of the answers. */
export interface Behaviour {
  readonly inputs: readonly Input[]
  /** The right answers, in the order of the inputs; without it every answer is right. */
  readonly answers?: readonly string[]
  /** The server's port; without it the server never answers. */
  readonly port?: number
  /** The server wants to see the user on a web page. */
  readonly web?: boolean
  /** Asked for by the server while connecting; the session needs Connect again then. */
  readonly challenge?: {readonly question: string; readonly answer: string; readonly hidden?: boolean}
}

const user: Input = {description: 'Auth User name', group: Group.userPassword, hidden: false, id: 0, name: 'username'}
const password: Input = {description: 'Auth Password', group: Group.userPassword, hidden: true, id: 1, name: 'password'}
const pin: Input = {
  description: 'Enter the PIN',
  group: Group.staticChallenge,
  hidden: false,
  id: 0,
  name: 'static_challenge',
}
const passphrase: Input = {
  description: 'Private key passphrase',
  group: Group.keyPassphrase,
  hidden: true,
  id: 0,
  name: 'pk_passphrase',
}

/** The profiles that every user has. */
export const behaviours = {
  cert: {inputs: [], port: 1194},
  cert2: {inputs: [], port: 1194},
  chal: {answers: ['vpnuser', 'secret', '123456'], inputs: [user, password, pin], port: 1195},
  dead: {inputs: []},
  key: {answers: ['opensesame'], inputs: [passphrase], port: 1194},
  pass: {answers: ['vpnuser', 'secret'], inputs: [user, password], port: 1195},
  web: {inputs: [user, password], port: 1196, web: true},
} as const satisfies Record<string, Behaviour>

/** A profile that asks for a user name and a password. */
export const userPassword = (...answers: string[]): Behaviour => ({answers, inputs: [user, password], port: 1195})

/** An object of the configuration manager. */
export interface Profile {
  readonly path: string
  name: string
  readonly owner: number
  readonly behaviour: Behaviour
  readonly imported: bigint
}

/** An object path's last part as the services make them: a UUID with a letter of the service's in place of dashes. */
export function uniqueId(letter: string, bytes: (length: number) => Buffer = randomBytes): string {
  const part = (length: number) => bytes(length).toString('hex')
  return [part(4), part(2), `4${part(2).slice(1)}`, `8${part(2).slice(1)}`, part(6)].join(letter)
}

/** The configuration manager's profiles. */
export class Profiles {
  private readonly byPath = new Map<string, Profile>()

  add(owner: number, name: string, behaviour: Behaviour): Profile {
    const profile: Profile = {
      behaviour,
      imported: BigInt(Math.floor(Date.now() / 1000)),
      name,
      owner,
      path: `${rootPath(CONFIGURATION)}/${uniqueId('x')}`,
    }
    this.byPath.set(profile.path, profile)
    return profile
  }

  get(path: string): Profile | undefined {
    return this.byPath.get(path)
  }

  /** The first that the user has under this name. */
  named(owner: number, name: string): Profile | undefined {
    for (const profile of this.byPath.values()) if (profile.owner === owner && profile.name === name) return profile
  }

  ofUser(owner: number): Profile[] {
    return [...this.byPath.values()].filter((profile) => profile.owner === owner)
  }

  remove(path: string): void {
    this.byPath.delete(path)
  }

  clear(): void {
    this.byPath.clear()
  }
}
