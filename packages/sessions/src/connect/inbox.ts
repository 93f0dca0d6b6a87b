import {sleep} from '../abort'
import {InputGroup, type SessionEvent} from '../session'
import {type SessionStatus} from '../status'

/** What a followed session has told since it was last asked for. */
export interface News {
  readonly removed: boolean
  /** The last status. */
  readonly status?: SessionStatus
  /** The address of a web authentication. */
  readonly url?: string
}

/** Keeps what a followed session tells, however much that is, until somebody takes it. */
export class Inbox {
  #arrived = new AbortController()
  #news: News = {removed: false}
  readonly receive = (event: SessionEvent): void => {
    if (event.type === 'removed') this.#news = {...this.#news, removed: true}
    else if (event.type === 'status') this.#news = {...this.#news, status: event.status}
    else if (event.group === InputGroup.openUrl) this.#news = {...this.#news, url: event.message}
    this.#arrived.abort()
  }

  take(): News {
    const news = this.#news
    this.#news = {removed: false}
    this.#arrived = new AbortController()
    return news
  }

  /** Until there is news, the time is over or a signal is aborted. */
  wait(milliseconds: number, ...signals: readonly AbortSignal[]): Promise<void> {
    return sleep(milliseconds, this.#arrived.signal, ...signals)
  }
}
