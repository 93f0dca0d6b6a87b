import type {Variant} from 'dbus-next'

import {setTimeout as sleep} from 'node:timers/promises'

import type {Profile} from './profiles'

import {type Behaviour, type Input, user} from './behaviours'
import {backendRefused, backendTimeout, notReady, type ServiceError} from './errors'
import {uniqueId} from './ids'
import {CREDENTIALS, Group, Major, Minor, NETCFG_PATH, rootPath, SESSIONS} from './names'

/** Major code, minor code, message. */
export type Status = [number, number, string]

/** Durations in milliseconds: in proportion to the real ones, but shorter. */
export const realistic = {
  /** A Connect during a connection attempt hangs the backend and blocks its caller for this long. */
  connectTimeout: 5000,
  /** From the first packet to the connection or its refusal. */
  connecting: 15,
  /** How long the manager takes to detect that a backend is dead; calls to the session queue up during that time. */
  dead: 3,
  /** Stopping a running client. */
  disconnecting: 8,
  /** How long the manager waits for a backend that does not respond. */
  hung: 10_000,
  /** The duration of a session's method; reads that follow at once are answered before it. */
  method: 2,
  /** Creating a session, which blocks other methods. */
  newTunnel: 10,
  /** At the manager's start, from taking the name until the objects exist. */
  objects: 50,
  /** From a pause until N_PAUSE counts it. */
  pauseCount: 20,
  /** From the reply to Disconnect to the event, on 27.1. */
  removalEvent: 25,
  /** From Restart to the new attempt. */
  restarting: 5,
  /** How long the server waits for the web authentication. */
  webAuthentication: 60_000,
}
export type Timings = typeof realistic

/** Receives a session's events. */
export interface Listener {
  attention(session: Session, type: number, group: number, message: string): void
  log(session: Session, group: number, level: number, message: string): void
  /** The tun device for a session: the one it shows or, if another session has that, the first free one. */
  deviceFor(session: Session): string
  /** The client could not connect and has given up. */
  gaveUp(session: Session): void
  status(session: Session, status: Status): void
  /** The source of random bytes for object paths. */
  readonly randomBytes: (length: number) => Buffer
  readonly timings: Timings
  readonly webGranted: boolean
}

/** A session's log forwards: the proxies, and the subscribers that get a copy of each signal. */
interface Forwards {
  /** Proxy path by subscriber, as in the property `log_forwards`. */
  readonly proxies: Map<string, string>
  /** One entry for each copy; neither a second call nor LogForward(false) removes one. */
  readonly copies: string[]
  /** The log service that knew the backend has ended, and its successor does not know the backend. */
  lost?: boolean
}

interface QueuedInput extends Input {
  value?: string
}

const counterOrder = [
  'BYTES_IN',
  'BYTES_OUT',
  'PACKETS_IN',
  'PACKETS_OUT',
  'TUN_BYTES_IN',
  'TUN_BYTES_OUT',
  'TUN_PACKETS_IN',
  'TUN_PACKETS_OUT',
  'AUTH_FAILED',
  'N_PAUSE',
  'N_RECONNECT',
]
const CLIENT_LOG = 7
/** Categories of log lines, by meaning. */
const Category = {verb2: 2, verb1: 3, info: 4, error: 6, critical: 7} as const
/** `log_verbosity` of a session whose profile sets neither `verb` nor the override `log-level`. */
const profileLogLevel = 3
const BAD_KEY = 'PKey::parse_pem: error in private key:: error:1C800064:Provider routines::bad decrypt'
/** Bytes of each data packet besides its payload: opcode, peer ID, packet ID and the tag of AES-GCM. */
const packetOverhead = 24
/** Bytes per second in each direction of a connected session that no one uses. */
const keepalive = {in: 20, out: 24}
let lastPid = 50_000

/** The address that the server assigns to the client with a tun device: 10.8.0.2 for tun0, 10.8.0.3 for tun1. */
function addressOn(device: string): string {
  const host = Number(device.replace(/^tun/, '')) + 2
  return `10.8.${host >> 8}.${host & 255}`
}

