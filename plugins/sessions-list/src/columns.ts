import {type Colors} from '@ovpn3/kit'
import {
  duration,
  heldDevice,
  isDeadEnd,
  localTime,
  type PropertyName,
  type SessionStatus,
  shortId,
  StatusMinor,
  statusText,
} from '@ovpn3/sessions'

import {configNameOf, type Entry, type ListedKey, remarkOf, serverOf} from './entry'

/** One thing to show, sort and filter by. */
export interface ListColumn {
  /** The properties it takes. */
  readonly properties: readonly PropertyName[]
  readonly profile?: boolean
  /** The key under `--json`; the path and the id are always there. */
  readonly key?: ListedKey
  /** Gives way where the table is too wide: 1 first, 2 and 3 where that is not enough. */
  readonly flexible?: 1 | 2 | 3
  /** Its text, perhaps of foreign origin; undefined where there is none. @param now seconds since 1970 */
  text(entry: Entry, now: number): string | undefined
  /** What it is sorted by, where that is not its text. */
  rank?(entry: Entry): number | string | undefined
  /** What a filter may name as well. */
  also?(entry: Entry): string | undefined
}

const broken: ReadonlySet<number> = new Set([StatusMinor.configError, StatusMinor.inlineMissing])
const quiet: ReadonlySet<number> = new Set([
  StatusMinor.unset,
  StatusMinor.configOk,
  StatusMinor.newSession,
  StatusMinor.backendCompleted,
  StatusMinor.removed,
  StatusMinor.processStarted,
])

export const columns = {
  id: {
    properties: [],
    text: ({session}) => shortId(session.id),
    rank: ({session}) => session.id,
    also: ({session}) => session.id,
  },
  path: {
    properties: [],
    text: ({session}) => session.path,
  },
  config: {
    properties: ['config_name'],
    key: 'config',
    flexible: 1,
    text: configNameOf,
  },
  profile: {
    properties: ['config_path'],
    profile: true,
    key: 'profile',
    flexible: 1,
    text: ({details: {profile} = {}}) => profile && (profile.available ? profile.name : 'not available'),
  },
  status: {
    properties: ['status'],
    key: 'status',
    flexible: 2,
    text: (entry) => remarkOf(entry) ?? (entry.values.status && statusText(entry.values.status)),
  },
  message: {
    properties: ['status'],
    key: 'status',
    flexible: 1,
    text: ({values}) => values.status?.message,
  },
  device: {
    properties: ['device_name', 'status'],
    key: 'device',
    text: ({values}) => heldDevice(values),
  },
  server: {
    properties: ['connected_to'],
    key: 'server',
    flexible: 3,
    text(entry) {
      const server = serverOf(entry)
      if (!server) return
      const {host, port, protocol} = server
      return `${host.includes(':') ? `[${host}]` : host}:${port}/${protocol}`
    },
  },
  owner: {
    properties: ['owner'],
    key: 'owner',
    flexible: 2,
    text: ({details}) => details?.ownerName,
    also: ({values}) => (values.owner === undefined ? undefined : String(values.owner)),
  },
  created: {
    properties: ['session_created'],
    key: 'created',
    text: ({values}) => (values.session_created === undefined ? undefined : localTime(values.session_created)),
    rank: ({values}) => values.session_created,
  },
  age: {
    properties: ['session_created'],
    key: 'created',
    text: ({values}, now) =>
      values.session_created === undefined ? undefined : duration(now - values.session_created),
    rank: ({values}) => (values.session_created === undefined ? undefined : -values.session_created),
  },
  pid: {
    properties: ['backend_pid'],
    key: 'pid',
    text: ({values}) => (values.backend_pid === undefined ? undefined : String(values.backend_pid)),
    rank: ({values}) => values.backend_pid,
  },
} as const satisfies Readonly<Record<string, ListColumn>>

export type ColumnName = keyof typeof columns

export const columnNames = Object.keys(columns) as ColumnName[]

export function columnOf(name: ColumnName): ListColumn {
  return columns[name]
}

/** The colour that a session's status has. */
export function statusColor({state, values: {status}, waiting}: Entry): keyof Colors | undefined {
  if (waiting) return 'red'
  if (state === 'stale' || state === 'hung' || state === 'failed') return 'red'
  return state === 'ok' && status ? colorOf(status) : 'dim'
}

function colorOf(status: SessionStatus): keyof Colors | undefined {
  const {minor} = status
  if (minor === StatusMinor.connected) return 'green'
  if (isDeadEnd(status) || broken.has(minor)) return 'red'
  return quiet.has(minor) || minor > StatusMinor.processKilled ? 'dim' : 'yellow'
}
