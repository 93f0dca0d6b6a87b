import {
  Deadline,
  hasCode,
  Interruption,
  isDeadEnd,
  isSameStatus,
  type LogLine,
  type Ovpn3Error,
  type Reading,
  type Session,
  type SessionStatus,
  type SourceFailure,
  type Sources,
  StatusMinor,
  statusText,
  Tracker,
} from '@ovpn3/sessions'

import type {Goal} from './request'

/** Milliseconds until it is said that nothing has come. */
const patience = 5000

/** What happens to a session that is followed. */
export type LogItem = {readonly session: Session; readonly time: Date} & (
  | {readonly type: 'attached'; readonly status?: SessionStatus}
  /** The error says why, where that is known. */
  | {readonly type: 'ended'; readonly error?: Ovpn3Error}
  | {readonly type: 'log'; readonly line: LogLine}
  /** Only its statuses are followed from now on. */
  | {readonly type: 'log-lost'; readonly error?: Ovpn3Error}
  | {readonly type: 'status'; readonly status: SessionStatus}
)

export interface FollowOptions {
  /** To begin with; they have been read. */
  readonly sessions: readonly Session[]
  /** Which sessions are followed besides; left out: none. */
  readonly wanted?: (reading: Reading, kind: 'created' | 'present') => boolean
  /** It goes on where no session is left. */
  readonly stays: boolean
  /** The state of a session that ends it. */
  readonly goal?: Goal
  /** Finds out what there is to be known of a session that comes. */
  readonly meet: (session: Session) => Promise<void>
  /** Ends it. */
  readonly signal: AbortSignal
  /** Told about a source that fails while others go on. */
  readonly onFailure: (failure: SourceFailure) => void
  readonly onHappening: (logItem: LogItem) => void
  /** Told once, when a session has been followed for 5 s and no line has come. */
  readonly onSilence: (session: Session) => void
}

/** How the wait for a goal ended. */
export interface Verdict {
  readonly session: Session
  readonly reached: boolean
  /** What the session has come to: `authentication failed`. */
  readonly text: string
}

/** A status in words, with the service's remark where that says more. */
export function statusLine(status: SessionStatus): string {
  const text = statusText(status)
  const {message} = status
  return message === '' || message.toLowerCase() === text ? text : `${text}: ${message}`
}

/** Whether a session has come to the goal, or never will; undefined where that is open. */
export function judge(goal: Goal, status: SessionStatus): boolean | undefined {
  if (isDeadEnd(status)) return goal === 'disconnected'
  return goal === 'connected' && status.minor === StatusMinor.connected ? true : undefined
}

/**
 * Follows logs and statuses of sessions until the signal is aborted, a goal is decided, or no session is left.
 * @returns the verdict, where there is a goal and it was decided
 * @throws Ovpn3Error where the sources are gone
 */
export async function follow(
  sources: Sources,
  {goal, meet, onFailure, onHappening, onSilence, sessions, signal, stays, wanted}: FollowOptions,
): Promise<Verdict | undefined> {
  const life = new Deadline(signal)
  const statuses = new Map<Session, SessionStatus | undefined>()
  /** Sessions whose log is known to be lost. */
  const mute = new Set<Session>()
  let verdict: Verdict | undefined
  let silence: NodeJS.Timeout | undefined
  let heard = Boolean(goal)

  const emit = (logItem: LogItem) => {
    if (!life.signal.aborted) onHappening(logItem)
  }

  const decide = (session: Session, reached: boolean | undefined, text: string) => {
    if (reached === undefined || life.signal.aborted) return
    verdict = {reached, session, text}
    life.abort(new Interruption())
  }

  const weigh = (session: Session, status: SessionStatus | undefined) => {
    if (goal && status) decide(session, judge(goal, status), statusLine(status))
  }

  const attach = (session: Session, status: SessionStatus | undefined) => {
    statuses.set(session, status)
    emit({session, status, time: new Date(), type: 'attached'})
    weigh(session, status)
    if (!heard && !silence)
      silence = setTimeout(() => {
        if (!heard && statuses.has(session) && !mute.has(session)) onSilence(session)
      }, patience)
  }

  const tracker = new Tracker<void>(sources, {
    changed(kind, {error, session, values: {status}}) {
      if (kind === 'removed') {
        const last = statuses.get(session)
        if (!statuses.delete(session)) return
        // one that has ended in good order may be found stale a moment before it is removed
        const isOrderly = last?.minor === StatusMinor.done
        const known = !isOrderly && hasCode(error, 'disconnected', 'session-stale') ? error : undefined
        emit({error: known, session, time: new Date(), type: 'ended'})
        if (goal) decide(session, goal === 'disconnected', 'the session ended')
        if (statuses.size === 0 && !stays) life.abort(new Interruption())
      } else if (!statuses.has(session)) attach(session, status)
      else if (status && !isSameStatus(status, statuses.get(session))) {
        statuses.set(session, status)
        emit({session, status, time: new Date(), type: 'status'})
        weigh(session, status)
      }
    },
    details: ({session}) => meet(session),
    failed: onFailure,
    fixed: !wanted,
    follow: true,
    log(session, event) {
      if (event.type === 'log') {
        heard = true
        mute.delete(session)
        emit({line: event, session, time: new Date(), type: 'log'})
      } else if (!mute.has(session)) {
        mute.add(session)
        emit({error: event.error, session, time: new Date(), type: 'log-lost'})
      }
    },
    properties: ['config_name', 'acl'],
    sessions,
    wanted,
  })

  try {
    // nothing has to be asked for what is so already
    if (goal) for (const session of sessions) attach(session, session.snapshot.values.status)
    if (!verdict) await tracker.run(life.signal)
  } finally {
    clearTimeout(silence)
    life.abort(new Interruption())
  }

  return verdict
}
