import {safeText, sleep} from '@ovpn3/sessions'
import {spawn} from 'node:child_process'

/** Milliseconds to wait for systemd-notify, which usually takes a few. */
const timeout = 1000

/**
 * Notifies the service manager that started this process, if it set `NOTIFY_SOCKET`. Node.js has no Unix datagram
 * sockets, so systemd-notify(1) sends the messages, and the unit needs `NotifyAccess=all`. Messages are sent in order, in
 * the background.
 */
export class ServiceManager {
  #isEnabled = Boolean(process.env.NOTIFY_SOCKET)
  #sent = Promise.resolve()

  /** @param onFailure receives one line if a message cannot be sent; no more are sent after that */
  constructor(private readonly onFailure: (text: string) => void) {}

  /** Reports that the service has started. */
  ready(status: string): void {
    this.#send('READY=1', statusOf(status))
  }

  /** @param text shown by `systemctl status` */
  status(text: string): void {
    this.#send(statusOf(text))
  }

  /** Reports that the service is stopping. */
  stopping(): void {
    this.#send('STOPPING=1')
  }

  /** Resolves when every message has been sent, or after 1 s. */
  async sent(): Promise<void> {
    const done = new AbortController()
    void this.#sent.then(() => done.abort())
    await sleep(timeout, done.signal)
  }

  #send(...assignments: readonly string[]): void {
    this.#sent = this.#sent.then(async () => {
      if (!this.#isEnabled) return
      const failure = await run(assignments)
      if (failure === undefined) return
      this.#isEnabled = false
      this.onFailure(`Cannot notify the service manager: systemd-notify ${failure}`)
    })
  }
}

// a line break would start another assignment
const statusOf = (text: string) => `STATUS=${safeText(text)}`

/** @returns why the message was not sent, if it was not */
function run(assignments: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn('systemd-notify', [...assignments], {killSignal: 'SIGKILL', stdio: 'ignore', timeout})
    child.on('error', ({message}) => resolve(`did not start: ${message}`))
    child.on('exit', (status) => {
      const failure = status === null ? `timed out after ${timeout / 1000} s` : `failed with exit status ${status}`
      resolve(status === 0 ? undefined : failure)
    })
  })
}
