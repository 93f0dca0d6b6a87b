import type {PropertyName, Session} from './session'

import {Ovpn3Error} from './errors'
import {mapLimited} from './map-limited'
import {failOnOutage} from './result'
import {holdsDevice} from './status'

/** Which sessions a command is about: what that means is its source's business. */
export type Selector =
  | {readonly kind: 'all'}
  | {readonly kind: 'config'; readonly name: string}
  | {readonly kind: 'interface'; readonly device: string}
  /** A path or an id of a session, or the beginning of an id. */
  | {readonly kind: 'path'; readonly path: string}

/**
 * Those of a source's sessions that a selector stands for, with the properties in their snapshots. A path is compared
 * as it is, an id by its beginning.
 * @throws Ovpn3Error where it cannot be told, since nobody answers
 */
export async function matching<T extends Session>(
  sessions: readonly T[],
  selector: Selector,
  properties: readonly PropertyName[],
): Promise<T[]> {
  const refresh = (those: readonly T[], names: readonly PropertyName[]) =>
    Promise.all(mapLimited(those, (session) => session.refresh(names)))
  switch (selector.kind) {
    case 'all':
      if (properties.length > 0) await refresh(sessions, properties)
      return [...sessions]
    case 'config': {
      const named = sessions.filter(({config}) => config === undefined || config === selector.name)
      const unnamed = named.some(({config}) => config === undefined)
      const read = unnamed ? [...new Set<PropertyName>([...properties, 'config_name'])] : properties
      if (read.length > 0) await refresh(named, read)
      // between the look-up and the look a path may have come to stand for another session
      return named.filter((session) => (session.snapshot.values.config_name ?? session.config) === selector.name)
    }

    case 'interface': {
      await refresh(sessions, ['device_name'])
      const showing = sessions.filter(({snapshot}) => snapshot.values.device_name === selector.device)
      // that no session has it is only known where they could be asked
      if (showing.length === 0) failOnOutage(sessions)
      await refresh(showing, [...new Set<PropertyName>([...properties, 'status'])])
      const holders = showing.filter(({snapshot: {values}}) => !values.status || holdsDevice(values.status))
      // where no session has the device, it is the one that had it last, as it is for the reference tool
      return holders.length > 0 ? holders : showing
    }

    case 'path': {
      const {path} = selector
      // nothing that an empty variable in a script could stand for
      if (path.length < 4) throw noPathError(path)
      const meant = sessions.filter((session) => session.path === path || session.id.startsWith(path))
      await refresh(meant, properties.length > 0 ? properties : ['status'])
      return meant
    }
  }
}

/** That a text can be no path and no id of a session. */
export function noPathError(text: string): Ovpn3Error {
  return new Ovpn3Error('usage', `"${text}" is not a session path or ID`, {
    hint: 'Pass the D-Bus path, the ID, or at least the first 4 characters of the ID',
  })
}
