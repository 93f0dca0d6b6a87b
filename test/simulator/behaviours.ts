import {Group} from './names'

/** One input that a session requests from the user. */
export interface Input {
  readonly group: number
  readonly id: number
  readonly name: string
  readonly description: string
  readonly hidden: boolean
}

/** The behaviour of a profile's sessions: the inputs they request, and the server's reaction to the answers. */
export interface Behaviour {
  readonly inputs: readonly Input[]
  /** The correct answers, in the order of the inputs; any answer is correct where none is given. */
  readonly answers?: readonly (string | undefined)[]
  /** The server's port; without a port the server never responds. */
  readonly port?: number
  /** The server drops the handshake without an error, and the client retries indefinitely. */
  readonly ignored?: boolean
  /** Why the client gives up: before it sends anything, or when it receives the server's certificate. */
  readonly fails?: {readonly at: 'certificate' | 'start'; readonly message: string}
  /** The backend of 27.1 exits as soon as it has a session. */
  readonly crashes?: boolean
  /** False if the backend cannot load the profile and no session appears. */
  readonly loads?: boolean
  /** The backend's log level; 3 if the profile sets none. */
  readonly logLevel?: number
  /** The session keeps its device during a pause, and gets another one with a new connection. */
  readonly persistTun?: boolean
  /** The server requires web authentication. */
  readonly web?: boolean
  /** A challenge that the server sends while connecting; the session then requires another Connect. */
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

/** A profile that requests a user name and a password. */
export const userPassword = (...answers: string[]): Behaviour => ({answers, inputs: [user, password], port: 1195})
