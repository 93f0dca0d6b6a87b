import type {SessionProperties} from './session'

/**
 * The status of a session as the service gives it, property `status` and signal `StatusChange`, both `(uus)`.
 * Source: the introspection data of net.openvpn.v3.sessions and values seen on the wire (24.1, 27.1).
 */
export interface SessionStatus {
  readonly major: number
  readonly minor: number
  /** The service's own remark, often empty. Text from elsewhere: clean it with `safeText` before showing it. */
  readonly message: string
}

/** Major status codes: what a status is about. */
export const StatusMajor = {
  unset: 0,
  configuration: 1,
  connection: 2,
  session: 3,
  pkcs11: 4,
  process: 5,
} as const

/** Minor status codes: how it is. */
export const StatusMinor = {
  unset: 0,
  configError: 1,
  configOk: 2,
  inlineMissing: 3,
  inputRequired: 4,
  initialised: 5,
  connecting: 6,
  connected: 7,
  disconnecting: 8,
  disconnected: 9,
  connectionFailed: 10,
  authenticationFailed: 11,
  reconnecting: 12,
  pausing: 13,
  paused: 14,
  resuming: 15,
  done: 16,
  newSession: 17,
  backendCompleted: 18,
  removed: 19,
  userPasswordNeeded: 20,
  challenge: 21,
  urlAuthentication: 22,
  pkcs11Sign: 23,
  pkcs11Encrypt: 24,
  pkcs11Decrypt: 25,
  pkcs11Verify: 26,
  processStarted: 27,
  processStopped: 28,
  processKilled: 29,
} as const

/** A short word or two per minor code, for tables, task titles and messages. */
export const statusTexts: readonly string[] = [
  'no status',
  'configuration error',
  'configured, not started',
  'configuration incomplete',
  'needs input',
  'initialised',
  'connecting',
  'connected',
  'disconnecting',
  'disconnected',
  'connection failed',
  'authentication failed',
  'reconnecting',
  'pausing',
  'paused',
  'resuming',
  'backend exited',
  'new',
  'backend ready',
  'removed',
  'needs user name and password',
  'needs an answer to a challenge',
  'needs web authentication',
  'needs a PKCS#11 signature',
  'needs PKCS#11 encryption',
  'needs PKCS#11 decryption',
  'needs PKCS#11 verification',
  'process started',
  'process stopped',
  'process killed',
]

/** What state a session is in, in a word or two; a code that is not known yet is shown as its number. */
export function statusText(status: SessionStatus): string {
  return statusTexts[status.minor] ?? `status ${status.major}/${status.minor}`
}

const classicMajor: readonly string[] = ['(unset)', 'Configuration', 'Connection', 'Session', 'PKCS#11', 'Process']

const classicMinor: readonly string[] = [
  '(unset)',
  'Configuration error',
  'Configuration OK',
  'Configuration missing inline data',
  'Configuration requires user input',
  'Client initialized',
  'Client connecting',
  'Client connected',
  'Client disconnecting',
  'Client disconnected',
  'Client connection failed',
  'Client authentication failed',
  'Client reconnect',
  'Client pausing connection',
  'Client connection paused',
  'Client connection resuming',
  'Client process exited',
  'New session created',
  'Backend Session Object completed',
  'Session deleted',
  'User/password authentication',
  'Challenge/response authentication',
  'URL authentication',
  'PKCS#11 Sign',
  'PKCS#11 Encrypt',
  'PKCS#11 Decrypt',
  'PKCS#11 Verify',
  'Process started',
  'Process stopped',
  'Process killed',
]

/** A status in the reference tool's words, for scripts that know them: `Connection, Client connected: message`. */
export function classicStatusText({major, message, minor}: SessionStatus): string {
  // the message is the URL, which the reference keeps to itself
  if (major === StatusMajor.session && minor === StatusMinor.urlAuthentication)
    return 'Web authentication required to connect'
  const text = `${classicMajor[major] ?? major}, ${classicMinor[minor] ?? minor}`
  return message ? `${text}: ${message}` : text
}

/**
 * No client runs and none will: the session can only be disconnected. Seen on 24.1 and 27.1: neither Resume, nor
 * Restart, nor Connect brings it back.
 */
export const deadEnds: readonly number[] = [
  StatusMinor.disconnected,
  StatusMinor.connectionFailed,
  StatusMinor.authenticationFailed,
  StatusMinor.done,
  StatusMinor.processStopped,
  StatusMinor.processKilled,
]

/** Whether a session is at one of the `deadEnds`. */
export function isDeadEnd(status: SessionStatus): boolean {
  return deadEnds.includes(status.minor)
}

/**
 * Whether a session of this status has its tun device. One that was paused gives it up, and goes on showing its name,
 * although the next session that connects may get it (seen on 24.1 and 27.1).
 */
export function holdsDevice(status: SessionStatus): boolean {
  return status.minor !== StatusMinor.paused && !isDeadEnd(status) && !isNotStarted(status)
}

/** The tun device of a session, undefined where it has none. */
export function heldDevice({device_name, status}: Partial<SessionProperties>): string | undefined {
  return !status || holdsDevice(status) ? device_name || undefined : undefined
}

/** The profile is loaded, but the connection has never been started: Connect starts it, Resume and Restart do not. */
export function isNotStarted(status: SessionStatus): boolean {
  return status.minor === StatusMinor.configOk || status.minor === StatusMinor.inputRequired
}

/** Whether two statuses are the same, messages included. */
export function isSameStatus(status: SessionStatus, other: SessionStatus | undefined): boolean {
  return status.minor === other?.minor && status.message === other.message
}
