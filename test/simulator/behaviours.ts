import {Group} from './names'

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
  /** The right answers, in the order of the inputs; where there is none, every answer is right. */
  readonly answers?: readonly (string | undefined)[]
  /** The server's port; without it the server never answers. */
  readonly port?: number
  /** The server breaks off without a word, and the client tries for ever. */
  readonly ignored?: boolean
  /** Why the client gives up: before it sends anything, or when it sees the server's certificate. */
  readonly fails?: {readonly at: 'certificate' | 'start'; readonly message: string}
  /** The backend of 27.1 ends as soon as it has a session. */
  readonly crashes?: boolean
  /** The backend does not get so far as to have a session. */
  readonly loads?: boolean
  /** What the backend logs, 3 where the profile does not say. */
  readonly logLevel?: number
  /** The device stays through a pause, and with a new connection comes another. */
  readonly persistTun?: boolean
  /** The server wants to see the user on a web page. */
  readonly web?: boolean
  /** Asked for by the server while connecting; the session needs Connect again then. */
  readonly challenge?: {readonly question: string; readonly answer: string; readonly hidden?: boolean}
}

export const user: Input = {
  description: 'Auth User name',
  group: Group.userPassword,
  hidden: false,
  id: 0,
  name: 'username',
}
export const password: Input = {
  description: 'Auth Password',
  group: Group.userPassword,
  hidden: true,
  id: 1,
  name: 'password',
}
export const pin: Input = {
  description: 'Enter the PIN',
  group: Group.staticChallenge,
  hidden: false,
  id: 0,
  name: 'static_challenge',
}
export const passphrase: Input = {
  description: 'Private key passphrase',
  group: Group.keyPassphrase,
  hidden: true,
  id: 0,
  name: 'pk_passphrase',
}

/** A profile that asks for a user name and a password. */
export const userPassword = (...answers: string[]): Behaviour => ({answers, inputs: [user, password], port: 1195})
