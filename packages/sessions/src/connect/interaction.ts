import {type Deadline} from '../abort'
import {type InputRequest, type Session} from '../session'

/** How a connection attempt talks to the user. */
export interface Interaction {
  /**
   * Some of the answers are for one session only, such as lines of standard input: nobody could tell whose they are.
   * Where several sessions ask, none of them gets one.
   */
  readonly oneOnly: boolean
  /** Answers the requests, in their order. Rejects where there are no answers. */
  answer(session: Session, requests: readonly InputRequest[], asking: Asking): Promise<string[]>
  /** The name of a session for people, with its owner where that is another user. */
  labelOf(session: Session): string
  /** Shows a URL, and opens it where that is possible. */
  openUrl(session: Session, url: string): void
  /** Runs waits and shows them side by side. */
  watch<T>(waits: readonly Task<T>[]): Promise<T[]>
}

/** The attempt that needs answers. */
export interface Asking {
  /** Ends the wait for them. It stands still (`pause`) while a person is asked. */
  readonly deadline: Deadline
  /** Before an answer that is for one session only is used: whether this session may have it. */
  claim(): boolean
}

/** One of several things to do, with a line of its own while it runs. */
export interface Task<T> {
  readonly title: string
  /** The key of its session (`keyOf`): what is said of that one is said here. */
  readonly key?: string
  /**
   * @param progress shows what is going on at the moment, in a few words
   * @returns the value, and where the task has failed, why
   */
  run(progress: (text: string) => void): Promise<{readonly failure?: string; readonly value: T}>
}
