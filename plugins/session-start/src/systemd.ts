import {safeText, sleep} from '@ovpn3/sessions'
import {spawn} from 'node:child_process'

/** Milliseconds. The service manager answers systemd-notify within a few. */
const limit = 1000

/**
 * The service manager that started this process, if it wants to know how the process is: it says so with
 * `NOTIFY_SOCKET`. Node.js has no Unix datagram sockets, so systemd-notify(1) sends the messages, and the unit needs
 * `NotifyAccess=all`. Messages are sent in order, in the background.
 */
export class ServiceManager {
  #isListening = Boolean(process.env.NOTIFY_SOCKET)
  #sent = Promise.resolve()

  /** @param failed is given one line if a message cannot be sent; no more are sent then */
  constructor(private readonly failed: (text: string) => void) {}

  /** The service has started. */
  ready(status: string): void {
    this.#send('READY=1', statusOf(status))
  }

  /** @param text for `systemctl status` */
  status(text: string): void {
    this.#send(statusOf(text))
  }

  /** The service is about to end. */
  stopping(): void {
    this.#send('STOPPING=1')
  }

  /** Resolves when every message has been sent, or none will be: within 1 s of the last one. */
  async sent(): Promise<void> {
    const over = new AbortController()
    void this.#sent.then(() => over.abort())
    await sleep(limit, over.signal)
  }

  #send(...assignments: readonly string[]): void {
    this.#sent = this.#sent.then(async () => {
      if (!this.#isListening) return
      const failure = await run(assignments)
      if (failure === undefined) return
      this.#isListening = false
      this.failed(`The service manager cannot be notified: systemd-notify ${failure}`)
    })
  }
}

// a line break would begin another assignment
const statusOf = (text: string) => `STATUS=${safeText(text)}`

/** @returns why the message was not sent */
function run(assignments: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn('systemd-notify', [...assignments], {killSignal: 'SIGKILL', stdio: 'ignore', timeout: limit})
    child.on('error', ({message}) => resolve(`cannot be run: ${message}`))
    child.on('exit', (status) => {
      const failure = status === null ? `did not end within ${limit / 1000} s` : `failed with exit status ${status}`
      resolve(status === 0 ? undefined : failure)
    })
  })
}
