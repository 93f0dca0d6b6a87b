import {
  duration,
  heldDevice,
  identityOf,
  isGone,
  type ProfileSummary,
  safeText,
  type Session,
  type SessionSummary,
  shortId,
  statusText,
  type User,
} from '@ovpn3/sessions'

import {type Column, displayWidth, inColumns, tableText} from './terminal'
import {userOf} from './users'

/** The status of a stale session. Reading it removes it. */
export const stale = 'stale'

/** Reads the properties that distinguish sessions. */
export async function summarize(sessions: readonly Session[]): Promise<SessionSummary[]> {
  return Promise.all(
    sessions.map(async (session) => {
      const {errors, values} = await session.fetch(['config_name', 'owner', 'device_name', 'status', 'session_created'])
      return {
        ...identityOf(session),
        config: values.config_name ?? null,
        owner: values.owner === undefined ? null : await userOf(values.owner, session.source),
        device: heldDevice(values) ?? null,
        status: values.status ? statusText(values.status) : isGone(errors.status) ? stale : null,
        created: values.session_created ?? null,
      }
    }),
  )
}

/** The columns that distinguish sessions. On a narrow terminal, those with a `dropStep` are omitted in that order. */
const columns: readonly (Column & {readonly dropStep?: number})[] = [
  {header: 'HOST'},
  {header: 'ID'},
  {flexible: true, header: 'CONFIG'},
  {header: 'OWNER', dropStep: 1},
  {header: 'DEVICE', dropStep: 3},
  {header: 'STATUS'},
  {header: 'AGE', dropStep: 2},
]

/** IDs as short as they can be to differ, with at least 8 characters. */
export function uniqueIds(ids: readonly string[]): string[] {
  const longest = Math.max(0, ...ids.map((id) => id.length))
  for (let length = 8; length <= longest; length++) {
    const prefixes = ids.map((id) => safeText(id).slice(0, length))
    if (new Set(prefixes).size === ids.length) return prefixes
  }

  return ids.map((id) => shortId(id))
}

/** One line for each session: the host if there are several, ID, profile, owner, device, status and age, in columns. */
export function summaryLines(summaries: readonly SessionSummary[]): string[] {
  const rows = summaryCells(summaries)
  return inColumns(withHosts(rows, summaries))
}

/** The same as a table that fits the width, with a header. */
export function summaryTable(summaries: readonly SessionSummary[], width: number): string[] {
  const rows = summaryCells(summaries)
  const table = (indices: readonly number[], maxWidth?: number) =>
    tableText(
      indices.map((i) => columns[i]!),
      rows.map((row) => indices.map((i) => row[i]!)),
      maxWidth,
    ).split('\n')
  let shown = columns.map((_, i) => i).slice(hasHosts(summaries) ? 0 : 1)
  for (const step of [1, 2, 3]) {
    if (table(shown).every((line) => displayWidth(line) <= width)) break
    shown = shown.filter((i) => columns[i]!.dropStep !== step)
  }

  return table(shown, width)
}

const hasHosts = (those: readonly {readonly host?: string}[]) => new Set(those.map(({host}) => host)).size > 1

/** Rows that begin with the host; it is left out unless there are several. */
const withHosts = (rows: readonly string[][], those: readonly {readonly host?: string}[]) =>
  hasHosts(those) ? rows : rows.map((row) => row.slice(1))

const ownerText = (owner: null | User) => (owner ? safeText(owner.name ?? String(owner.uid)) : '-')

function summaryCells(summaries: readonly SessionSummary[]): string[][] {
  const now = Date.now() / 1000
  const ids = uniqueIds(summaries.map(({id}) => id))
  return summaries.map(({config, created, device, host, owner, status}, i) => [
    host ?? '-',
    ids[i]!,
    config === null ? '-' : safeText(config),
    ownerText(owner),
    device === null ? '-' : safeText(device),
    status ?? 'not readable',
    created === null ? '-' : duration(now - created),
  ])
}

/** One line for each saved profile: the host if there are several, name, owner, last use and path, in columns. */
export function profileLines(profiles: readonly ProfileSummary[]): string[] {
  const rows = profileCells(profiles, (path) => path)
  return inColumns(withHosts(rows, profiles))
}

/** The same with a header, and IDs in place of paths. */
export function profileTable(profiles: readonly ProfileSummary[]): string[] {
  const rows = profileCells(profiles, (path) => shortId(path.slice(path.lastIndexOf('/') + 1)))
  return inColumns(withHosts([['HOST', 'NAME', 'OWNER', 'LAST USE', 'ID'], ...rows], profiles))
}

function profileCells(profiles: readonly ProfileSummary[], pathText: (path: string) => string): string[][] {
  const now = Date.now() / 1000
  return profiles.map(({host, lastUsed, name, owner, path}) => [
    host ?? '-',
    safeText(name),
    ownerText(owner),
    lastUsed === null ? 'never used' : `used ${duration(now - lastUsed)} ago`,
    pathText(path),
  ])
}
