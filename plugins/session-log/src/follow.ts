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

/** Milliseconds without a log line until `onSilence` is called. */
const silenceDelay = 5000

/** An event of a session that is followed. */
export type LogItem = {readonly session: Session; readonly time: Date} & (
  | {readonly type: 'attached'; readonly status?: SessionStatus}
  /** The error is the reason, if known. */
  | {readonly type: 'ended'; readonly error?: Ovpn3Error}
  | {readonly type: 'log'; readonly line: LogLine}
  /** From now on, only its status is followed. */
  | {readonly type: 'log-lost'; readonly error?: Ovpn3Error}
  | {readonly type: 'status'; readonly status: SessionStatus}
)

export interface FollowOptions {
  /** Sessions to follow from the start; they have been read. */
  readonly sessions: readonly Session[]
  /** Which other sessions to follow; by default none. */
  readonly wanted?: (reading: Reading, kind: 'created' | 'present') => boolean
  /** Continue when no session is left. */
  readonly stays: boolean
  /** The state of a session to wait for. */
  readonly goal?: Goal
  /** Called for each new session, to read its details. */
  readonly meet: (session: Session) => Promise<void>
  /** Stops following. */
  readonly signal: AbortSignal
  /** Called once events arrive. */
  readonly onBegin?: () => void
  /** Called if a source fails while others continue. */
  readonly onFailure: (failure: SourceFailure) => void
  readonly onItem: (logItem: LogItem) => void
  /** Called once if a session has been followed for 5 s without a log line. */
  readonly onSilence: (session: Session) => void
}

/** How the wait for a goal ended. */
export interface Verdict {
  readonly session: Session
  readonly reached: boolean
  /** The final state of the session: `authentication failed`. */
  readonly text: string
}

/** A status as text, with the service's message if that says more. */
export function statusLine(status: SessionStatus): string {
  const text = statusText(status)
  const message = status.message.replace(/^Reason: /, '')
  return message === '' || message.toLowerCase() === text ? text : `${text}: ${message}`
}

/** True if a session has reached the goal, false if it never will; undefined if that is open. */
export function judge(goal: Goal, status: SessionStatus): boolean | undefined {
  if (isDeadEnd(status)) return goal === 'disconnected'
  return goal === 'connected' && status.minor === StatusMinor.connected ? true : undefined
}

/**
 * Follows logs and statuses of sessions until the signal is aborted, a goal is decided, or no session is left.
 * @returns the verdict, if there is a goal and it was decided
 * @throws Ovpn3Error if all sources are lost
 */
export async function follow(
  sources: Sources,
  {goal, meet, onBegin, onFailure, onItem, onSilence, sessions, signal, stays, wanted}: FollowOptions,
): Promise<Verdict | undefined> {
  const following = new Deadline(signal)
  const statuses = new Map<Session, SessionStatus | undefined>()
  /** Sessions whose log was lost. */
  const silent = new Set<Session>()
  let verdict: Verdict | undefined
  let silence: NodeJS.Timeout | undefined
  let hasLines = Boolean(goal)

  const emit = (logItem: LogItem) => {
    if (!following.signal.aborted) onItem(logItem)
  }

  const decide = (session: Session, reached: boolean | undefined, text: string) => {
    if (reached === undefined || following.signal.aborted) return
    verdict = {reached, session, text}
    following.abort(new Interruption())
  }

  const checkGoal = (session: Session, status: SessionStatus | undefined) => {
    if (goal && status) decide(session, judge(goal, status), statusLine(status))
  }

  const attach = (session: Session, status: SessionStatus | undefined) => {
    statuses.set(session, status)
    emit({session, status, time: new Date(), type: 'attached'})
    checkGoal(session, status)
    if (!hasLines && !silence)
      silence = setTimeout(() => {
        if (!hasLines && statuses.has(session) && !silent.has(session)) onSilence(session)
      }, silenceDelay)
  }

  const tracker = new Tracker<void>(sources, {
    changed(kind, {error, session, values: {status}}) {
      if (kind === 'removed') {
        const last = statuses.get(session)
        if (!statuses.delete(session)) return
        // a session that ended properly can be found stale just before it is removed
        const endedProperly = last?.minor === StatusMinor.done
        const reason = !endedProperly && hasCode(error, 'disconnected', 'session-stale') ? error : undefined
        emit({error: reason, session, time: new Date(), type: 'ended'})
        if (goal) decide(session, goal === 'disconnected', 'the session ended')
        if (statuses.size === 0 && !stays) following.abort(new Interruption())
      } else if (!statuses.has(session)) attach(session, status)
      else if (status && !isSameStatus(status, statuses.get(session))) {
        statuses.set(session, status)
        emit({session, status, time: new Date(), type: 'status'})
        checkGoal(session, status)
      }
    },
    details: ({session}) => meet(session),
    failed: onFailure,
    fixed: !wanted,
    follow: true,
    log(session, event) {
      if (event.type === 'log') {
        hasLines = true
        silent.delete(session)
        emit({line: event, session, time: new Date(), type: 'log'})
      } else if (!silent.has(session)) {
        silent.add(session)
        emit({error: event.error, session, time: new Date(), type: 'log-lost'})
      }
    },
    properties: ['config_name', 'acl'],
    sessions,
    wanted,
  })

  try {
    // a session that has already reached the goal need not be followed
    if (goal) for (const session of sessions) attach(session, session.snapshot.values.status)
    if (!verdict) await tracker.run(following.signal, async () => onBegin?.())
  } finally {
    clearTimeout(silence)
    following.abort(new Interruption())
  }

  return verdict
}
