import {
  claimsOf,
  goneError,
  heldDevice,
  hostPrefix,
  isOwnedBy,
  type OwnerNamed,
  safeText,
  type Session,
  shortId,
  sleep,
  type Sources,
} from '@ovpn3/sessions'
import {basename} from 'node:path'

import type {Selection} from './selector'

import {closest} from './closest'

/** Milliseconds to wait for the sessions, which are only for a hint. */
const listTime = 1000
/** How many sessions the hint names. */
const maxNamed = 8

/**
 * The sessions that the caller can select by name; undefined if they cannot be read in time.
 * @param owner only those of this user
 */
export async function runningSessions(
  sources: () => Promise<Sources>,
  signal: AbortSignal,
  owner?: OwnerNamed,
): Promise<readonly Session[] | undefined> {
  const listed = new AbortController()
  const listing = async () => {
    const found = await (await sources()).find({kind: 'all'}, ['config_name', 'device_name', 'owner', 'status'])
    const claims = await claimsOf(found)
    return claims
      .filter(({ownership, session}) =>
        owner ? isOwnedBy(session, owner) : ownership === 'own' || ownership === 'granted',
      )
      .flatMap(({session}) => (goneError(session) ? [] : [session]))
  }

  try {
    return await Promise.race([listing(), sleep(listTime, signal, listed.signal).then((): undefined => {})])
  } catch {
    return undefined
  } finally {
    listed.abort()
  }
}

/** The profile name or device most similar to a selector. */
export function closestSelector(selector: Selection, running: readonly Session[]): string | undefined {
  const configs = running.flatMap(({snapshot}) => snapshot.values.config_name ?? [])
  const devices = running.flatMap(({snapshot}) => heldDevice(snapshot.values) ?? [])
  const closestSafe = (typed: string, names: readonly string[]) => {
    // a session that was started from a file has the path as its profile name
    const name = names.find((each) => basename(each) === typed) ?? closest(typed, names)
    return name === undefined ? undefined : safeText(name)
  }

  switch (selector.kind) {
    case 'config':
      return closestSafe(selector.name, configs)
    case 'interface':
      return closestSafe(selector.device, devices)
    case 'word':
      return closestSafe(selector.word, [...configs, ...devices])
    default:
      return undefined
  }
}

/** Whether a word is the beginning of an ID, but too short to select a session. */
export function isShortId(selector: Selection): boolean {
  return selector.kind === 'word' && /^[\da-f]{1,3}$/.test(selector.word)
}

/**
 * The sessions in one line: `Sessions: office (tun0), home, and 12 more`.
 * @param withIds the user typed the beginning of an ID
 */
export function sessionsText(running: readonly Session[] | undefined, withIds = false): string | undefined {
  if (!running) return undefined
  if (running.length === 0) return 'No session can be selected'
  const all = running.map(({id, snapshot: {values}, source}) => {
    const device = heldDevice(values)
    const name = hostPrefix(source.host) + safeText(values.config_name ?? shortId(id))
    const more = [
      ...(withIds && values.config_name !== undefined ? [shortId(id)] : []),
      ...(device === undefined ? [] : [device]),
    ]
    return more.length === 0 ? name : `${name} (${more.map((each) => safeText(each)).join(', ')})`
  })
  const names = all.sort((a, b) => a.localeCompare(b)).slice(0, maxNamed)
  const more = running.length - names.length
  const text = `Sessions: ${[...names, ...(more > 0 ? [`and ${more} more`] : [])].join(', ')}`
  return withIds ? `Pass at least 4 characters of an ID. ${text}` : text
}
