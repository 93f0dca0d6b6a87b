import type {SessionProperties} from './session'

/**
 * The status of a session, from the property `status` and the signal `StatusChange`, both `(uus)`.
 * Source: the introspection data of net.openvpn.v3.sessions and values seen on the wire (24.1, 27.1).
 */
export interface SessionStatus {
  readonly major: number
  readonly minor: number
  /** A message of the service, often empty. Untrusted text: pass it through `safeText` before showing it. */
  readonly message: string
}

/** By code: the name in this code; the text for tables, task titles and messages; the text of openvpn3. */
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

/** Minor status codes: the state. */
export const StatusMinor = Object.fromEntries(minors.map(([name], code) => [name, code])) as Readonly<
  Record<(typeof minors)[number][0], number>
>

/** The text of each minor code. */
export const statusTexts: readonly string[] = minors.map(([, text]) => text)

/** The state of a session in one to three words; an unknown code is shown as its number. */
export function statusText(status: SessionStatus): string {
  return statusTexts[status.minor] ?? `status ${status.major}/${status.minor}`
}

/** Major status codes, the subject of a status, as openvpn3 prints them. */
const majors: readonly string[] = ['(unset)', 'Configuration', 'Connection', 'Session', 'PKCS#11', 'Process']

/** A status as openvpn3 prints it, for scripts that parse it: `Connection, Client connected: message`. */
export function classicStatusText({major, message, minor}: SessionStatus): string {
  // openvpn3 does not print the message, which is the URL
  if (majors[major] === 'Session' && minor === StatusMinor.urlAuthentication)
    return 'Web authentication required to connect'
  return `${majors[major] ?? major}, ${classicMinorText({message, minor})}`
}

/** The same without the major code: `Client connected: message`. */
export function classicMinorText({message, minor}: Omit<SessionStatus, 'major'>): string {
  const text = String(minors[minor]?.[2] ?? minor)
  return message ? `${text}: ${message}` : text
}

/**
 * The statuses of a session whose client has ended for good: it can only be disconnected. On 24.1 and 27.1, neither
 * Resume nor Restart nor Connect brings it back.
 */
export const deadEnds: readonly number[] = [
  StatusMinor.disconnected,
  StatusMinor.connectionFailed,
  StatusMinor.authenticationFailed,
  StatusMinor.done,
  StatusMinor.processStopped,
  StatusMinor.processKilled,
]

/** Whether the status of a session is one of the `deadEnds`. */
export function isDeadEnd(status: SessionStatus): boolean {
  return deadEnds.includes(status.minor)
}

const endings: ReadonlySet<number> = new Set([StatusMinor.disconnecting, StatusMinor.disconnected, StatusMinor.done])

/** Whether a session with this status is being disconnected, or has been. */
export function isEnding({minor}: Pick<SessionStatus, 'minor'>): boolean {
  return endings.has(minor)
}

/**
 * Whether a session with this status has its tun device. A paused session releases it but still shows its name, although
 * the next session that connects can get it (24.1 and 27.1).
 */
export function holdsDevice(status: SessionStatus): boolean {
  return status.minor !== StatusMinor.paused && !isDeadEnd(status) && !isNotStarted(status)
}

/** The tun device of a session; undefined if it has none. */
export function heldDevice({device_name, status}: Partial<SessionProperties>): string | undefined {
  return !status || holdsDevice(status) ? device_name || undefined : undefined
}

/** The profile is loaded, but the connection has never been started: Connect starts it, Resume and Restart do not. */
export function isNotStarted(status: SessionStatus): boolean {
  return status.minor === StatusMinor.configOk || status.minor === StatusMinor.inputRequired
}

const waitingForInput: ReadonlySet<number> = new Set([
  StatusMinor.inputRequired,
  StatusMinor.userPasswordNeeded,
  StatusMinor.challenge,
  StatusMinor.urlAuthentication,
])

/** Whether a session with this status waits for input or for web authentication. */
export function waitsForInput({minor}: Pick<SessionStatus, 'minor'>): boolean {
  return waitingForInput.has(minor)
}

/** Whether two statuses are the same, messages included. */
export function isSameStatus(status: SessionStatus, other: SessionStatus | undefined): boolean {
  return status.minor === other?.minor && status.message === other.message
}
