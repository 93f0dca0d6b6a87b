import {
  duration,
  heldDevice,
  isGone,
  type ProfileSummary,
  safeText,
  type Session,
  type SessionSummary,
  shortId,
  statusText,
} from '@ovpn3/sessions'

import {type Column, displayWidth, inColumns, tableText} from './terminal'
import {userName} from './users'

/** The status of a stale session. Reading it removes it. */
export const stale = 'stale'

/** Reads the properties that distinguish sessions. */
export async function summarize(sessions: readonly Session[]): Promise<SessionSummary[]> {
  return Promise.all(
    sessions.map(async (session) => {
      const {errors, values} = await session.fetch(['config_name', 'owner', 'device_name', 'status', 'session_created'])
      return {
        path: session.path,
        id: session.id,
        config: values.config_name ?? null,
        owner: values.owner ?? null,
        device: heldDevice(values) ?? null,
        status: values.status ? statusText(values.status) : isGone(errors.status) ? stale : null,
        created: values.session_created ?? null,
      }
    }),
  )
}

/** The columns that distinguish sessions. On a narrow terminal, those with a `dropStep` are omitted in that order. */
const columns: readonly (Column & {readonly dropStep?: number})[] = [
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

/** One line for each session: ID, profile, owner, device, status and age, in columns. */
export async function summaryLines(summaries: readonly SessionSummary[]): Promise<string[]> {
  return inColumns(await summaryCells(summaries))
}

/** The same as a table that fits the width, with a header. */
export async function summaryTable(summaries: readonly SessionSummary[], width: number): Promise<string[]> {
  const rows = await summaryCells(summaries)
  const table = (indices: readonly number[], maxWidth?: number) =>
    tableText(
      indices.map((i) => columns[i]!),
      rows.map((row) => indices.map((i) => row[i]!)),
      maxWidth,
    ).split('\n')
  let shown = columns.map((_, i) => i)
  for (const step of [1, 2, 3]) {
    if (table(shown).every((line) => displayWidth(line) <= width)) break
    shown = shown.filter((i) => columns[i]!.dropStep !== step)
  }

  return table(shown, width)
}

async function summaryCells(summaries: readonly SessionSummary[]): Promise<string[][]> {
  const now = Date.now() / 1000
  const ids = uniqueIds(summaries.map(({id}) => id))
  return Promise.all(
    summaries.map(async ({config, created, device, owner, status}, i) => [
      ids[i]!,
      config === null ? '-' : safeText(config),
      owner === null ? '-' : safeText(await userName(owner)),
      device === null ? '-' : safeText(device),
      status ?? 'not readable',
      created === null ? '-' : duration(now - created),
    ]),
  )
}

/** One line for each saved profile: name, owner, last use and path, in columns. */
export async function profileLines(profiles: readonly ProfileSummary[]): Promise<string[]> {
  return inColumns(await profileCells(profiles, (path) => path))
}

/** The same with a header, and IDs in place of paths. */
export async function profileTable(profiles: readonly ProfileSummary[]): Promise<string[]> {
  const rows = await profileCells(profiles, (path) => shortId(path.slice(path.lastIndexOf('/') + 1)))
  return inColumns([['NAME', 'OWNER', 'LAST USE', 'ID'], ...rows])
}

async function profileCells(
  profiles: readonly ProfileSummary[],
  pathText: (path: string) => string,
): Promise<string[][]> {
  const now = Date.now() / 1000
  return Promise.all(
    profiles.map(async ({lastUsed, name, owner, path}) => [
      safeText(name),
      owner === null ? '-' : safeText(await userName(owner)),
      lastUsed === null ? 'never used' : `used ${duration(now - lastUsed)} ago`,
      pathText(path),
    ]),
  )
}
