import type {Ovpn3Error} from './errors'
import type {SessionStatus} from './status'

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

/** Ends a subscription; awaiting it means the service has been told. */
export type Unsubscribe = () => Promise<void>

/** A subscription to one session. */
export interface Following {
  (): Promise<void>
  /** False: the caller may not read the session's log, so status changes do not arrive. */
  readonly live: boolean
}

/**
 * A session, wherever it comes from: the session manager of this machine, or whatever another plugin's
 * `session-resolver` answers with. Every method rejects with an `Ovpn3Error`: `session-stale` where the backend is
 * gone (the service removes the session then), `session-not-found`, `access-denied`, `timeout`, `disconnected`, …
 */
export interface Session {
  readonly path: string
  /** The last part of the path. */
  readonly id: string
  /** The profile's name, where it is known without looking at the session. */
  readonly config?: string
  /** What was read by the last `refresh`; the resolver fetches what a command asked for. */
  readonly snapshot: Snapshot
  /** Fetches the properties named and keeps them as `snapshot`. Reading a stale session removes it. */
  refresh(names: readonly PropertyName[]): Promise<Snapshot>
  /**
   * Reads the properties named, each by itself: one that fails is in `errors` and does not hide the others. `snapshot`
   * stays as it is.
   */
  fetch(names: readonly PropertyName[]): Promise<Snapshot>
  /** False: already paused. */
  pause(reason: string): Promise<boolean>
  /** False: it was not paused. */
  resume(): Promise<boolean>
  restart(): Promise<void>
  /** Starts a connection that was never started. Calling it on one that connects kills the session. */
  connect(): Promise<void>
  disconnect(): Promise<void>
  /** False: input is needed first. */
  ready(): Promise<boolean>
  inputRequests(): Promise<InputRequest[]>
  /** False: another client has answered it meanwhile. */
  provideInput(request: InputRequest, value: string): Promise<boolean>
  /** @param level 0 to 6 */
  setLogLevel(level: number): Promise<void>
  /** Only the owner may. False: that user has been granted access before. */
  grant(uid: number): Promise<boolean>
  /** Only the owner may. False: that user was not granted access. */
  revoke(uid: number): Promise<boolean>
  /** Lets everybody list and use the session, or no longer. Only the owner may. */
  setPublicAccess(enabled: boolean): Promise<void>
  /** Lets the users who were granted access read the session's log, or no longer. Only the owner may. */
  setLogAccess(enabled: boolean): Promise<void>
  /** The profile as it is now: it may have been renamed, deleted, or not be the caller's to see. */
  profile(): Promise<Profile>
  /**
   * Follows status, attention and removal until the returned function is called. Where the caller may not read the
   * log, status changes do not arrive: poll as well.
   */
  follow(listener: (event: SessionEvent) => void): Promise<Following>
}

/** Which sessions a command is about. */
export type Selector =
  | {readonly kind: 'all'}
  | {readonly kind: 'config'; readonly name: string}
  | {readonly kind: 'interface'; readonly device: string}
  /** A session path, a session id, or the beginning of an id (4 characters or more). */
  | {readonly kind: 'path'; readonly path: string}

/** What happens among the sessions that a selector stands for. */
export type SessionsEvent =
  | {readonly type: 'created'; readonly session: Session}
  | {readonly type: 'removed'; readonly path: string}
  /** The session manager ended, and every session with it, without a `removed` for each. */
  | {readonly type: 'reset'}
  /** No more events will come: the source of the sessions is gone. */
  | {readonly type: 'closed'; readonly error: Ovpn3Error}

/** What a selector stands for: all sessions that match, and what is behind them. */
export interface ResolvedSessions {
  /** The caller's uid, as it is compared with owners and access lists. */
  readonly me: number
  readonly sessions: readonly Session[]
  /**
   * Follows sessions that come and go until the returned function is called. A new session has not been looked at,
   * and may not match the selector.
   */
  watch(listener: (event: SessionsEvent) => void): Promise<Unsubscribe>
  /** The sessions there are now, whether they match the selector or not. They have not been looked at. */
  list(): Promise<readonly Session[]>
  /** Gives back connections and subscriptions. */
  close(): Promise<void>
}
