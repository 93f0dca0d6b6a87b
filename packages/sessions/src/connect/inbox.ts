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
/** Milliseconds to wait for the log line with the address: the log and the status take different ways to us. */
const addressWait = 300
const none: News = {removed: false, statuses: []}

/** Buffers the events of a followed session, with limited memory, until they are taken. */
export class Inbox {
  #address: string | undefined
  readonly #addressed = new AbortController()
  #arrived = new AbortController()
  #isLogged = false
  #news = none
  readonly receive = (event: SessionEvent): void => {
    if (event.type === 'log') {
      this.#isLogged = true
      this.#address = tunnelAddress(event) ?? this.#address
      if (this.#address) this.#addressed.abort()
      return
    }

    if (event.type === 'removed') this.#news = {...this.#news, removed: true}
    else if (event.type === 'status')
      this.#news = {...this.#news, statuses: [...this.#news.statuses, event.status].slice(-most)}
    else if (event.type === 'attention' && event.group === InputGroup.openUrl)
      this.#news = {...this.#news, url: event.message}
    this.#arrived.abort()
  }

  /** The latest address of the tunnel, if the log contains it. Where log lines arrive, waits for it for a moment. */
  async address(...signals: readonly AbortSignal[]): Promise<string | undefined> {
    if (this.#isLogged) await sleep(addressWait, this.#addressed.signal, ...signals)
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
