import {Ovpn3Error} from './errors'

/** Milliseconds in which the session manager may still answer after an interruption. */
const grace = 1000

/**
 * What the work comes to; after an interruption it has a second to end. What the session manager was asked for it does,
 * whoever waits for the answer.
 * @throws Ovpn3Error `interrupted` where there was no answer by then, and what the work throws
 */
export async function withGrace<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort = () => {}
  const over = new Promise<never>((_, reject) => {
    // when this process was stopped for a while, answers may be here that have yet to be read
    const end = () => setImmediate(() => reject(unansweredError()))
    onAbort = () => setTimeout(end, grace).unref()
  })
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort)
  try {
    return await Promise.race([work, over])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** That nobody knows what came of something, since it was interrupted. */
export function unansweredError(): Ovpn3Error {
  return new Ovpn3Error('interrupted', 'interrupted before there was an answer: it may be done all the same')
}
