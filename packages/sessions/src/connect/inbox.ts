import {sleep} from '../abort'
import {tunnelAddress} from '../log'
import {InputGroup, type SessionEvent} from '../session'
import {type SessionStatus} from '../status'

/** The events of a followed session since the last `take`. */
interface News {
  readonly removed: boolean
  /** In order: a failing session sends the reason, then `done`, then its removal. */
  readonly statuses: readonly SessionStatus[]
  /** The address of a web authentication. */
  readonly url?: string
}

/** How many statuses are kept. */
const most = 100
const none: News = {removed: false, statuses: []}

/** Buffers the events of a followed session, with limited memory, until they are taken. */
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

  /** The latest address of the tunnel, if the log contains it. */
  get address(): string | undefined {
    return this.#address
  }

  /** Whether there are statuses that were not taken yet. */
  get hasStatuses(): boolean {
    return this.#news.statuses.length > 0
  }

  take(): News {
    const news = this.#news
    this.#news = none
    this.#arrived = new AbortController()
    return news
  }

  /** Resolves when an event arrives, the time is up or a signal is aborted. */
  wait(milliseconds: number, ...signals: readonly AbortSignal[]): Promise<void> {
    return sleep(milliseconds, this.#arrived.signal, ...signals)
  }
}
