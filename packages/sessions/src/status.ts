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

/** By code: its name here; a short word or two for tables, task titles and messages; the reference tool's words. */
const minors = [
  ['unset', 'no status', '(unset)'],
  ['configError', 'configuration error', 'Configuration error'],
  ['configOk', 'configured, not started', 'Configuration OK'],
  ['inlineMissing', 'configuration incomplete', 'Configuration missing inline data'],
  ['inputRequired', 'needs input', 'Configuration requires user input'],
  ['initialised', 'initialised', 'Client initialized'],
  ['connecting', 'connecting', 'Client connecting'],
  ['connected', 'connected', 'Client connected'],
  ['disconnecting', 'disconnecting', 'Client disconnecting'],
  ['disconnected', 'disconnected', 'Client disconnected'],
  ['connectionFailed', 'connection failed', 'Client connection failed'],
  ['authenticationFailed', 'authentication failed', 'Client authentication failed'],
  ['reconnecting', 'reconnecting', 'Client reconnect'],
  ['pausing', 'pausing', 'Client pausing connection'],
  ['paused', 'paused', 'Client connection paused'],
  ['resuming', 'resuming', 'Client connection resuming'],
  ['done', 'backend exited', 'Client process exited'],
  ['newSession', 'new', 'New session created'],
  ['backendCompleted', 'backend ready', 'Backend Session Object completed'],
  ['removed', 'removed', 'Session deleted'],
  ['userPasswordNeeded', 'needs credentials', 'User/password authentication'],
  ['challenge', 'needs challenge response', 'Challenge/response authentication'],
  ['urlAuthentication', 'needs web authentication', 'URL authentication'],
  ['pkcs11Sign', 'needs a PKCS#11 signature', 'PKCS#11 Sign'],
  ['pkcs11Encrypt', 'needs PKCS#11 encryption', 'PKCS#11 Encrypt'],
  ['pkcs11Decrypt', 'needs PKCS#11 decryption', 'PKCS#11 Decrypt'],
  ['pkcs11Verify', 'needs PKCS#11 verification', 'PKCS#11 Verify'],
  ['processStarted', 'process started', 'Process started'],
  ['processStopped', 'process stopped', 'Process stopped'],
  ['processKilled', 'process killed', 'Process killed'],
] as const

/** Minor status codes: how it is. */
export const StatusMinor = Object.fromEntries(minors.map(([name], code) => [name, code])) as Readonly<
  Record<(typeof minors)[number][0], number>
>

/** The words for each minor code. */
export const statusTexts: readonly string[] = minors.map(([, text]) => text)

/** What state a session is in, in a word or two; a code that is not known yet is shown as its number. */
export function statusText(status: SessionStatus): string {
  return statusTexts[status.minor] ?? `status ${status.major}/${status.minor}`
}

/** Major codes, what a status is about, in the reference tool's words. */
const majors: readonly string[] = ['(unset)', 'Configuration', 'Connection', 'Session', 'PKCS#11', 'Process']

/** A status in the reference tool's words, for scripts that know them: `Connection, Client connected: message`. */
export function classicStatusText({major, message, minor}: SessionStatus): string {
  // the message is the URL, which the reference keeps to itself
  if (majors[major] === 'Session' && minor === StatusMinor.urlAuthentication)
    return 'Web authentication required to connect'
  return `${majors[major] ?? major}, ${classicMinorText({message, minor})}`
}

/** The same without what it is about: `Client connected: message`. */
export function classicMinorText({message, minor}: Omit<SessionStatus, 'major'>): string {
  const text = String(minors[minor]?.[2] ?? minor)
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

const asking: ReadonlySet<number> = new Set([
  StatusMinor.inputRequired,
  StatusMinor.userPasswordNeeded,
  StatusMinor.challenge,
  StatusMinor.urlAuthentication,
])

/** Whether a session of this status waits for somebody to answer. */
export function waitsForInput({minor}: Pick<SessionStatus, 'minor'>): boolean {
  return asking.has(minor)
}

/** Whether two statuses are the same, messages included. */
export function isSameStatus(status: SessionStatus, other: SessionStatus | undefined): boolean {
  return status.minor === other?.minor && status.message === other.message
}
