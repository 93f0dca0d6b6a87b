import type {User} from './account'

/** The exit status of each error code; 0 is success. The user guide documents this table. */
export const exitStatus = {
  failed: 1,
  unsupported: 1,
  usage: 2,
  'some-failed': 3,
  'session-not-found': 4,
  'session-ambiguous': 4,
  'profile-not-found': 4,
  'profile-ambiguous': 4,
  'plugin-not-found': 4,
  'session-running': 4,
  'session-stale': 4,
  'access-denied': 5,
  'bus-unreachable': 6,
  'host-unreachable': 6,
  'service-unavailable': 6,
  'registry-unreachable': 6,
  disconnected: 6,
  timeout: 7,
  refused: 8,
  'input-missing': 8,
  interrupted: 130,
} as const

/** Why a command failed. The codes are an interface: scripts read them from `--json`. */
export type ErrorCode = keyof typeof exitStatus

export interface ErrorOptions {
  /** The next step: an action or a command in backticks, without a full stop. */
  readonly hint?: string
  /** Sessions to choose from, if a selector was ambiguous. */
  readonly candidates?: readonly SessionSummary[]
  readonly cause?: unknown
  /** Profiles to choose from, if a name was ambiguous. */
  readonly profiles?: readonly ProfileSummary[]
}

/** A saved profile as an error or a picker shows it. Fields that could not be read are null. */
export interface ProfileSummary {
  readonly host?: string
  readonly path: string
  readonly name: string
  readonly owner: User | null
  /** Seconds since 1970; null also if it was never used. */
  readonly lastUsed: number | null
}

/** A session as an error or a picker shows it. Properties that could not be read are null. */
export interface SessionSummary {
  readonly host?: string
  readonly path: string
  readonly id: string
  readonly config: string | null
  readonly owner: User | null
  readonly device: string | null
  readonly status: string | null
  /** Seconds since 1970. */
  readonly created: number | null
}

/** An expected error: it is shown without a stack trace, and its code determines the exit status. */
export class Ovpn3Error extends Error {
  readonly candidates?: readonly SessionSummary[]
  readonly code: ErrorCode
  readonly hint?: string
  readonly profiles?: readonly ProfileSummary[]

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, {cause: options.cause})
    this.name = 'Ovpn3Error'
    this.code = code
    this.hint = options.hint
    this.candidates = options.candidates
    this.profiles = options.profiles
  }
}

export interface DenialOptions {
  readonly cause?: unknown
  /** The owner of the session, if known. */
  readonly owner?: string
}

/** The error for a caller without permission to read a session or to act on it. The hint names the owner if known. */
export function accessDenied(to: 'act' | 'read', {cause, owner}: DenialOptions = {}): Ovpn3Error {
  const ask = `Ask its owner${owner === undefined ? '' : `, ${owner},`} to grant you access`
  const hint = to === 'act' ? ask : `${ask}, or run the command as root`
  return new Ovpn3Error('access-denied', 'permission denied', {cause, hint})
}

/** The error for a profile that does not exist. @param hint what to do; by default, to list the profiles */
export function profileNotFound(message: string, hint = 'Run `openvpn3 configs-list`', cause?: unknown): Ovpn3Error {
  return new Ovpn3Error('profile-not-found', message, {cause, hint})
}

/** Whether an error is an `Ovpn3Error`, including one that was created by a plugin's own copy of this package. */
export function isOvpn3Error(error: unknown): error is Ovpn3Error {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code in exitStatus
}

/** Whether the error affects the whole source, so that every other read fails too. */
export function isOutage(error: unknown): boolean {
  return hasCode(error, 'disconnected', 'service-unavailable', 'timeout')
}

/** Whether an error is an `Ovpn3Error` with one of these codes. */
export function hasCode(error: unknown, ...codes: readonly ErrorCode[]): boolean {
  return isOvpn3Error(error) && codes.includes(error.code)
}