/** One VPN session and its backend process. */
export class Session {
  readonly path: string
  readonly created = BigInt(Math.floor(Date.now() / 1000))
  readonly backendPid = ++lastPid
  readonly acl: number[] = []
  readonly forwards: Forwards = {copies: [], proxies: new Map()}
  /** Properties that a test replaces: by an error, a value of any type, or as unknown. */
  readonly faults = new Map<string, 'missing' | ServiceError | Variant>()
  readonly counters: Record<string, bigint> = {}
  publicAccess = false
  restrictLogAccess = true
  /** The session manager's value, until Connect applies the value of the profile. */
  logVerbosity = 6
  dco = false
  lastLog: {category: number; group: number; message: string} = {category: 0, group: 0, message: ''}
  status: Status = [0, 0, '']
  backend: 'alive' | 'dead' | 'hung' = 'alive'
  /** Set while Disconnect is in progress. */
  ending?: Promise<void>
  configName: string
  configPath: string
  device = ''
  devicePath = ''
  connectedTo: [string, string, number] = ['', '', 0]
  /** Bytes per second in each direction while connected. Keepalive traffic does not reach the tun device. */
  traffic = keepalive
  private readonly behaviour: Behaviour
  private readonly queue: QueuedInput[]
  private readonly timers = new Set<NodeJS.Timeout>()
  /** Ends the wait of all calls for the session's backend. */
  release = (): void => {}
  private readonly released = new Promise<void>((resolve) => {
    this.release = resolve
  })
  /** `new`: no client yet; `ended`: the client gave up and cannot be started again. */
  private client: 'ended' | 'new' | 'running' = 'new'
  private established = false
  private paused = false
  private pendingWeb = false
  private trafficSince = 0
  private challenged = false
  private connectedOnce = false
  /** The client does not trust the server's certificate. */
  private distrusted = false

  constructor(
    readonly owner: number,
    profile: Profile | undefined,
    configPath: string,
    private readonly listener: Listener,
  ) {
    this.path = `${rootPath(SESSIONS)}/${uniqueId('s', listener.randomBytes)}`
    this.behaviour = profile?.behaviour ?? {inputs: []}
    this.configName = profile?.name ?? ''
    this.configPath = configPath
    this.queue = this.behaviour.inputs.map((input) => ({...input}))
    this.uninitialised = profile === undefined
    if (this.uninitialised) {
      // 24.1 shows this for a session whose profile does not exist.
      this.dco = true
    }
  }

  /** The backend never got a profile: no status, no actions, and the session stays until it is disconnected. */
  private readonly uninitialised: boolean

  /** False if the backend cannot load the profile. */
  get loads(): boolean {
    return this.behaviour.loads ?? true
  }

  /** Whether the session keeps its device while it is paused. */
  get keepsDevice(): boolean {
    return this.behaviour.persistTun ?? false
  }

  get crashes(): boolean {
    return this.behaviour.crashes ?? false
  }

  get started(): boolean {
    return this.client !== 'new'
  }

  /** A tunnel is up, paused or not. */
  get isConnected(): boolean {
    return this.established
  }

  get isPaused(): boolean {
    return this.paused
  }

  get carriesTraffic(): boolean {
    return this.established && !this.paused && this.backend === 'alive'
  }

  /** The answers so far, by input name. */
  get answers(): Record<string, string> {
    return Object.fromEntries(this.queue.flatMap(({name, value}) => (value === undefined ? [] : [[name, value]])))
  }

  get sessionName(): string {
    return this.connectedTo[1]
  }

  /** The backend has loaded its profile and signals which inputs it requires. */
  initialise(): void {
    if (this.uninitialised) return
    const asks = (...groups: number[]) => this.queue.some(({group}) => groups.includes(group))
    if (asks(Group.userPassword, Group.staticChallenge)) {
      this.setStatus(Major.connection, Minor.inputRequired, 'Username/password credentials needed')
      this.listener.attention(this, CREDENTIALS, Group.userPassword, 'Username/password credentials needed')
    }

    if (asks(Group.keyPassphrase)) {
      this.setStatus(Major.connection, Minor.inputRequired, 'Private key passphrase needed to connect')
      this.listener.attention(this, CREDENTIALS, Group.keyPassphrase, 'Private key passphrase needed')
    }

    if (this.queue.length === 0) {
      this.setStatus(Major.connection, Minor.configOk, `config_path=${this.configPath}`)
    }
  }

  setStatus(major: number, minor: number, message = ''): void {
    this.status = [major, minor, message]
    this.listener.status(this, this.status)
  }

  /** The backend's counters, without those that are 0. */
  statistics(): Record<string, bigint> {
    this.count()
    const names = new Set([...counterOrder, ...Object.keys(this.counters)])
    return Object.fromEntries(
      [...names].flatMap((name) => (this.counters[name] ? [[name, this.counters[name]] as const] : [])),
    )
  }

  ready(): void {
    if (this.missing().length > 0) throw notReady('Missing user credentials')
    if (this.pendingWeb) throw notReady('Pending web authentication')
  }

