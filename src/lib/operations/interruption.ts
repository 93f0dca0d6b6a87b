import type {Session, SessionResult} from '@ovpn3/kit/model'

import {errorJson, Ovpn3Error, paced} from '@ovpn3/kit/model'

import {result} from './result'

/** Milliseconds in which the session manager may still answer after an interruption. */
const grace = 1000

/**
 * Runs an action on each of many sessions until it is interrupted. From then on no other session is begun, and those
 * that were have a moment to end: what the session manager was asked for it does, whoever waits for the answer.
 * @returns what became of each, in their order
 */
export function runUntilInterrupted(
  sessions: readonly Session[],
  run: (session: Session) => Promise<SessionResult>,
  signal: AbortSignal,
): Promise<SessionResult>[] {
  const graceIsOver = new Promise<void>((resolve) => {
    // when this process was stopped for a while, answers may be here that have yet to be read
    const end = () => setImmediate(resolve)
    signal.addEventListener('abort', () => setTimeout(end, grace).unref(), {once: true})
  })
  return paced(sessions, (session) => {
    if (signal.aborted) return Promise.resolve(interrupted(session, 'interrupted: nothing was done'))
    const unknown = graceIsOver.then(() =>
      interrupted(session, 'interrupted before there was an answer: it may be done all the same'),
    )
    return Promise.race([run(session), unknown])
  })
}

function interrupted(session: Session, message: string): SessionResult {
  return result(session, 'failed', message, {error: errorJson(new Ovpn3Error('interrupted', message))})
}
