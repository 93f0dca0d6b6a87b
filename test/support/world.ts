import type {TestContext} from 'node:test'

export type UserName = 'alice' | 'bob' | 'carol' | 'root'

/**
 * The standard profiles. cert, cert2: connect with a certificate only. pass: user `vpnuser`, password `secret`. chal:
 * as pass, with the static challenge `123456`. web: any user name and password, then web authentication. key: the
 * private key is encrypted with the passphrase `opensesame`. dead: the server never responds.
 */
export type Profile = 'cert' | 'cert2' | 'chal' | 'dead' | 'key' | 'pass' | 'web'

export interface StartOptions {
  /** Wait until the session is `connected` (default), `started` (Connect was called) or `new` (before Connect). */
  readonly until?: 'connected' | 'new' | 'started'
  /** The values for required input; default: the correct ones. Wrong values cause a refusal. */
  readonly input?: readonly string[]
  /** Start from a new copy of the profile with the same name, so that two sessions share a name. */
  readonly fresh?: boolean
}

/** The users and the bus: everything that a run of the CLI requires. */
export type Place = Pick<World, 'busAddress' | 'canBecome' | 'uid'>

/** A place without a bus: a usage error is reported without any connection. */
export const nowhere: Place = {
  busAddress: 'unix:path=/nowhere/bus',
  canBecome: false,
  uid: () => process.getuid!(),
}

/** The users of a world, on another bus. */
export const onBus = (world: Place, busAddress: string): Place => ({
  busAddress,
  canBecome: world.canBecome,
  uid: (user) => world.uid(user),
})

/** The path of a session that does not exist. */
export const noSession = '/net/openvpn/v3/sessions/00000000s0000s4000s8000s000000000000'

export const idOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

/** The short ID that commands show. */
export const short = (path: string): string => idOf(path).slice(0, 8)

/** Skips a test that requires several users if this process cannot switch users. */
export function isAlone({canBecome}: World, t: TestContext): boolean {
  if (!canBecome) t.skip('requires root to switch users')
  return !canBecome
}

/**
 * A session manager to test against: the simulator, or the real service in the lab. The contract suite uses only this
 * interface, so that the same file runs on both.
 */
export interface World {
  /** For test titles: `simulator 27.1`, `sid`, `trixie`. */
  readonly name: string
  readonly version: '24.1' | '27.1'
  readonly real: boolean
  /** Seconds that the manager waits for a backend that does not respond. */
  readonly patience: number
  /** A D-Bus address, for `DBUS_SYSTEM_BUS_ADDRESS`. */
  readonly busAddress: string
  /** False if this process cannot switch users; alice is then the user who runs the tests. */
  readonly canBecome: boolean
  uid(user: UserName): number
  /** The text of a standard profile, to import it again. */
  profileText(profile: Profile): string
  /** Starts a session and returns its D-Bus path. */
  startSession(user: UserName, profile: Profile, options?: StartOptions): Promise<string>
  setPublicAccess(path: string, enabled: boolean): Promise<void>
  grant(path: string, user: UserName): Promise<void>
  /** Sends SIGKILL to the backend process, which makes the session stale. */
  killBackend(path: string): Promise<void>
  /**
   * Sends SIGSTOP to the backend process: the next access to the session makes the manager wait for up to `patience`.
   */
  stopBackend(path: string): Promise<void>
  /** Makes the web server grant, or no longer grant, pending authentications. */
  grantWebAuthentication(granted: boolean): Promise<void>
  /** Stops the manager and all its sessions; the bus starts it again at the next call. */
  coldStart(): Promise<void>
  /** Kills the log service, which loses its subscribers; it is started again on demand. */
  killLogService(): Promise<void>
  /** The paths of all users' sessions, without a call to any session. */
  sessions(): Promise<string[]>
  /** Whether packets pass through the session's tunnel. */
  carriesTraffic(path: string): Promise<boolean>
  /** Removes all sessions of all users. */
  reset(): Promise<void>
  close(): Promise<void>
}
