import type {LogLine} from './log'
import type {SessionSource} from './source'
import type {SessionStatus} from './status'

import {Ovpn3Error} from './errors'
import {safeText} from './text'

/** Where a session is connected to; empty strings and 0 while it is not. */
export interface Endpoint {
  readonly protocol: string
  readonly host: string
  readonly port: number
}

/** The properties of a session, by their D-Bus names (interface net.openvpn.v3.sessions). */
export interface SessionProperties {
  /** Uids that were granted access. The owner needs none, but may be among them: the service takes the grant. */
  acl: readonly number[]
  backend_pid: number
  /** The profile's name when the session was started. */
  config_name: string
  config_path: string
  /** Not known to versions before 24. */
  connected_to: Endpoint
  /** Empty until there is a tun device; a session that was paused shows the one it gave up (`heldDevice`). */
  device_name: string
  /** 0 to 6. */
  log_verbosity: number
  owner: number
  public_access: boolean
  /** True: users with access may not read the log. */
  restrict_log_access: boolean
  /** Seconds since 1970. */
  session_created: number
  /** Empty until the session has been connected. */
  session_name: string
  /** Counters by name; one that is 0 is left out. */
  statistics: Readonly<Record<string, bigint>>
  status: SessionStatus
}

/** The name of a property, as D-Bus has it. */
export type PropertyName = keyof SessionProperties

/** What a read gave: a property is in `values` or, where it failed, in `errors`. */
export interface Snapshot {
  readonly values: Readonly<Partial<SessionProperties>>
  readonly errors: Readonly<Partial<Record<PropertyName, Ovpn3Error>>>
}

/** Attention groups, as `UserInputQueueGetTypeGroup` gives them. */
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
  /** The text to ask with, in part from the VPN server. */
  readonly description: string
  /** What is typed must not be shown. */
  readonly hidden: boolean
}

/** The profile that a session was started from, as it is now. */
export type Profile = {readonly available: false} | {readonly available: true; readonly name: string}

/** What happens to a session that is followed. */
export type SessionEvent =
  | {readonly type: 'removed'}
  | {readonly type: 'status'; readonly status: SessionStatus}
  /** The service asks for something: web authentication gives its URL here. */
  | {readonly type: 'attention'; readonly group: number; readonly message: string}
  /** Only where it is asked for. */
  | LogEvent

/** What happens to the log of a session. */
export type LogEvent =
  | (LogLine & {readonly type: 'log'})
  /** No line arrives from now on: the caller may not read the log, or the log service does not know the session. */
  | {readonly type: 'log-lost'; readonly error?: Ovpn3Error}

export interface FollowOptions {
  /** The lines of the session's log as well. */
  readonly log?: boolean
}

/** Ends a subscription; awaiting it means the service has been told. */
export type Unsubscribe = () => Promise<void>

/** A subscription to one session. */
export interface Following {
  (): Promise<void>
  /** False: the caller may not read the session's log, so status changes do not arrive. */
  readonly live: boolean
}

/** What identifies a session: the name of its source, and its path there. */
export interface SessionRef {
  readonly path: string
  readonly source: {readonly host?: string; readonly name: string}
}

/** The same as a key of a map. */
export const keyOf = ({path, source}: SessionRef): string => `${source.name} ${path}`

/** Connects, pauses and disconnects a session. */
export interface Control {
  /** False: already paused. */
  pause(reason: string): Promise<boolean>
  /** False: it was not paused. */
  resume(): Promise<boolean>
  restart(): Promise<void>
  /** Starts a connection that was never started. Calling it on one that connects kills the session. */
  connect(): Promise<void>
  disconnect(): Promise<void>
  /** @param level 0 to 6 */
  setLogLevel(level: number): Promise<void>
}

/** Provides the input that a session needs. */
export interface Authenticate {
  /** False: input is needed first. */
  ready(): Promise<boolean>
  inputRequests(): Promise<InputRequest[]>
  /** False: another client has answered it meanwhile. */
  provideInput(request: InputRequest, value: string): Promise<boolean>
}

/** Changes access for other users. Only the owner may do this. */
export interface Share {
  /** False: that user has been granted access before. */
  grant(uid: number): Promise<boolean>
  /** False: that user was not granted access. */
  revoke(uid: number): Promise<boolean>
  /** Lets everybody list and use the session, or no longer. */
  setPublicAccess(enabled: boolean): Promise<void>
  /** Lets the users who were granted access read the session's log, or no longer. */
  setLogAccess(enabled: boolean): Promise<void>
}

/** Reports the events of a session. */
export interface Follow {
  /**
   * Follows status, attention and removal until the returned function is called. Where the caller may not read the
   * log, status changes do not arrive: poll as well.
   */
  follow(listener: (event: SessionEvent) => void, options?: FollowOptions): Promise<Following>
}

/** Finds the profile that a session was started from. */
export interface Origin {
  /** The profile as it is now: it may have been renamed, deleted, or not be the caller's to see. */
  profile(): Promise<Profile>
}

/** The optional capabilities of a session, besides reading it. */
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging -- what is merged is defined below
export interface Session extends Authenticate, Control, Follow, Origin, Share {}

/**
 * A session, wherever it comes from. A source extends this class: it has to implement `fetch`, and of the rest what it
 * can. Every method rejects with an `Ovpn3Error`: `unsupported` where the source has no such thing, `session-stale`
 * where the backend is gone (the service removes the session then), `session-not-found`, `access-denied`, `timeout`, …
 */
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging -- what is merged is defined below
export abstract class Session implements SessionRef {
  /** What was read by the last `refresh`; a source that finds sessions reads what a command asked for. */
  snapshot: Snapshot = {errors: {}, values: {}}

  /** @param config the profile's name, where it is known without looking at the session */
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
   * Reads the properties named, each by itself: one that fails is in `errors` and does not hide the others. `snapshot`
   * stays as it is. Reading a stale session removes it.
   */
  abstract fetch(names: readonly PropertyName[]): Promise<Snapshot>

  /** Fetches the properties named and keeps them as `snapshot`. */
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
