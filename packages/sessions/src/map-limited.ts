const atATime = 50

/**
 * Does the same for many sessions, 50 at a time: as much as keeps the session manager busy, and no more to keep in
 * mind. Their promises, in their order.
 */
export function mapLimited<T, R>(sessions: readonly T[], work: (session: T) => Promise<R>): Promise<R>[] {
  const results: Promise<R>[] = []
  for (const [i, session] of sessions.entries()) {
    const next = () => work(session)
    const result = i < atATime ? next() : results[i - atATime]!.then(next, next)
    // whoever takes them in turn learns of a failure when it is its turn
    result.catch(() => {})
    results.push(result)
  }

  return results
}
