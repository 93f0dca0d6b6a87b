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
  watch<T>(waits: readonly Wait<T>[]): Promise<T[]>
}

export interface Wait<T> {
  /** The id of the session. */
  readonly key: string
  readonly title: string
  run(progress: (text: string) => void): Promise<{failure?: string; value: T}>
}
