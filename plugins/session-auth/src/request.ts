import type {Selected, User} from '@ovpn3/kit'

import {
  configOf,
  type ErrorJson,
  errorJson,
  type InputRequest,
  isOutage,
  isOvpn3Error,
  Ovpn3Error,
  type Reading,
  readingOf,
  type Session,
  type SessionProperties,
  type SessionResult,
  type SessionStatus,
  type StatusJson,
  statusJson,
  StatusMinor,
  waitsForInput,
} from '@ovpn3/sessions'

/** What decides whether a session waits for input. */
export const firstRead = ['status'] as const

/**
 * - `waiting`: it waits for input
 * - `stale`, `hung`: it is gone, so whether it did is not known
 * - `failed`: its status could not be read, see the error
 */
export type RequestState = 'failed' | 'hung' | 'stale' | 'waiting'

/** A session that waits for input, or of which that is not known. */
export interface AuthRequest {
  readonly selected: Selected
  readonly state: RequestState
  readonly values: Readonly<Partial<SessionProperties>>
  /** What the service asks for; undefined where that is nothing to type in, or could not be read. */
  readonly slots?: readonly InputRequest[]
  /** The address of a web authentication. */
  readonly url?: string
  readonly error?: Ovpn3Error
}

/** An interface: `docs/schemas` describes it. */
export interface AuthRequestJson {
  readonly path: string
  readonly id: string
  readonly state: RequestState
  /** The backend's pid: what `--auth-req` takes. */
  readonly authRequest: number | null
  readonly config: string | null
  /** Only of another user's session, where it could be read. */
  readonly owner?: User
  readonly status: StatusJson | null
  readonly input: readonly Pick<InputRequest, 'description' | 'hidden' | 'name'>[] | null
  readonly url: string | null
  /** When the session was started, in seconds since 1970: since when it waits the service does not say. */
  readonly created: number | null
  readonly error?: ErrorJson
}

/** What `--json` prints. */
export type AuthReport =
  | {readonly action: 'authenticate'; readonly sessions: readonly [SessionResult]}
  | {readonly action: 'list'; readonly sessions: readonly AuthRequestJson[]}

/**
 * What a session waits for; undefined where it does not. Its snapshot must have `firstRead`.
 * @param isHung its source had to wait for it
 * @throws Ovpn3Error where its source could not be asked
 */
export async function authRequestOf(
  selected: Selected,
  isHung: (session: Session) => boolean,
): Promise<AuthRequest | undefined> {
  const {session} = selected
  const first = readingOf(session, session.snapshot, isHung(session))
  const {status} = first.values
  if (first.state === 'ok' && status && !waitsForInput(status)) return undefined
  if (!status) return lost(selected, first)
  const [more, slots] = await Promise.all([
    session.fetch(['backend_pid', 'config_name', 'session_created']),
    status.minor === StatusMinor.urlAuthentication ? undefined : slotsOf(session),
  ])
  const reading = readingOf(session, more, isHung(session))
  if (reading.state !== 'ok') return lost(selected, reading)
  const url = urlOf(status)
  return {selected, slots, state: 'waiting', url, values: {...first.values, ...more.values}}
}

/** A request as `--json` shows it. */
export function authRequestJson({error, selected, slots, state, url, values}: AuthRequest): AuthRequestJson {
  const {owner, session} = selected
  return {
    path: session.path,
    id: session.id,
    state,
    authRequest: values.backend_pid ?? null,
    config: values.config_name ?? configOf(session),
    owner,
    status: statusJson(values.status),
    input: slots?.map(({description, hidden, name}) => ({name, description, hidden})) ?? null,
    url: url ?? null,
    created: values.session_created ?? null,
    error: error && errorJson(error),
  }
}

/** The request that `--auth-req` names. @throws Ovpn3Error `usage` */
export function pidOf(text: string): number {
  const pid = /^\d+$/.test(text) ? Number(text) : 0
  if (pid > 0 && pid < 2 ** 32) return pid
  throw new Ovpn3Error('usage', `--auth-req: "${text}" is not an auth request ID`, {
    hint: 'The IDs are numbers: ovpn3 session-auth',
  })
}

/** Of a session that could not be read. One that has ended meanwhile, or is not to be read, does not wait. */
function lost(selected: Selected, {error, state, values}: Reading): AuthRequest | undefined {
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

/** Undefined where they cannot be read: that is no reason to leave a session out. */
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
