import type {LogLine} from './log'
import type {SessionSource} from './source'
import type {SessionStatus} from './status'

import {Ovpn3Error} from './errors'
import {safeText} from './text'

/** The server that a session is connected to; empty strings and 0 if it is not connected. */
export interface Endpoint {
  readonly protocol: string
  readonly host: string
  readonly port: number
}

/** The properties of a session, by their D-Bus names (interface net.openvpn.v3.sessions). */
export interface SessionProperties {
  /** Uids that were granted access. The service accepts a grant to the owner, so the owner can be among them. */
  acl: readonly number[]
  backend_pid: number
  /** The profile's name when the session was started. */
  config_name: string
  config_path: string
  /** Since version 24. */
  connected_to: Endpoint
  /** Empty until there is a tun device; a paused session still shows the one that it released (`heldDevice`). */
  device_name: string
  /** 0 to 6. */
  log_verbosity: number
  owner: number
  public_access: boolean
  /** If true, users with access may not read the log. */
  restrict_log_access: boolean
  /** Seconds since 1970. */
  session_created: number
  /** Empty until the session has connected. */
  session_name: string
  /** Counters by name, except those that are 0. */
  statistics: Readonly<Record<string, bigint>>
  status: SessionStatus
}

/** The D-Bus name of a property. */
export type PropertyName = keyof SessionProperties

/** The outcome of a read: each property is in `values` or, if reading it failed, in `errors`. */
export interface Snapshot {
  readonly values: Readonly<Partial<SessionProperties>>
  readonly errors: Readonly<Partial<Record<PropertyName, Ovpn3Error>>>
}

/** Attention groups, as returned by `UserInputQueueGetTypeGroup`. */
export const InputGroup = {
  userPassword: 1,
  httpProxyCredentials: 2,
  keyPassphrase: 3,
  staticChallenge: 4,
  dynamicChallenge: 5,
  pendingAuthentication: 6,
  pkcs11Sign: 7,
  pkcs11Decrypt: 8,
  openUrl: 9,
} as const

/** One value that the service needs before it can connect. */
export interface InputRequest {
  readonly type: number
  readonly group: number
  readonly id: number
  /** `username`, `password`, `static_challenge`, … */
  readonly name: string
  /** The text of the prompt, partly from the VPN server. */
  readonly description: string
  /** The input must not be echoed. */
  readonly hidden: boolean
}

/** The current state of the profile that a session was started from. */
export type Profile = {readonly available: false} | {readonly available: true; readonly name: string}

/** An event of a followed session. */
export type SessionEvent =
  | {readonly type: 'removed'}
  | {readonly type: 'status'; readonly status: SessionStatus}
  /** The service needs something; the message of a web authentication is its URL. */
  | {readonly type: 'attention'; readonly group: number; readonly message: string}
  /** Only if requested. */
  | LogEvent

/** A log line of a session, or the end of its log. */
export type LogEvent =
  | (LogLine & {readonly type: 'log'})
  /** No further lines arrive: the caller may not read the log, or the log service does not know the session. */
  | {readonly type: 'log-lost'; readonly error?: Ovpn3Error}

export interface FollowOptions {
  /** Report log lines too. */
  readonly log?: boolean
}

/** Ends a subscription. Resolves when the service has confirmed. */
export type Unsubscribe = () => Promise<void>

/** A subscription to one session. */
export interface Following {
  (): Promise<void>
  /** False if status changes do not arrive, because the caller may not read the session's log. */
  readonly live: boolean
}

/** Identifies a session by the name of its source and its path there. */
export interface SessionRef {
  readonly path: string
  readonly source: {readonly host?: string; readonly name: string}
}

/** A key that identifies a session, for maps. */
export const keyOf = ({path, source}: SessionRef): string => `${source.name} ${path}`

/** Connects, pauses and disconnects a session. */
export interface Control {
  /** @returns false if already paused */
  pause(reason: string): Promise<boolean>
  /** @returns false if it was not paused */
  resume(): Promise<boolean>
  restart(): Promise<void>
  /** Starts a connection that was never started. On a session that is connecting, it kills the session. */
  connect(): Promise<void>
  disconnect(): Promise<void>
  /** @param level 0 to 6 */
  setLogLevel(level: number): Promise<void>
}

/** Provides the input that a session needs. */
export interface Authenticate {
  /** @returns false if input is needed first */
  ready(): Promise<boolean>
  inputRequests(): Promise<InputRequest[]>
  /** @returns false if another client has already answered the request */
  provideInput(request: InputRequest, value: string): Promise<boolean>
}

/** Changes access for other users. Only the owner may do this. */
export interface Share {
  /** @returns false if the user already had access */
  grant(uid: number): Promise<boolean>
  /** @returns false if the user had no access */
  revoke(uid: number): Promise<boolean>
  /** Sets whether every user can list and use the session. */
  setPublicAccess(enabled: boolean): Promise<void>
  /** Sets whether users with granted access can read the session's log. */
  setLogAccess(enabled: boolean): Promise<void>
}

/** Reports the events of a session. */
export interface Follow {
  /**
   * Reports status, attention and removal until the returned function is called. If the result is not `live`, status
   * changes do not arrive: poll too.
   */
  follow(listener: (event: SessionEvent) => void, options?: FollowOptions): Promise<Following>
}

/** Finds the profile that a session was started from. */
export interface Origin {
  /** The profile as it is now: renamed, or not available if it was deleted or the caller cannot read it. */
  profile(): Promise<Profile>
}

/** The optional capabilities of a session. */
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging -- the merged methods are defined below
export interface Session extends Authenticate, Control, Follow, Origin, Share {}

/**
 * A session of any source. A source extends this class: it must implement `fetch`, and can implement the rest. Every
 * method rejects with an `Ovpn3Error`: `unsupported` if the source does not implement it, `session-stale` if the backend
 * is gone (the service then removes the session), `session-not-found`, `access-denied`, `timeout`, …
 */
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging -- the merged methods are defined below
export abstract class Session implements SessionRef {
  /** The result of the last `refresh`. `find` of a source fills it with the requested properties. */
  snapshot: Snapshot = {errors: {}, values: {}}

  /** @param config the profile's name, if it is known without reading the session */
  constructor(
    readonly source: SessionSource,
    readonly path: string,
    readonly config?: string,
  ) {}

  /** The last part of the path. */
  get id(): string {
    return this.path.slice(this.path.lastIndexOf('/') + 1)
  }

  /**
   * Reads properties, each on its own: a failure is in `errors` and does not hide the others. Does not change `snapshot`.
   * Reading a stale session removes it.
   */
  abstract fetch(names: readonly PropertyName[]): Promise<Snapshot>

  /** Fetches properties and stores them in `snapshot`. */
  async refresh(names: readonly PropertyName[]): Promise<Snapshot> {
    this.snapshot = await this.fetch(names)
    return this.snapshot
  }
}

const capabilities = {
  authenticate: ['inputRequests', 'provideInput', 'ready'],
  control: ['connect', 'disconnect', 'pause', 'restart', 'resume', 'setLogLevel'],
  others: ['follow', 'profile'],
  share: ['grant', 'revoke', 'setLogAccess', 'setPublicAccess'],
} as const
for (const name of Object.values(capabilities).flat())
  Object.defineProperty(Session.prototype, name, {
    configurable: true,
    async value(this: Session) {
      throw new Ovpn3Error('unsupported', `not supported by its source, ${safeText(this.source.name)}`)
    },
    writable: true,
  })
