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
  statusTexts,
} from '@ovpn3/sessions'

import {configNameOf, type Entry, type ListedKey, remarkOf, serverOf} from './entry'

/** A column to show, sort and filter by. */
export interface ListColumn {
  /** The properties that it needs. */
  readonly properties: readonly PropertyName[]
  readonly profile?: boolean
  /** The key under `--json`. The path and the ID are always there. */
  readonly key?: ListedKey
  /** May be cut when the table is too wide. */
  readonly flexible?: boolean
  /** The width below which it is not cut. */
  readonly minimum?: number
  /** Is left out of a table that is too wide, unless it was asked for: the lowest number first. */
  readonly dropOrder?: number
  /** Its text, perhaps of foreign origin, or undefined if there is none. @param now seconds since 1970 */
  text(entry: Entry, now: number): string | undefined
  /** The value to sort by, if it is not the text. */
  rank?(entry: Entry): number | string | undefined
  /** A second value that a filter accepts. */
  also?(entry: Entry): string | undefined
}

/** Every status word fits; only the error of a session that cannot be read is longer. */
const widestStatus = Math.max(...statusTexts.map((text) => text.length))

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
  host: {
    properties: [],
    text: ({session}) => session.source.host,
  },
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
    flexible: true,
    text: configNameOf,
  },
  profile: {
    properties: ['config_path'],
    profile: true,
    key: 'profile',
    flexible: true,
    text: ({details: {profile} = {}}) => profile && (profile.available ? profile.name : 'not available'),
  },
  status: {
    properties: ['status'],
    key: 'status',
    flexible: true,
    minimum: widestStatus,
    text: (entry) => remarkOf(entry) ?? (entry.values.status && statusText(entry.values.status)),
  },
  message: {
    properties: ['status'],
    key: 'status',
    flexible: true,
    text: ({values}) => values.status?.message,
  },
  device: {
    properties: ['device_name', 'status'],
    key: 'device',
    dropOrder: 4,
    text: ({values}) => heldDevice(values),
  },
  server: {
    properties: ['connected_to'],
    key: 'server',
    flexible: true,
    dropOrder: 1,
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
    flexible: true,
    dropOrder: 2,
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
    dropOrder: 3,
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

/** The colour of a session's status. */
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
