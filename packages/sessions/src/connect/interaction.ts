import {type InputRequest, type Session} from '../session'

/** How a connection attempt talks to the user. */
export interface Interaction {
  /**
   * True: a person on a terminal, who sees which session asks; the time limit stands still meanwhile. False: the answers
   * are lines written beforehand, for one session only, and waiting for them counts.
   */
  readonly interactive: boolean
  /** Answers the requests, in their order. Rejects where there are no answers. */
  answer(session: Session, requests: readonly InputRequest[]): Promise<string[]>
  /** Shows a URL, and opens it where that is possible. */
  openUrl(session: Session, url: string): void
  /** Runs waits and shows them side by side. */
  watch<T>(waits: readonly Task<T>[]): Promise<T[]>
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
