/** Values that are known only now; each is looked up when it is asked for. */
export type LiveValues =
  /** Backend pids of sessions that wait for input. */
  | 'auth-request'
  /** Paths and ids of sessions. */
  | 'session'
  /** Whatever selects a session: profile names, network interfaces, ids and paths. */
  | 'any-session'
  /** Names of the profiles that sessions were started from. */
  | 'config'
  /** Network interfaces of sessions. */
  | 'interface'
  /** Users of this machine, but for those who have access to the selected session. */
  | 'user'
  /** Users who were granted access to the selected session. */
  | 'user-with-access'
  /** Users who have started sessions. */
  | 'owner'
  /** Names of saved profiles, and files where a path has begun. */
  | 'profile'
  /** Paths of saved profiles. */
  | 'profile-path'
  /** Hosts that the user's ssh configuration names. */
  | 'host'
  /** Files, and the folders they may be in. */
  | 'file'

/** What the shells' completion has to know of an option or an argument, besides what oclif knows. */
export interface OptionCompletion {
  /** What it offers as the value. */
  readonly values?: LiveValues | readonly string[]
  /** The value is KEY=VALUE: the keys, and what it offers for each. */
  readonly keys?: Readonly<Record<string, LiveValues | readonly string[]>>
  /** Several values may be given in one, separated by commas. */
  readonly list?: boolean
  /** Sessions with these statuses (`StatusMinor`) are not offered beside this option: it can do nothing for them. */
  readonly skip?: readonly number[]
  /**
   * It does something only beside one of these options: an option is offered where one is given, or can still be, an
   * argument where one is given.
   */
  readonly requires?: readonly string[]
  /** By its values, the options that the command refuses beside that value. */
  readonly excludes?: Readonly<Record<string, readonly string[]>>
  /** Beside this option only sessions are offered that the user has started: others may not do it. */
  readonly own?: boolean
}

/** The same for the options and arguments of a command, by their names. */
export type Completion = Readonly<Record<string, OptionCompletion>>

/** The help group of the options that select hosts, and how those are completed. */
export const hostGroup = 'HOST'
export const hostCompletion: Completion = {host: {values: 'host'}}

/** The help group of the options that select sessions. */
export const selectorGroup = 'SESSION'

/** How the options of `selectorGroup` are completed, and the argument SESSION. */
export const selectorCompletion: Completion = {
  config: {values: 'config'},
  interface: {values: 'interface'},
  owner: {values: 'owner'},
  path: {values: 'session'},
  session: {values: 'any-session'},
}
