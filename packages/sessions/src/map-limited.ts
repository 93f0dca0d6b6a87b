const atATime = 50

/**
 * Maps sessions with limited concurrency. 50 at a time keep the session manager busy and limit memory use.
 * @returns the promises, in the order of the sessions
 */
export function mapLimited<T, R>(sessions: readonly T[], work: (session: T) => Promise<R>): Promise<R>[] {
  const results: Promise<R>[] = []
  for (const [i, session] of sessions.entries()) {
    const next = () => work(session)
    const result = i < atATime ? next() : results[i - atATime]!.then(next, next)
    // the caller awaits the promises in order, so a later failure must not count as unhandled until then
    result.catch(() => {})
    results.push(result)
  }

  return results
}
