import {userName} from '@ovpn3/kit'
import {
  configOf,
  type ErrorJson,
  errorJson,
  heldDevice,
  identityOf,
  isoTime,
  isOutage,
  isOvpn3Error,
  type Profile,
  type PropertyName,
  type Reading,
  type Session,
  type SessionIdentity,
  type SessionProperties,
  type SessionState,
  type StatusJson,
  statusJson,
  type Tracked,
} from '@ovpn3/sessions'

/** Details of a session besides its properties. */
export interface Details {
  readonly profile?: Profile
  readonly ownerName?: string
}

/** A session with its properties and details. */
export type Entry = Tracked<Details>

/** The data to read of each session. */
export interface Reads {
  readonly properties: readonly PropertyName[]
  /** Whether to read the current name of the profile. */
  readonly profile: boolean
  /** Whether sessions are selected by the names of their owners. */
  readonly requiresOwner: boolean
}

/** Reads the name of the owner and, if needed, the current name of the profile. */
export async function detailsOf({session, state, values: {owner}}: Reading, reads: Reads): Promise<Details> {
  const [profile, ownerName] = await Promise.all([
    reads.profile && (state === 'ok' || state === 'unread') ? profileOf(session) : undefined,
    owner === undefined ? undefined : userName(owner, session.source, reads.requiresOwner),
  ])
  return {ownerName, profile}
}

async function profileOf(session: Session): Promise<Profile | undefined> {
  try {
    return await session.profile()
  } catch (error) {
    if (isOutage(error) || !isOvpn3Error(error)) throw error
    return undefined
  }
}

const remarks: Readonly<Record<Exclude<SessionState, 'ok' | 'unread'>, string>> = {
  failed: 'not readable',
  hung: 'not responding, removed',
  removed: 'removed',
  stale: 'backend gone, removed',
  unreadable: 'not readable by you',
}
const waitingRemark = 'not responding'

/** How a remark begins that ends with an error. */
export const failedRemark = remarks.failed
/** All remarks. */
export const remarkTexts: readonly string[] = [waitingRemark, ...Object.values(remarks)]

/** The reason why a session has fewer values than others, or undefined if it was read. */
export function remarkOf({error, state, waiting}: Entry): string | undefined {
  if (waiting) return waitingRemark
  if (state === 'ok' || state === 'unread') return undefined
  return state === 'failed' ? `${remarks.failed}: ${error!.message}` : remarks[state]
}

/** The profile's name when the session was started. */
export function configNameOf({session, values}: Entry): string | undefined {
  return values.config_name ?? configOf(session) ?? undefined
}

/** The server that a session is connected to. */
export function serverOf({values: {connected_to}}: Entry): SessionProperties['connected_to'] | undefined {
  return connected_to?.host ? connected_to : undefined
}

/** A session as `--json` prints it. Keys that were not asked for are left out. */
export interface ListedSession extends SessionIdentity {
  readonly state: SessionState
  readonly config?: string | null
  readonly profile?: Profile | null
  readonly owner?: {readonly uid: number; readonly name: string | null} | null
  readonly device?: string | null
  readonly server?: SessionProperties['connected_to'] | null
  readonly status?: StatusJson | null
  readonly created?: string | null
  readonly pid?: number | null
  readonly error?: ErrorJson
}

export type ListedKey = Exclude<keyof ListedSession, 'error' | 'host' | 'id' | 'path' | 'state'>

const json: {readonly [K in ListedKey]: (entry: Entry) => ListedSession[K]} = {
  config: (entry) => configNameOf(entry) ?? null,
  created: ({values}) => isoTime(values.session_created),
  device: ({values}) => heldDevice(values) ?? null,
  owner: ({details, values: {owner}}) =>
    owner === undefined
      ? null
      : {name: details?.ownerName === String(owner) ? null : (details?.ownerName ?? null), uid: owner},
  pid: ({values}) => values.backend_pid ?? null,
  profile: ({details}) => details?.profile ?? null,
  server: (entry) => serverOf(entry) ?? null,
  status: ({values}) => statusJson(values.status),
}

export function listedSession(entry: Entry, keys: readonly ListedKey[]): ListedSession {
  const {error, session, state} = entry
  return {
    ...identityOf(session),
    state,
    ...Object.fromEntries(keys.map((key) => [key, json[key](entry)])),
    ...(error && {error: errorJson(error)}),
  }
}