  /** Type and group of all open inputs. */
  inputGroups(): [number, number][] {
    return [...new Set(this.missing().map(({group}) => group))].map((group) => [CREDENTIALS, group])
  }

  inputIds(type: number, group: number): number[] {
    return type === CREDENTIALS
      ? this.missing()
          .filter((input) => input.group === group)
          .map(({id}) => id)
      : []
  }

  input(type: number, group: number, id: number): Input {
    const found = this.find(type, group, id)
    if (!found) throw backendRefused('net.openvpn.v3.element-not-found: No requires queue element found')
    if (found.value !== undefined) throw backendRefused('net.openvpn.v3.already-provided: User input already provided')
    return found
  }

  provide(type: number, group: number, id: number, value: string): void {
    if (type !== CREDENTIALS || !this.queue.some((input) => input.group === group)) {
      throw backendRefused('User input not required')
    }

    const found = this.find(type, group, id)
    if (this.missing().length === 0) throw backendRefused('User input not required')
    if (!found) throw backendRefused('net.openvpn.v3.invalid-input: No matching entry found in the request queue')
    if (found.value !== undefined) {
      throw backendRefused(`net.openvpn.v3.error.input-already-provided: Request ID ${id} has already been provided`)
    }

    if (value === '') {
      throw backendRefused(`net.openvpn.v3.error.invalid-input: No value provided for RequiresSlot ID ${id}`)
    }

    // The backend compares signed characters.
    found.value = value.replaceAll(/[^ -\u007F]/g, '')
  }

  /** Answers the open inputs in order; inputs without an answer stay open. */
  provideAll(values: readonly string[]): void {
    const rest = [...values]
    for (const input of this.missing()) {
      const value = rest.shift()
      if (value) input.value = value
    }
  }

  /** The correct answers to the open inputs. */
  rightAnswers(): string[] {
    const {answers, challenge} = this.behaviour
    return this.missing().map((input) =>
      input.group === Group.dynamicChallenge
        ? (challenge?.answer ?? '')
        : (answers?.[this.queue.indexOf(input)] ?? 'anything'),
    )
  }

  /** Starts the client. A second call during the connection attempt hangs the backend and blocks the manager. */
  connect(): Promise<void> | void {
    this.assertInitialised()
    if (this.client === 'ended' || this.established || this.pendingWeb) return
    if (this.missing().some(({group}) => group === Group.keyPassphrase)) {
      throw backendRefused('Request never provided by front-end')
    }

    this.setStatus(Major.connection, Minor.configOk, `config_path=${this.configPath}`)
    if (this.client === 'running') {
      this.log('Starting connection')
      return this.hang()
    }

    if (this.missing().length > 0) throw backendRefused('Required user input not provided')
    this.client = 'running'
    this.logVerbosity = this.behaviour.logLevel ?? profileLogLevel
    // The kernel module is not available.
    this.dco = false
    this.paused = false
    this.log('Starting connection')
    const name = this.answers[user.name]
    if (name) this.log(`Username/password provided successfully for '${name}'`, Category.verb1)
    this.log('Using DNS resolver scope: global', Category.verb2)
    this.setStatus(Major.connection, Minor.connecting)
    const {fails} = this.behaviour
    if (!this.keyOpens()) return this.after(0, () => this.fail(BAD_KEY))
    if (fails?.at === 'start') return this.after(0, () => this.fail(fails.message))
    this.log('Resolving', Category.verb2)
    this.count('BYTES_OUT', 353)
    this.count('PACKETS_OUT', 1)
    this.log('Waiting for server response', Category.verb1)
    if (this.behaviour.port === undefined) return
    this.after(0, () => {
      this.log('Connecting')
      this.setStatus(Major.connection, Minor.connecting)
      this.attempt()
    })
  }

  pause(reason: string): void {
    this.assertInitialised()
    if (this.paused) throw backendRefused('Connection is already paused')
    this.count()
    this.clearTimers()
    this.paused = true
    if (this.client === 'running') setTimeout(() => this.count('N_PAUSE', 1), this.listener.timings.pauseCount).unref()
    this.log('Pausing connection')
    this.setStatus(Major.connection, Minor.pausing, `Reason: ${reason.replaceAll(/[\n\r]/g, '')}`)
    this.setStatus(Major.connection, Minor.paused)
  }

  resume(): void {
    this.assertInitialised()
    if (!this.paused) throw backendRefused('Connection is not paused')
    this.paused = false
    this.lastLog = {category: 2, group: 3, message: `Session resuming - ${this.path}`}
    this.log('Resuming connection')
    this.setStatus(Major.connection, Minor.resuming)
    this.reconnect()
  }

