import type {ResolverRequest, SessionResolver} from '@ovpn3/kit'
import type {PropertyName, ResolvedSessions, Selector} from '@ovpn3/sessions'

import {failOnOutage, hasCode, holdsDevice, paced} from '@ovpn3/sessions'

import {managerPath, type RemoteSession, SessionManager, tracer} from '../lib/openvpn3'

/**
 * Turns a selector into sessions of this machine's session manager.
 * @throws Ovpn3Error
 */
export async function sessionsOf(request: ResolverRequest): Promise<ResolvedSessions> {
  const {configNames, onStall, read, selector, signal} = request
  const manager = await SessionManager.open({
    onStall,
    signal,
    trace: tracer(),
  })
  const abandon = () => void manager.close()
  signal?.addEventListener('abort', abandon)
  try {
    const {listed, sessions: found} = await candidates(manager, selector, configNames)
    const matching = await keepMatching(found, selector, read)
    // one that was listed and is gone by now is known all the same: it vanished under the command
    const sessions = listed ? matching : matching.filter((session) => !isMissing(session))
    return {
      close: () => manager.close(),
      list: () => manager.sessions(),
      me: process.getuid!(),
      sessions,
      watch: (listener) => manager.watch(listener),
    }
  } catch (error) {
    await manager.close()
    throw error
  } finally {
    signal?.removeEventListener('abort', abandon)
  }
}

const resolver: SessionResolver = ({request}) => sessionsOf(request)

export default resolver

interface Candidates {
  /** The session manager has named them: they exist, or did so a moment ago. */
  readonly listed: boolean
  readonly sessions: RemoteSession[]
}

async function candidates(
  manager: SessionManager,
  selector: Selector,
  configNames: boolean | undefined,
): Promise<Candidates> {
  switch (selector.kind) {
    case 'all':
      return {listed: true, sessions: await (configNames ? manager.namedSessions() : manager.sessions())}
    case 'config':
      return {listed: true, sessions: await manager.sessionsOfConfig(selector.name)}
    case 'interface':
      return {listed: true, sessions: await manager.sessions()}
    case 'path': {
      if (selector.path.startsWith('/')) return {listed: false, sessions: [manager.session(selector.path)]}
      const sessions = (await manager.sessions()).filter(({id}) => id.startsWith(selector.path))
      if (sessions.length > 0) return {listed: true, sessions}
      // one that is not listed may be open to the caller all the same: root can read every session
      return {listed: false, sessions: [manager.session(`${managerPath}/${selector.path}`)]}
    }
  }
}

/** Looks at the candidates, for what the command needs and to see whether they are the right ones. */
async function keepMatching(
  sessions: readonly RemoteSession[],
  selector: Selector,
  read: readonly PropertyName[],
): Promise<RemoteSession[]> {
  if (selector.kind === 'interface') {
    await refresh(sessions, ['device_name'])
    const matching = sessions.filter(({snapshot}) => snapshot.values.device_name === selector.device)
    // that no session has it is only known where they could be asked
    if (matching.length === 0) failOnOutage(sessions)
    await refresh(matching, [...new Set<PropertyName>([...read, 'status'])])
    const holders = matching.filter(({snapshot: {values}}) => !values.status || holdsDevice(values.status))
    // where no session has the device, it is the one that had it last, as it is for the reference tool
    return holders.length > 0 ? holders : matching
  }

  if (selector.kind === 'path') await refresh(sessions, read.length > 0 ? read : ['status'])
  else if (read.length > 0) await refresh(sessions, read)
  // between the look-up and the look a path may have come to stand for another session
  return sessions.filter(
    ({snapshot: {values}}) => selector.kind !== 'config' || (values.config_name ?? selector.name) === selector.name,
  )
}

async function refresh(sessions: readonly RemoteSession[], names: readonly PropertyName[]): Promise<void> {
  await Promise.all(paced(sessions, (session) => session.refresh(names)))
}

/** There has never been such a session, or there is none any more; a stale one is known, and was found to be so. */
function isMissing({snapshot: {errors, values}}: RemoteSession): boolean {
  const all = Object.values(errors)
  return Object.keys(values).length === 0 && all.length > 0 && all.every((error) => hasCode(error, 'session-not-found'))
}
