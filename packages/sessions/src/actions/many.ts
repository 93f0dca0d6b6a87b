import {withGrace} from '../abort'
import {Ovpn3Error} from '../errors'
import {paced} from '../paced'
import {type SessionResult} from '../result'
import {type Session} from '../session'
import {attempt} from './result'

/**
 * Runs an action on each of the sessions until it is interrupted. From then on it is started on no other session, and
 * those under way have a moment to end.
 * @returns the result of each, in their order
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
