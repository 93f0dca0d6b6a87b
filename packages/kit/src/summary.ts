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

import {inColumns} from './terminal'
import {userName} from './users'

/** The status of a session that is gone by having been looked at. */
export const stale = 'stale'

/** What tells sessions apart, read for each of them. */
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

/** A line that tells a session apart: id, config, owner, device, status and age, in columns. */
export async function summaryLines(summaries: readonly SessionSummary[]): Promise<string[]> {
  const now = Date.now() / 1000
  const rows = await Promise.all(
    summaries.map(async ({config, created, device, id, owner, status}) => [
      shortId(id),
      config === null ? '-' : safeText(config),
      owner === null ? '-' : safeText(await userName(owner)),
      device === null ? '-' : safeText(device),
      status ?? 'not readable',
      created === null ? '-' : duration(now - created),
    ]),
  )
  return inColumns(rows)
}

/**
 * A line that tells a saved profile apart: name, owner, last use and path, in columns.
 * @param short only the beginning of what tells the paths apart: nobody has to type it
 */
export async function profileLines(profiles: readonly ProfileSummary[], {short = false} = {}): Promise<string[]> {
  const now = Date.now() / 1000
  const rows = await Promise.all(
    profiles.map(async ({lastUsed, name, owner, path}) => [
      safeText(name),
      owner === null ? '-' : safeText(await userName(owner)),
      lastUsed === null ? 'never used' : `used ${duration(now - lastUsed)} ago`,
      short ? shortId(path.slice(path.lastIndexOf('/') + 1)) : path,
    ]),
  )
  return inColumns(rows)
}
