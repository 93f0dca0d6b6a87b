import type {Selected, User} from '@ovpn3/kit'

import {
  configOf,
  type ErrorJson,
  errorJson,
  identityOf,
  type InputRequest,
  isoTime,
  isOutage,
  isOvpn3Error,
  Ovpn3Error,
  type Reading,
  readingOf,
  type Session,
  type SessionIdentity,
  type SessionProperties,
  type SessionResult,
  type SessionStatus,
  type StatusJson,
  statusJson,
  StatusMinor,
  waitsForInput,
} from '@ovpn3/sessions'

/** The property that tells whether a session waits for input. */
export const firstRead = ['status'] as const

/**
 * - `waiting`: the session waits for input
 * - `stale`, `hung`: the session is gone; whether it waited is unknown
 * - `failed`: the status could not be read; see the error
 */
export type RequestState = 'failed' | 'hung' | 'stale' | 'waiting'

/** A session that waits for input, or may do so. */
export interface AuthRequest {
  readonly selected: Selected
  readonly state: RequestState
  readonly values: Readonly<Partial<SessionProperties>>
  /** The input that the service asks for; undefined if there is nothing to type, or it could not be read. */
  readonly slots?: readonly InputRequest[]
  /** The address for web authentication. */
  readonly url?: string
  readonly error?: Ovpn3Error
}

/** A stable interface, described in `docs/schemas`. */
export interface AuthRequestJson extends SessionIdentity {
  readonly state: RequestState
  /** The backend's pid, the value of `--auth-req`. */
  readonly authRequest: number | null
  readonly config: string | null
  /** Only for another user's session, if it could be read. */
  readonly owner?: User
  readonly status: StatusJson | null
  readonly input: readonly Pick<InputRequest, 'description' | 'hidden' | 'name'>[] | null
  readonly url: string | null
  /** Start of the session; the service does not say when the wait began. */
  readonly created: string | null
  readonly error?: ErrorJson
}

/** The document that `--json` prints. */
export type AuthReport =
  | {readonly action: 'authenticate'; readonly sessions: readonly [SessionResult]}
  | {readonly action: 'list'; readonly sessions: readonly AuthRequestJson[]}

/**
 * The input that a session waits for; undefined if it does not wait. Its snapshot must have `firstRead`.
 * @param isHung whether the session manager had to wait for the backend of a session
 * @throws Ovpn3Error if the source could not be reached
 */
export async function authRequestOf(
  selected: Selected,
  isHung: (session: Session) => boolean,
): Promise<AuthRequest | undefined> {
  const {session} = selected
  const first = readingOf(session, session.snapshot, isHung(session))
  const {status} = first.values
  if (first.state === 'ok' && status && !waitsForInput(status)) return undefined
  if (!status) return unreadRequest(selected, first)
  const [more, slots] = await Promise.all([
    session.fetch(['backend_pid', 'config_name', 'session_created']),
    status.minor === StatusMinor.urlAuthentication ? undefined : slotsOf(session),
  ])
  const reading = readingOf(session, more, isHung(session))
  if (reading.state !== 'ok') return unreadRequest(selected, reading)
  const url = urlOf(status)
  return {selected, slots, state: 'waiting', url, values: {...first.values, ...more.values}}
}

/** A request as in `--json`. */
export function authRequestJson({error, selected, slots, state, url, values}: AuthRequest): AuthRequestJson {
  const {owner, session} = selected
  return {
    ...identityOf(session),
    state,
    authRequest: values.backend_pid ?? null,
    config: values.config_name ?? configOf(session),
    owner,
    status: statusJson(values.status),
    input: slots?.map(({description, hidden, name}) => ({name, description, hidden})) ?? null,
    url: url ?? null,
    created: isoTime(values.session_created),
    error: error && errorJson(error),
  }
}

/** Parses the value of `--auth-req`. @throws Ovpn3Error `usage` */
export function pidOf(text: string): number {
  const pid = /^\d+$/.test(text) ? Number(text) : 0
  if (pid > 0 && pid < 2 ** 32) return pid
  throw new Ovpn3Error('usage', `--auth-req: invalid ID: "${text}"`, {
    hint: 'Run `ovpn3 auth` to list the IDs',
  })
}

/** A session that could not be read. One that has ended or is not readable does not count as waiting. */
function unreadRequest(selected: Selected, {error, state, values}: Reading): AuthRequest | undefined {
  switch (state) {
    case 'hung':
    case 'stale':
      return {error, selected, state, values: {}}
    case 'failed':
      return {error, selected, state, values}
    case 'ok':
      return {error: selected.session.snapshot.errors.status, selected, state: 'failed', values}
    default:
      return undefined
  }
}

/** Undefined if they cannot be read: the session is listed all the same. */
async function slotsOf(session: Session): Promise<readonly InputRequest[] | undefined> {
  try {
    return await session.inputRequests()
  } catch (error) {
    if (isOutage(error) || !isOvpn3Error(error)) throw error
    return undefined
  }
}

const urlOf = ({message, minor}: SessionStatus) =>
  minor === StatusMinor.urlAuthentication && message ? message : undefined
