import type {PropertyName, Session} from './session'

import {Ovpn3Error} from './errors'
import {mapLimited} from './map-limited'
import {failOnOutage} from './result'
import {holdsDevice} from './status'

/** Selects sessions. Each source decides what a selector matches. */
export type Selector =
  | {readonly kind: 'all'}
  | {readonly kind: 'config'; readonly name: string}
  | {readonly kind: 'interface'; readonly device: string}
  /** A path, an ID or a prefix of an ID. */
  | {readonly kind: 'path'; readonly path: string}

/**
 * The sessions of a source that match a selector, with the properties in their snapshots. Paths are compared exactly, IDs
 * by prefix.
 * @throws Ovpn3Error if the service does not respond
 */
export async function matching<T extends Session>(
  sessions: readonly T[],
  selector: Selector,
  properties: readonly PropertyName[],
): Promise<T[]> {
  const refresh = (some: readonly T[], names: readonly PropertyName[]) =>
    Promise.all(mapLimited(some, (session) => session.refresh(names)))
  switch (selector.kind) {
    case 'all':
      if (properties.length > 0) await refresh(sessions, properties)
      return [...sessions]
    case 'config': {
      const named = sessions.filter(({config}) => config === undefined || config === selector.name)
      const unnamed = named.some(({config}) => config === undefined)
      const read = unnamed ? [...new Set<PropertyName>([...properties, 'config_name'])] : properties
      if (read.length > 0) await refresh(named, read)
      // the path may belong to another session since the lookup
      return named.filter((session) => (session.snapshot.values.config_name ?? session.config) === selector.name)
    }

    case 'interface': {
      await refresh(sessions, ['device_name'])
      const showing = sessions.filter(({snapshot}) => snapshot.values.device_name === selector.device)
      // without answers it is unknown whether a session has the device
      if (showing.length === 0) failOnOutage(sessions)
      await refresh(showing, [...new Set<PropertyName>([...properties, 'status'])])
      return holdersOf(showing)
    }

    case 'path': {
      const {path} = selector
      // protects scripts whose variable is empty
      if (path.length < 4) throw noPathError(path)
      const selected = sessions.filter((session) => session.path === path || session.id.startsWith(path))
      await refresh(selected, properties.length > 0 ? properties : ['status'])
      return selected
    }
  }
}

/** Of the sessions that show a device, those that have it; like openvpn3, those that had it last if none has it. */
export function holdersOf<T extends Session>(showing: readonly T[]): T[] {
  const holders = showing.filter(({snapshot: {values}}) => !values.status || holdsDevice(values.status))
  return holders.length > 0 ? holders : [...showing]
}

/** The error for a text that is not a session path or ID. */
export function noPathError(text: string): Ovpn3Error {
  return new Ovpn3Error('usage', `"${text}" is not a session path or ID`, {
    hint: 'Pass the D-Bus path, the ID, or at least the first 4 characters of the ID',
  })
}
