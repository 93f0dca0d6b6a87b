import {
  count,
  duration,
  isGone,
  Ovpn3Error,
  safeText,
  type Selector,
  type Session,
  type SessionSummary,
  shortId,
  statusText,
} from '@ovpn3/sessions'

import {selectorText} from './selector'
import {inColumns} from './table'
import {pick} from './terminal'
import {userName} from './users'

/** The status of a session that is gone by having been looked at. */
const stale = 'stale'

/** What tells sessions apart, read for each of them. */
export async function summarize(sessions: readonly Session[]): Promise<SessionSummary[]> {
  return Promise.all(
    sessions.map(async (session) => {
      const {errors, values} = await session.read(['config_name', 'owner', 'device_name', 'status', 'session_created'])
      return {
        path: session.path,
        id: session.id,
        config: values.config_name ?? null,
        owner: values.owner ?? null,
        device: values.device_name || null,
        status: values.status ? statusText(values.status) : isGone(errors.status) ? stale : null,
        created: values.session_created ?? null,
      }
    }),
  )
}

/** A line that tells a session apart: id, config, owner, device, status and age, in columns. */
export async function summaryLines(summaries: readonly SessionSummary[]): Promise<string[]> {
  const now = Date.now() / 1000
  const rows = await Promise.all(
    summaries.map(async ({config, created, device, id, owner, status}) => [
      shortId(id),
      config === null ? '-' : safeText(config),
      owner === null ? '-' : safeText(await userName(owner)),
      device === null ? '-' : safeText(device),
      status ?? 'not readable',
      created === null ? '-' : duration(now - created),
    ]),
  )
  return inColumns(rows)
}

export interface ChooseOptions {
  /** What is to be done with it, for the question: `Which session is to be paused?` */
  readonly question: string
  readonly interactive: boolean
  readonly signal: AbortSignal
}

/**
 * The one session that is meant. Several are never guessed at: with a terminal one is picked, else it is an error.
 * @throws Ovpn3Error `session-not-found`, `session-ambiguous`
 */
export async function chooseOne(
  sessions: readonly Session[],
  selector: Selector | undefined,
  {interactive, question, signal}: ChooseOptions,
): Promise<Session> {
  if (sessions.length === 1 && selector) return sessions[0]!
  if (sessions.length === 0)
    throw new Ovpn3Error(
      'session-not-found',
      selector ? `no session matches ${safeText(selectorText(selector))}` : 'there are no sessions',
      {hint: selector && 'You see your own sessions, those you were granted access to, and public ones'},
    )

  const summaries = await summarize(sessions)
  const present = sessions.filter((_, i) => summaries[i]!.status !== stale)
  if (present.length === 0) throw new Ovpn3Error('session-stale', 'they were all stale, and are removed now')
  if (present.length === 1 && selector) return present[0]!
  const candidates = summaries.filter(({status}) => status !== stale)
  if (interactive) {
    const lines = await summaryLines(candidates)
    return pick(
      question,
      present.map((value, i) => ({name: lines[i]!, value})),
      signal,
    )
  }

  throw new Ovpn3Error(
    'session-ambiguous',
    `${selector ? safeText(selectorText(selector)) : 'that'} matches ${count(present.length, 'session')}`,
    {candidates, hint: 'Select one of them by its id with --path'},
  )
}
