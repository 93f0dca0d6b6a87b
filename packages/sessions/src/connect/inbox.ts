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

/** Limits memory use when statuses arrive faster than they are taken. */
const maxStatuses = 100
/** Milliseconds to wait for the log line with the address, which can arrive after the status. */
const addressWait = 300
const noNews: News = {removed: false, statuses: []}

/** Buffers the events of a followed session, with limited memory, until they are taken. */
export class Inbox {
  #address: string | undefined
  readonly #addressed = new AbortController()
  #arrived = new AbortController()
  #isLogged = false
  #news = noNews
  readonly receive = (event: SessionEvent): void => {
    if (event.type === 'log') {
      this.#isLogged = true
      this.#address = tunnelAddress(event) ?? this.#address
      if (this.#address) this.#addressed.abort()
      return
    }

    if (event.type === 'removed') this.#news = {...this.#news, removed: true}
    else if (event.type === 'status')
      this.#news = {...this.#news, statuses: [...this.#news.statuses, event.status].slice(-maxStatuses)}
    else if (event.type === 'attention' && event.group === InputGroup.openUrl)
      this.#news = {...this.#news, url: event.message}
    this.#arrived.abort()
  }

  /** The latest address of the tunnel, if the log contains it. Waits for it briefly if the log is readable. */
  async address(...signals: readonly AbortSignal[]): Promise<string | undefined> {
    if (this.#isLogged) await sleep(addressWait, this.#addressed.signal, ...signals)
    return this.#address
  }

  /** Whether statuses have arrived since the last `take`. */
  get hasStatuses(): boolean {
    return this.#news.statuses.length > 0
  }

  take(): News {
    const news = this.#news
    this.#news = noNews
    this.#arrived = new AbortController()
    return news
  }

  /** Resolves when an event arrives, the time is up or a signal is aborted. */
  wait(milliseconds: number, ...signals: readonly AbortSignal[]): Promise<void> {
    return sleep(milliseconds, this.#arrived.signal, ...signals)
  }
}