  restart(): void {
    this.assertInitialised()
    this.clearTimers()
    this.paused = false
    this.pendingWeb = false
    this.log('Restarting connection')
    this.setStatus(Major.connection, Minor.reconnecting)
    this.after(this.listener.timings.restarting, () => this.reconnect())
  }

  async disconnect(): Promise<void> {
    this.clearTimers()
    this.count()
    if (this.uninitialised) return
    this.log('Stopping VPN client')
    if (!this.distrusted) this.setStatus(Major.connection, Minor.disconnecting)
    if (this.client === 'running') {
      if (this.established && !this.paused) await sleep(this.listener.timings.disconnecting)
      this.setStatus(Major.connection, Minor.disconnected)
      this.log('Disconnected')
    }

    this.setStatus(Major.connection, Minor.done)
  }

  /** The user has authenticated on the web page. */
  grantWeb(): void {
    if (!this.pendingWeb || this.paused) return
    this.pendingWeb = false
    this.clearTimers()
    this.after(0, () => this.establish())
  }

  /** Puts the session in the connected state without signals, regardless of the profile. */
  forceConnected(): void {
    this.client = 'running'
    this.logVerbosity = this.behaviour.logLevel ?? profileLogLevel
    this.status = [Major.connection, Minor.connected, '']
    this.countHandshake()
    this.enterTunnel()
  }

  forcePaused(): void {
    this.count()
    this.paused = true
    this.status = [Major.connection, Minor.paused, '']
  }

  /** Cancels all pending events, when the backend or the session ends. */
  clearTimers(): void {
    for (const timer of this.timers) clearTimeout(timer)
    this.timers.clear()
  }

  kill(): void {
    this.count()
    this.clearTimers()
    this.backend = 'dead'
    this.release()
  }

  /** Waits as long as the manager does for a hung backend, or until the backend is killed. */
  async hanging(): Promise<void> {
    await Promise.race([this.released, sleep(this.listener.timings.hung, undefined, {ref: false})])
  }

  stop(): void {
    this.count()
    this.clearTimers()
    this.backend = 'hung'
  }

  private assertInitialised(): void {
    if (this.uninitialised) throw backendRefused('Backend service is not initialized')
  }

