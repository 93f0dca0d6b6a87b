import {
  type Following,
  type FollowOptions,
  type InputRequest,
  matching,
  type PropertyName,
  type Selector,
  Session,
  type SessionEvent,
  type SessionSource,
  type SessionStatus,
  type Snapshot,
  type SourceEvent,
  StatusMinor,
} from '@ovpn3/sessions'

/** A promise that never resolves, as if the session manager did not respond. */
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

/** A session source in this process. */
export class FakeSource implements SessionSource {
  closed = false
  sessions: Session[] = []
  #listener: ((event: SourceEvent) => void) | undefined

  constructor(
    readonly name = 'fake',
    readonly me = 1000,
  ) {}

  find(selector: Selector, properties: readonly PropertyName[]): Promise<readonly Session[]> {
    return matching(this.sessions, selector, properties)
  }

  async watch(listener: (event: SourceEvent) => void) {
    this.#listener = listener
    return async () => {
      this.#listener = undefined
    }
  }

  /** Passes an event to the watcher. */
  tell(event: SourceEvent): void {
    this.#listener?.(event)
  }

  async close(): Promise<void> {
    this.closed = true
  }
}

export interface FakeSessionOptions {
  readonly config?: string
  readonly device?: string
  readonly id?: string
  /** The owner's user ID; default: the caller's. */
  readonly owner?: number
  readonly source?: FakeSource
}

/**
 * A session in this process. Assign to a method to replace its behaviour; `calls` has the names of all calls.
 */
export class FakeSession extends Session {
  readonly calls: string[] = []
  /** Open input requests. */
  queue: InputRequest[] = []
  /** Names of the calls that never get a reply; `*` for all. */
  readonly silent = new Set<string>()
  statistics: Readonly<Record<string, bigint>> = {BYTES_IN: 1n}
  status: SessionStatus
  readonly #device: string | undefined
  readonly #owner: number
  #listener: ((event: SessionEvent) => void) | undefined
  #withLog = false

  constructor(
    minor: number = StatusMinor.paused,
    {config = 'office', device, id = '7c1b02d4s3c2e', owner, source = new FakeSource()}: FakeSessionOptions = {},
  ) {
    super(source, `/net/openvpn/v3/sessions/${id}`, config)
    this.#device = device
    this.#owner = owner ?? source.me
    this.status = statusOf(minor)
    this.snapshot = this.#read()
  }

  /** Whether `follow` has been called. */
  get followed(): boolean {
    return this.#listener !== undefined
  }

  /** Changes the status and passes the change to the listener. */
  setStatus(minor: number, message = ''): void {
    this.status = statusOf(minor, message)
    this.tell({status: this.status, type: 'status'})
  }

  tell(event: SessionEvent): void {
    if (this.#withLog || (event.type !== 'log' && event.type !== 'log-lost')) this.#listener?.(event)
  }

  /** Passes a log line to the listener. */
  log(category: number, message: string): void {
    this.tell({category, group: 7, message, type: 'log'})
  }

  override refresh(): Promise<Snapshot> {
    return this.#answer('refresh', () => {
      this.snapshot = this.#read()
      return this.snapshot
    })
  }

  override fetch(names: readonly PropertyName[]): Promise<Snapshot> {
    return this.#answer(`fetch ${names.join(' ')}`, () => this.#read())
  }

  override pause(): Promise<boolean> {
    return this.#answer('pause', () => true)
  }

  override resume(): Promise<boolean> {
    return this.#answer('resume', () => {
      if (this.status.minor !== StatusMinor.paused) return false
      this.status = statusOf(StatusMinor.resuming)
      return true
    })
  }

  override restart(): Promise<void> {
    return this.#answer('restart', () => {
      this.status = statusOf(StatusMinor.reconnecting)
    })
  }

  override connect(): Promise<void> {
    return this.#answer('connect', () => {
      this.status = statusOf(StatusMinor.connecting)
    })
  }

  override disconnect(): Promise<void> {
    return this.#answer('disconnect', () => {})
  }

  override ready(): Promise<boolean> {
    return this.#answer('ready', () => this.queue.length === 0)
  }

  override inputRequests(): Promise<InputRequest[]> {
    return this.#answer('inputRequests', () => [...this.queue])
  }

  override provideInput(request: InputRequest): Promise<boolean> {
    return this.#answer('provideInput', () => {
      const open = this.queue.includes(request)
      this.queue = this.queue.filter((each) => each !== request)
      return open
    })
  }

  override follow(listener: (event: SessionEvent) => void, {log = false}: FollowOptions = {}): Promise<Following> {
    return this.#answer('follow', () => {
      this.#listener = listener
      this.#withLog = log
      return Object.assign(() => this.#answer('unfollow', () => {}), {live: true})
    })
  }

  #read(): Snapshot {
    const {config, statistics, status} = this
    return {
      errors: {},
      values: {config_name: config, device_name: this.#device, owner: this.#owner, statistics, status},
    }
  }

  async #answer<T>(name: string, answer: () => T): Promise<T> {
    this.calls.push(name)
    if (this.silent.has(name.split(' ')[0]!) || this.silent.has('*')) return silence()
    return answer()
  }
}
