import {type Deadline} from '../abort'
import {type InputRequest, type Session} from '../session'

/** How a connection attempt talks to the user. */
export interface Interaction {
  /**
   * Some answers are for one session only, such as lines of standard input, which do not name a session. If several
   * sessions need input, none of them gets such an answer.
   */
  readonly oneOnly: boolean
  /** Returns the answers, in the order of the requests. Rejects if there are none. */
  answer(session: Session, requests: readonly InputRequest[], asking: Asking): Promise<string[]>
  /** The name of a session for people, with the owner if that is another user. */
  labelOf(session: Session): string
  /** Shows a URL, and opens it in a browser if possible. */
  openUrl(session: Session, url: string): void
  /** Runs tasks concurrently and shows their progress. */
  watch<T>(tasks: readonly Task<T>[]): Promise<T[]>
}

/** What an attempt passes when it requests answers. */
export interface Asking {
  /** Ends the wait for answers. It is paused (`pause`) during a prompt. */
  readonly deadline: Deadline
  /** Call this before using an answer that is for one session only. @returns whether this session may use it */
  claim(): boolean
}

/** A task with a line of progress of its own. */
export interface Task<T> {
  readonly title: string
  /** The key of its session (`keyOf`): notices about that session are shown in the task's line. */
  readonly key?: string
  /**
   * @param progress shows the current step in a few words
   * @returns the value and, if the task failed, the reason
   */
  run(progress: (text: string) => void): Promise<{readonly failure?: string; readonly value: T}>
}
