import {userName} from '@ovpn3/kit'
import {
  configOf,
  duration,
  type ErrorJson,
  errorJson,
  hasCode,
  heldDevice,
  isOutage,
  isOvpn3Error,
  Ovpn3Error,
  type Profile,
  type PropertyName,
  type Session,
  type SessionProperties,
  type Snapshot,
  type StatusJson,
  statusJson,
} from '@ovpn3/sessions'

/**
 * What became of reading a session:
 * - `ok`: it was read, though single properties may be missing
 * - `unread`: nothing was to be read of it
 * - `unreadable`: it is listed, but its properties are not the caller's to see
 * - `stale`: its backend was gone, so the session manager removed it
 * - `hung`: its backend did not respond, so the session manager removed it
 * - `removed`: it went away after it was listed
 * - `failed`: something else, see the error
 */
export type State = 'failed' | 'hung' | 'ok' | 'removed' | 'stale' | 'unread' | 'unreadable'

/** A session and what is known of it. */
export interface Entry {
  readonly session: Session
  readonly state: State
  readonly values: Readonly<Partial<SessionProperties>>
  readonly profile?: Profile
  readonly ownerName?: string
  readonly error?: Ovpn3Error
  /** The session manager waits for its backend at the moment. */
  readonly waiting?: boolean
}

/** What is to be found out about each session. */
export interface Needs {
  readonly properties: readonly PropertyName[]
  /** The current name of the profile, too. */
  readonly profile: boolean
}

/**
 * What a session's snapshot and its profile say.
 * @param hung the session manager had to wait for it
 * @throws Ovpn3Error where it is not this session's fault that it could not be read
 */
export async function entryOf(
  session: Session,
  {errors, values}: Snapshot,
  needs: Needs,
  hung: boolean,
): Promise<Entry> {
  const failures = Object.values(errors)
  const cause = failures.find((error) => isOutage(error))
  if (cause) throw cause
  const {error, state} = verdict(failures, Object.keys(values).length, hung)
  const [profile, ownerName] = await Promise.all([
    needs.profile && (state === 'ok' || state === 'unread') ? profileOf(session) : undefined,
    values.owner === undefined ? undefined : userName(values.owner, session.source),
  ])
  return {error, ownerName, profile, session, state, values}
}

function verdict(failures: readonly Ovpn3Error[], read: number, hung: boolean): Pick<Entry, 'error' | 'state'> {
  const stale = failures.find((error) => hasCode(error, 'session-stale'))
  if (stale && hung)
    return {
      error: new Ovpn3Error('session-stale', 'its backend does not respond; the session manager removed the session'),
      state: 'hung',
    }
  if (stale) return {error: stale, state: 'stale'}
  const [error] = failures
  if (!error) return {state: read > 0 ? 'ok' : 'unread'}
  if (read > 0) return {state: 'ok'}
  if (hasCode(error, 'session-not-found')) return {error, state: 'removed'}
  return {error, state: hasCode(error, 'access-denied') ? 'unreadable' : 'failed'}
}

async function profileOf(session: Session): Promise<Profile | undefined> {
  try {
    return await session.profile()
  } catch (error) {
    if (isOutage(error) || !isOvpn3Error(error)) throw error
    return undefined
  }
}

const remarks: Readonly<Record<Exclude<State, 'ok' | 'unread'>, string>> = {
  failed: 'not readable',
  hung: 'not responding, removed',
  removed: 'removed meanwhile',
  stale: 'backend gone, removed',
  unreadable: 'not readable by you',
}

/** Why there is less to see of a session than of others; undefined where all is well. */
export function remarkOf({error, state, waiting}: Entry): string | undefined {
  if (waiting) return 'not responding'
  if (state === 'ok' || state === 'unread') return undefined
  return state === 'failed' ? `${remarks.failed}: ${error!.message}` : remarks[state]
}

/** The profile's name when the session was started. */
export function configNameOf({session, values}: Entry): string | undefined {
  return values.config_name ?? configOf(session) ?? undefined
}

/** Where a session is connected to; undefined while it is not. */
export function serverOf({values: {connected_to}}: Entry): SessionProperties['connected_to'] | undefined {
  return connected_to?.host ? connected_to : undefined
}

/** Local time, as in `2026-11-23 16:44:36`. @param seconds since 1970 */
export function localTime(seconds: number): string {
  const time = new Date(seconds * 1000)
  const two = (n: number) => String(n).padStart(2, '0')
  const date = [time.getFullYear(), time.getMonth() + 1, time.getDate()].map((n) => two(n)).join('-')
  return `${date} ${[time.getHours(), time.getMinutes(), time.getSeconds()].map((n) => two(n)).join(':')}`
}

/** How long ago a session was created. @param now seconds since 1970 */
export function ageOf({values}: Entry, now: number): string | undefined {
  return values.session_created === undefined ? undefined : duration(now - values.session_created)
}

/** A session as `--json` shows it, but for those keys that were not asked for. */
export interface ListedSession {
  readonly path: string
  readonly id: string
  readonly state: State
  readonly config?: string | null
  readonly profile?: Profile | null
  readonly owner?: {readonly uid: number; readonly name: string | null} | null
  readonly device?: string | null
  readonly server?: SessionProperties['connected_to'] | null
  readonly status?: StatusJson | null
  readonly created?: number | null
  readonly pid?: number | null
  readonly error?: ErrorJson
}

export type ListedKey = Exclude<keyof ListedSession, 'error' | 'id' | 'path' | 'state'>

const json: {readonly [K in ListedKey]: (entry: Entry) => ListedSession[K]} = {
  config: (entry) => configNameOf(entry) ?? null,
  created: ({values}) => values.session_created ?? null,
  device: ({values}) => heldDevice(values) ?? null,
  owner: ({ownerName, values: {owner}}) =>
    owner === undefined ? null : {name: ownerName === String(owner) ? null : (ownerName ?? null), uid: owner},
  pid: ({values}) => values.backend_pid ?? null,
  profile: ({profile}) => profile ?? null,
  server: (entry) => serverOf(entry) ?? null,
  status: ({values}) => statusJson(values.status),
}

export function listedSession(entry: Entry, keys: readonly ListedKey[]): ListedSession {
  const {error, session, state} = entry
  return {
    path: session.path,
    id: session.id,
    state,
    ...Object.fromEntries(keys.map((key) => [key, json[key](entry)])),
    ...(error && {error: errorJson(error)}),
  }
}
