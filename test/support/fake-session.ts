import {
  type Following,
  type InputRequest,
  type PropertyName,
  type Session,
  type SessionEvent,
  type SessionStatus,
  type Snapshot,
  StatusMinor,
} from '@ovpn3/sessions'

/** A promise that never resolves: the session manager is silent. */
export const silence = <T>() => new Promise<T>(() => {})

export const statusOf = (minor: number, message = ''): SessionStatus => ({major: 2, message, minor})

export const userName: InputRequest = {
  description: 'Auth User name',
  group: 1,
  hidden: false,
  id: 0,
  name: 'username',
  type: 1,
}

/**
 * A session in this process. What it does with a call can be replaced by assigning to the method, and `calls` has the
 * names of all.
 */
export class FakeSession implements Session {
  readonly calls: string[] = []
  readonly config = 'office'
  readonly id = '7c1b02d4s3c2e'
  readonly path = '/net/openvpn/v3/sessions/7c1b02d4s3c2e'
  /** Questions that are open. */
  queue: InputRequest[] = []
  /** Calls that are never answered. */
  readonly silent = new Set<string>()
  snapshot: Snapshot
  statistics: Readonly<Record<string, bigint>> = {BYTES_IN: 1n}
  status: SessionStatus
  #listener: ((event: SessionEvent) => void) | undefined

  constructor(minor: number = StatusMinor.paused) {
    this.status = statusOf(minor)
    this.snapshot = this.#read()
  }

  /** Follows it, or did. */
  get followed(): boolean {
    return this.#listener !== undefined
  }

  /** Turns to another status, and tells. */
  turn(minor: number, message = ''): void {
    this.status = statusOf(minor, message)
    this.tell({status: this.status, type: 'status'})
  }

  tell(event: SessionEvent): void {
    this.#listener?.(event)
  }

  refresh(): Promise<Snapshot> {
    return this.#answer('refresh', () => {
      this.snapshot = this.#read()
      return this.snapshot
    })
  }

  fetch(names: readonly PropertyName[]): Promise<Snapshot> {
    return this.#answer(`fetch ${names.join(' ')}`, () => this.#read())
  }

  pause(): Promise<boolean> {
    return this.#answer('pause', () => true)
  }

  resume(): Promise<boolean> {
    return this.#answer('resume', () => {
      if (this.status.minor !== StatusMinor.paused) return false
      this.status = statusOf(StatusMinor.resuming)
      return true
    })
  }

  restart(): Promise<void> {
    return this.#answer('restart', () => {
      this.status = statusOf(StatusMinor.reconnecting)
    })
  }

  connect(): Promise<void> {
    return this.#answer('connect', () => {
      this.status = statusOf(StatusMinor.connecting)
    })
  }

  disconnect(): Promise<void> {
    return this.#answer('disconnect', () => {})
  }

  ready(): Promise<boolean> {
    return this.#answer('ready', () => this.queue.length === 0)
  }

  inputRequests(): Promise<InputRequest[]> {
    return this.#answer('inputRequests', () => [...this.queue])
  }

  provideInput(request: InputRequest): Promise<boolean> {
    return this.#answer('provideInput', () => {
      const open = this.queue.includes(request)
      this.queue = this.queue.filter((each) => each !== request)
      return open
    })
  }

  async setLogLevel(): Promise<void> {}

  async grant(): Promise<boolean> {
    return true
  }

  async revoke(): Promise<boolean> {
    return true
  }

  async setPublicAccess(): Promise<void> {}

  async setLogAccess(): Promise<void> {}

  async profile() {
    return {available: false} as const
  }

  follow(listener: (event: SessionEvent) => void): Promise<Following> {
    return this.#answer('follow', () => {
      this.#listener = listener
      return Object.assign(() => this.#answer('unfollow', () => {}), {live: true})
    })
  }

  #read(): Snapshot {
    return {errors: {}, values: {config_name: this.config, statistics: this.statistics, status: this.status}}
  }

  async #answer<T>(name: string, answer: () => T): Promise<T> {
    this.calls.push(name)
    if (this.silent.has(name.split(' ')[0]!) || this.silent.has('*')) return silence()
    return answer()
  }
}
