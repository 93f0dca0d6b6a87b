import {Variant} from 'dbus-next'

import type {Session} from './session'

import {failed} from './errors'
import {sessionInterface} from './interface'

export type Version = '24.1' | '27.1'

const values: Readonly<Record<string, (session: Session, version: Version) => unknown>> = {
  acl: ({acl}) => acl,
  backend_pid: ({backendPid}) => backendPid,
  config_name: ({configName}) => configName,
  config_path: ({configPath}) => configPath,
  connected_to: ({connectedTo}) => connectedTo,
  dco: ({dco}) => dco,
  device_name: ({device}) => device,
  device_path({devicePath}, version) {
    if (devicePath === '' && version === '24.1') throw failed('NULL/nullptr value is not allowed')
    return devicePath || '/'
  },
  last_log: ({lastLog: {category, group, message}}) => ({
    log_group: new Variant('u', group),
    log_category: new Variant('u', category),
    log_message: new Variant('s', message),
  }),
  log_forwards: ({forwards}) => [...forwards.proxies.values()].sort(),
  log_verbosity: ({logVerbosity}) => logVerbosity,
  owner: ({owner}) => owner,
  public_access: ({publicAccess}) => publicAccess,
  restrict_log_access: ({restrictLogAccess}) => restrictLogAccess,
  session_created: ({created}) => created,
  session_name: ({sessionName}) => sessionName,
  statistics: (session) => session.statistics(),
  status: ({status}) => status,
}

/** A session's property, or the fault that a test has set for it. */
export function read(session: Session, name: string, version: Version): Variant {
  const fault = session.faults.get(name)
  if (fault instanceof Variant) return fault
  if (fault && fault !== 'missing') throw fault
  // Introspection says string, but the value is an object path.
  const type = name === 'device_path' ? 'o' : sessionInterface.properties[name]!.type
  return new Variant(type, values[name]!(session, version))
}

/** Every property that can be read. */
export function readAll(session: Session, version: Version): Record<string, Variant> {
  const all: Record<string, Variant> = {}
  for (const name of Object.keys(sessionInterface.properties)) {
    if (session.faults.get(name) === 'missing') continue
    try {
      all[name] = read(session, name, version)
    } catch {}
  }

  return all
}
