/** Live values, which are looked up on Tab. */
export type LiveValues =
  /** Backend pids of sessions that wait for input. */
  | 'auth-request'
  /** Paths and IDs of sessions. */
  | 'session'
  /** All selectors of sessions: profile names, network interfaces, IDs and paths. */
  | 'any-session'
  /** Names of the profiles that sessions were started from. */
  | 'config'
  /** Network interfaces of sessions. */
  | 'interface'
  /** Users of this machine who have no access to the selected session. */
  | 'user'
  /** Users who were granted access to the selected session. */
  | 'user-with-access'
  /** Users who have started sessions. */
  | 'owner'
  /** Names of saved profiles, or files if the typed text is a path. */
  | 'profile'
  /** Paths of saved profiles. */
  | 'profile-path'
  /** Hosts that the user's ssh configuration names. */
  | 'host'
  /** Files and folders. */
  | 'file'

/** The completion of an option or an argument, in addition to what oclif knows about it. */
export interface OptionCompletion {
  /** The values to offer. */
  readonly values?: LiveValues | readonly string[]
  /** The value is KEY=VALUE: the keys, and the values to offer for each. */
  readonly keys?: Readonly<Record<string, LiveValues | readonly string[]>>
  /** The value is a list, separated by commas. */
  readonly list?: boolean
  /** Sessions with these statuses (`StatusMinor`) are not offered with this option, which has no effect on them. */
  readonly skip?: readonly number[]
  /**
   * Requires one of these options. An option is offered if one of them is given or can still be given, an
   * argument only if one is given.
   */
  readonly requires?: readonly string[]
  /** For each of its values, the options that cannot be used with it. */
  readonly excludes?: Readonly<Record<string, readonly string[]>>
  /** With this option only sessions that the user started are offered, because only the owner may use it. */
  readonly own?: boolean
}

/** The completion of the options and arguments of a command, by their names. */
export type Completion = Readonly<Record<string, OptionCompletion>>

/** The help group of the options that select hosts. */
export const hostGroup = 'HOST'
export const hostCompletion: Completion = {host: {values: 'host'}}

/** The help group of the options that select sessions. */
export const selectorGroup = 'SESSION'

/** The completion of the options in `selectorGroup` and of the argument SESSION. */
export const selectorCompletion: Completion = {
  config: {values: 'config'},
  interface: {values: 'interface'},
  owner: {values: 'owner'},
  path: {values: 'session'},
  session: {values: 'any-session'},
}
