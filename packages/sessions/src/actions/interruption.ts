import {Ovpn3Error} from '../errors'
import {withGrace} from '../interruption'
import {paced} from '../paced'
import {type SessionResult} from '../result'
import {type Session} from '../session'
import {attempt} from './result'

/**
 * Runs an action on each of the sessions until it is interrupted. From then on no other session is begun, and those
 * that were have a moment to end.
 * @returns what became of each, in their order
 */
export function runUntilInterrupted(
  sessions: readonly Session[],
  run: (session: Session) => Promise<SessionResult>,
  signal: AbortSignal,
): Promise<SessionResult>[] {
  return paced(sessions, (session) =>
    attempt(session, async () => {
      if (signal.aborted) throw new Ovpn3Error('interrupted', 'interrupted: nothing was done')
      return withGrace(run(session), signal)
    }),
  )
}