  private after(milliseconds: number, action: () => void): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer)
      action()
    }, milliseconds)
    this.timers.add(timer)
  }

  /** Logs a line of the backend if the profile's log level includes it. */
  private log(message: string, category: number = Category.info): void {
    const level = this.behaviour.logLevel ?? profileLogLevel
    if (category + level >= Category.critical) this.listener.log(this, CLIENT_LOG, category, message)
  }

  private missing(): QueuedInput[] {
    return this.queue.filter(({value}) => value === undefined)
  }

  private find(type: number, group: number, id: number): QueuedInput | undefined {
    return type === CREDENTIALS ? this.queue.find((input) => input.group === group && input.id === id) : undefined
  }

  private async hang(): Promise<void> {
    this.stop()
    await sleep(this.listener.timings.connectTimeout)
    throw backendTimeout('Timeout was reached')
  }

  /** Starts a new attempt if the client runs and its server responds; otherwise the status stays. */
  private reconnect(): void {
    if (this.client !== 'running' || this.behaviour.port === undefined) return
    this.count()
    this.established = false
    this.pendingWeb = false
    this.count('N_RECONNECT', 1)
    this.log(this.connectedOnce ? 'Reconnecting' : 'Connecting')
    this.setStatus(Major.connection, this.connectedOnce ? Minor.reconnecting : Minor.connecting)
    this.attempt()
  }

  private attempt(): void {
    this.after(this.listener.timings.connecting, () => {
      const {fails, ignored} = this.behaviour
      if (fails) return this.distrust(fails.message)
      this.countHandshake()
      if (ignored) return
      this.log('Retrieving configuration from server', Category.verb2)
      if (!this.accepted()) return this.refuse()
      if (this.behaviour.challenge && !this.challenged) return this.challenge(this.behaviour.challenge)
      if (this.behaviour.web) return this.askOnTheWeb()
      this.establish()
    })
  }

  private accepted(): boolean {
    const {answers, challenge, inputs} = this.behaviour
    const right = inputs.every((_, index) => !answers?.[index] || this.queue[index]?.value === answers[index])
    const answer = this.queue.find(({group}) => group === Group.dynamicChallenge)
    return right && (!answer || answer.value === challenge?.answer)
  }

  private keyOpens(): boolean {
    const {answers} = this.behaviour
    return this.queue.every(
      ({group, value}, index) => group !== Group.keyPassphrase || !answers?.[index] || value === answers[index],
    )
  }

  /** Fails before anything is sent. 27.1 then removes the session; 24.1 keeps it for another attempt. */
  private fail(problem: string): void {
    this.client = 'new'
    this.log(`Connection failed: ${problem.replace(/\n .*/, '')}`, Category.error)
    this.setStatus(Major.connection, Minor.connectionFailed, problem)
    this.listener.gaveUp(this)
  }

  /** Fails because another authority issued the server's certificate. */
  private distrust(problem: string): void {
    this.client = 'ended'
    this.distrusted = true
    this.log(`${problem}:OpenSSLContext::SSL::read_cleartext: certificate verify failed`, Category.critical)
    this.setStatus(Major.connection, Minor.connectionFailed, problem)
    this.listener.gaveUp(this)
  }

  private refuse(): void {
    this.client = 'ended'
    this.established = false
    this.pendingWeb = false
    this.device = ''
    this.devicePath = ''
    this.connectedTo = ['', '', 0]
    this.count('AUTH_FAILED', 1)
    this.log('Authentication failed', Category.verb1)
    this.setStatus(Major.connection, Minor.authFailed, 'Authentication failed')
  }

  private challenge({hidden = false, question}: {hidden?: boolean; question: string}): void {
    this.challenged = true
    this.client = 'new'
    this.queue.push({description: question, group: Group.dynamicChallenge, hidden, id: 0, name: 'dynamic_challenge'})
    this.setStatus(Major.connection, Minor.inputRequired, question)
    this.listener.attention(this, CREDENTIALS, Group.dynamicChallenge, question)
  }

  private askOnTheWeb(): void {
    const url = 'https://vpn.lab.example/auth?id=42'
    this.pendingWeb = true
    this.listener.attention(this, CREDENTIALS, Group.openUrl, url)
    this.setStatus(Major.session, Minor.urlAuthentication, url)
    if (this.listener.webGranted) this.grantWeb()
    else this.after(this.listener.timings.webAuthentication, () => this.refuse())
  }

  private establish(): void {
    this.enterTunnel()
    const [protocol, host, port] = this.connectedTo
    const name = this.answers[user.name]
    this.log(`Session name: '${host}'`, Category.verb2)
    this.log(
      `Connected: ${name ? `${name}@` : ''}${host}:${port} (${host}) via /${protocol.toUpperCase()} on tun/${addressOn(this.device)}/ gw=[10.8.0.1/] mtu=1500`,
    )
    this.setStatus(Major.connection, Minor.connected)
  }

  private enterTunnel(): void {
    this.established = true
    this.connectedOnce = true
    this.paused = false
    this.device = this.listener.deviceFor(this)
    this.devicePath ||= `${NETCFG_PATH}/${this.backendPid}_${uniqueId('t')}`
    this.connectedTo = ['udp', '10.99.0.1', this.behaviour.port ?? 1194]
    this.count('TUN_BYTES_IN', 48)
    this.count('TUN_PACKETS_IN', 1)
    this.trafficSince = Date.now()
  }

  private countHandshake(): void {
    this.count('BYTES_IN', 3343)
    this.count('BYTES_OUT', 4021)
    this.count('PACKETS_IN', 8)
    this.count('PACKETS_OUT', 10)
  }

  /** Adds to a counter; without arguments, adds the tunnel's traffic since the last call. */
  private count(counter?: string, by = 0): void {
    if (counter) {
      this.counters[counter] = (this.counters[counter] ?? 0n) + BigInt(by)
      return
    }

    if (!this.carriesTraffic) return
    const seconds = (Date.now() - this.trafficSince) / 1000
    if (seconds * Math.min(this.traffic.in, this.traffic.out) < 100) return
    this.trafficSince = Date.now()
    for (const [way, rate, tunWay] of [
      ['IN', this.traffic.in, 'OUT'],
      ['OUT', this.traffic.out, 'IN'],
    ] as const) {
      const bytes = Math.round(rate * seconds)
      const packets = Math.ceil((rate * seconds) / 1200)
      this.count(`BYTES_${way}`, bytes)
      this.count(`PACKETS_${way}`, packets)
      if (this.traffic === keepalive) continue
      this.count(`TUN_BYTES_${tunWay}`, Math.max(0, bytes - packets * packetOverhead))
      this.count(`TUN_PACKETS_${tunWay}`, packets)
    }
  }
}
