import type {TestContext} from 'node:test'

export type UserName = 'alice' | 'bob' | 'carol' | 'root'

/**
 * What a session is started from. cert, cert2: a certificate only, connects by itself. pass: user `vpnuser`, password
 * `secret`. chal: the same and the static challenge `123456`. web: any name and password, then web authentication.
 * key: its private key is encrypted with the passphrase `opensesame`. dead: its server never answers.
 */
export type Profile = 'cert' | 'cert2' | 'chal' | 'dead' | 'key' | 'pass' | 'web'

export interface StartOptions {
  /** `connected` (default): wait until it is; `started`: Connect was called; `new`: not even that. */
  readonly until?: 'connected' | 'new' | 'started'
  /** What is typed where input is needed; by default what is right. Wrong values are how a refusal is made. */
  readonly input?: readonly string[]
  /** Start from a fresh copy of the profile under the same name, so that two sessions share a name. */
  readonly fresh?: boolean
}

/** Who there is, and on which bus: all that a run of the CLI needs. */
export type Place = Pick<World, 'busAddress' | 'canBecome' | 'uid'>

/** No bus at all: whoever fails for wrong usage has touched nothing. */
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

/** The path of a session that there is not. */
export const noSession = '/net/openvpn/v3/sessions/00000000s0000s4000s8000s000000000000'

export const idOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

/** The id as commands show it. */
export const short = (path: string): string => idOf(path).slice(0, 8)

/** Skips a test that needs several users where there is only one. */
export function isAlone({canBecome}: World, t: TestContext): boolean {
  if (!canBecome) t.skip('needs root, to become several users')
  return !canBecome
}

/**
 * A world is a session manager to test against: the simulator, or the real service in the lab. The contract suite is
 * written against this interface alone, so that the same file runs on both.
 */
export interface World {
  /** For test titles: `simulator 27.1`, `sid`, `trixie`. */
  readonly name: string
  readonly version: '24.1' | '27.1'
  readonly real: boolean
  /** Seconds that the manager waits for a backend that does not answer. */
  readonly patience: number
  /** A D-Bus address, for `DBUS_SYSTEM_BUS_ADDRESS`. */
  readonly busAddress: string
  /** False where this process may not become another user: alice is then whoever runs the tests. */
  readonly canBecome: boolean
  uid(user: UserName): number
  /** The text of a profile that everybody has, to import it once more. */
  profileText(profile: Profile): string
  /** Starts a session and answers its D-Bus path. */
  startSession(user: UserName, profile: Profile, options?: StartOptions): Promise<string>
  setPublicAccess(path: string, enabled: boolean): Promise<void>
  grant(path: string, user: UserName): Promise<void>
  /** The backend process gets SIGKILL: the session is stale from now on. */
  killBackend(path: string): Promise<void>
  /** The backend process gets SIGSTOP: the manager waits for it, up to `patience`, when the session is next looked at. */
  stopBackend(path: string): Promise<void>
  /** Lets the web server grant (or no longer grant) the authentications it waits for. */
  grantWebAuthentication(granted: boolean): Promise<void>
  /** Ends the manager, all sessions with it: the next call makes the bus start it again. */
  coldStart(): Promise<void>
  /** Kills the log service, with all that it knew of who listens; it is started again when it is next needed. */
  killLogService(): Promise<void>
  /** Paths of every session there is, whoever owns it, without touching one. */
  sessions(): Promise<string[]>
  /** True as long as packets go through the session's tunnel. */
  carriesTraffic(path: string): Promise<boolean>
  /** Removes every session of everybody. */
  reset(): Promise<void>
  close(): Promise<void>
}
