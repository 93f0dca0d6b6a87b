import {sleep} from '../abort'
import {tunnelAddress} from '../log'
import {InputGroup, type SessionEvent} from '../session'
import {type SessionStatus} from '../status'

/** What a followed session has told since it was last asked for. */
interface News {
  readonly removed: boolean
  /** In their order: a session that fails tells why, then that it is done, then that it is removed. */
  readonly statuses: readonly SessionStatus[]
  /** The address of a web authentication. */
  readonly url?: string
}

/** How many statuses are kept. */
const most = 100
const none: News = {removed: false, statuses: []}

/** Keeps what a followed session tells, however much that is, until somebody takes it. */
export class Inbox {
  #address: string | undefined
  #arrived = new AbortController()
  #news = none
  readonly receive = (event: SessionEvent): void => {
    if (event.type === 'log') {
      this.#address = tunnelAddress(event) ?? this.#address
      return
    }

    if (event.type === 'removed') this.#news = {...this.#news, removed: true}
    else if (event.type === 'status')
      this.#news = {...this.#news, statuses: [...this.#news.statuses, event.status].slice(-most)}
    else if (event.type === 'attention' && event.group === InputGroup.openUrl)
      this.#news = {...this.#news, url: event.message}
    this.#arrived.abort()
  }

  /** The address that its tunnel got last, as far as the log tells. */
  get address(): string | undefined {
    return this.#address
  }

  /** Whether statuses were told that nobody has taken yet. */
  get hasStatuses(): boolean {
    return this.#news.statuses.length > 0
  }

  take(): News {
    const news = this.#news
    this.#news = none
    this.#arrived = new AbortController()
    return news
  }

  /** Until there is news, the time is over or a signal is aborted. */
  wait(milliseconds: number, ...signals: readonly AbortSignal[]): Promise<void> {
    return sleep(milliseconds, this.#arrived.signal, ...signals)
  }
}
