import type {Variant} from 'dbus-next'

import {createHash, randomBytes} from 'node:crypto'
import {setTimeout as sleep} from 'node:timers/promises'

import type {Profile as ProfileName, StartOptions, UserName, World} from '../support/world'
import type {Behaviour} from './behaviours'
import type {Call, Interception} from './server'

import {accounts} from './accounts'
import {PrivateBus} from './bus'
import {ConfigurationManager} from './configurations'
import {ServiceError} from './errors'
import {LogService} from './logs'
import {SessionManager} from './manager'
import {CONFIGURATION, Major, Minor, SESSIONS} from './names'
import {standardTexts} from './profile-text'
import {Profiles} from './profiles'
import {type Version} from './properties'
import {realistic, Session, type Status, type Timings} from './session'

export {ServiceError} from './errors'
export type {Behaviour, Input} from './behaviours'
export {userPassword} from './behaviours'
export type {Call, Interception} from './server'
export type {Status, Timings} from './session'

export interface SimulatorOptions {
  readonly version?: Version
  /** Milliseconds that things take, where the defaults do not fit. */
  readonly timings?: Partial<Timings>
  /** What every call to the session manager costs, in milliseconds; the real one takes 2.5 to 4 a read. */
  readonly cost?: number
  /** Alice is whoever runs this process, root too: to try things by hand. */
  readonly me?: boolean
}

/** What a test may put in place of a property's value: an error, another value of any type, or that it is unknown. */
export type PropertyFault = 'missing' | ServiceError | Variant

export interface CreateOptions {
  readonly user?: UserName
  /** Names of the profiles; by default `load-0001` and so on. */
  readonly name?: (index: number) => string
}

const users: readonly UserName[] = ['alice', 'bob', 'carol', 'root']

/**
 * A session manager on a bus of its own, in this process. Tests act on it as on the real service (`World`), look into
 * it, and make it misbehave.
 */
export class Simulator implements World {
  readonly name: string
  readonly real = false
  readonly canBecome: boolean
  private readonly accounts: ReturnType<typeof accounts>
  private readonly profiles = new Profiles()
  private readonly manager: SessionManager
  private readonly configurations: ConfigurationManager
  private readonly logs: LogService
  private readonly originalTimings: Timings
  private closed = false

  private constructor(
    private readonly bus: PrivateBus,
    readonly version: Version,
    private readonly options: SimulatorOptions,
  ) {
    this.name = `simulator ${version}`
    this.canBecome = process.getuid!() === 0 && !options.me
    this.accounts = accounts(this.canBecome)
    this.originalTimings = {...realistic, ...(version === '24.1' && {removalEvent: 0}), ...options.timings}
    this.logs = new LogService(bus.address)
    this.configurations = new ConfigurationManager(bus.address, version, this.profiles)
    this.manager = new SessionManager(
      bus.address,
      version,
      {...this.originalTimings},
      this.profiles,
      this.configurations,
      this.logs,
      (uid) => this.userName(uid),
    )
    this.manager.cost = options.cost ?? 0
    this.addStandardProfiles()
  }

  static async start(options: SimulatorOptions = {}): Promise<Simulator> {
    const bus = await PrivateBus.start()
    const simulator = new Simulator(bus, options.version ?? '27.1', options)
    bus.onActivation = (name) => simulator.activate(name)
    try {
      await Promise.all([simulator.manager.start(), simulator.configurations.start(), simulator.logs.start()])
    } catch (error) {
      await simulator.close()
      throw error
    }

    return simulator
  }

  get busAddress(): string {
    return this.bus.address
  }

  get patience(): number {
    return this.timings.hung / 1000
  }

  uid(user: UserName): number {
    return this.accounts[user].uid
  }

  /** The name of a user's account on this machine. */
  accountName(user: UserName): string {
    return this.accounts[user].name
  }

  profileText(profile: ProfileName): string {
    return standardTexts[profile]
  }

  async startSession(user: UserName, profile: ProfileName, options: StartOptions = {}): Promise<string> {
    return this.startProfile(user, profile, options)
  }

  async setPublicAccess(path: string, enabled: boolean): Promise<void> {
    this.session(path).publicAccess = enabled
  }

  async grant(path: string, user: UserName): Promise<void> {
    const {acl} = this.session(path)
    if (!acl.includes(this.uid(user))) acl.push(this.uid(user))
  }

  async revoke(path: string, user: UserName): Promise<void> {
    const {acl} = this.session(path)
    acl.splice(acl.indexOf(this.uid(user)), 1)
  }

  async killBackend(path: string): Promise<void> {
    this.session(path).kill()
  }

  async stopBackend(path: string): Promise<void> {
    this.session(path).stop()
  }

  async grantWebAuthentication(granted: boolean): Promise<void> {
    this.manager.webGranted = granted
    if (granted) for (const session of this.manager.sessions.values()) session.grantWeb()
  }

  /** From now on the paths of sessions, and so their order, are the same for the same seed; `reset` ends it. */
  seed(seed: string): void {
    let count = 0
    this.manager.randomBytes = (length) =>
      createHash('sha256').update(`${seed} ${count++}`).digest().subarray(0, length)
  }

  async coldStart(): Promise<void> {
    await this.manager.stop()
  }

  async killLogService(): Promise<void> {
    await this.restartLogService()
    for (const session of this.manager.sessions.values()) session.forwards.lost = true
  }

  /** The log service is another one that knows nobody who listens; unlike the real one, it still hears the backends. */
  async restartLogService(): Promise<void> {
    await this.logs.stop()
    for (const session of this.manager.sessions.values()) this.logs.forget(session)
    await this.logs.start()
  }

  async sessions(): Promise<string[]> {
    return this.manager.list().map(({path}) => path)
  }

  async carriesTraffic(path: string): Promise<boolean> {
    return this.manager.sessions.get(path)?.carriesTraffic ?? false
  }

  async reset(): Promise<void> {
    this.manager.forget()
    this.manager.webGranted = false
    this.manager.randomBytes = randomBytes
    this.manager.intercept = undefined
    this.configurations.intercept = undefined
    this.manager.cost = this.options.cost ?? 0
    Object.assign(this.manager.timings, this.originalTimings)
    this.manager.counts.reset()
    this.configurations.counts.reset()
    this.profiles.clear()
    this.addStandardProfiles()
    await Promise.all([this.manager.start(), this.configurations.start(), this.logs.start()])
  }

  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    await Promise.all([this.manager.stop(), this.configurations.stop(), this.logs.stop()])
    await this.bus.stop()
  }

  /** How long things take, in milliseconds; can be changed at any time, `reset` restores it. */
  get timings(): Timings {
    return this.manager.timings
  }

  /** Calls that the session manager has served, in all and by member: `Pause`, `Get status`. */
  get calls(): {readonly byMember: ReadonlyMap<string, number>; readonly total: number; reset(): void} {
    return this.manager.counts
  }

  /** The same for the configuration manager. */
  get configurationCalls(): {readonly byMember: ReadonlyMap<string, number>; readonly total: number; reset(): void} {
    return this.configurations.counts
  }

  /** What every call to the session manager costs from now on, in milliseconds. */
  setCost(milliseconds: number): void {
    this.manager.cost = milliseconds
  }

  /**
   * Looks at every call to the session manager before it is served, and may answer with an error, late, never
   * (`ignore`), or end the manager in the middle of it (`crash`). The next one replaces it; without an argument, all
   * is well again.
   */
  intercept(interceptor?: (call: Call) => Interception | undefined): void {
    this.manager.intercept = interceptor
  }

  /** When the session manager is called for the nth time from now, does this; silent, it answers nothing from then on. */
  atCall(n: number, action: () => void, {silent = false}: {silent?: boolean} = {}): void {
    let count = 0
    this.intercept(() => {
      count++
      if (count === n) action()
      return silent && count >= n ? 'ignore' : undefined
    })
  }

  /** The same for the configuration manager. */
  interceptConfigurations(interceptor?: (call: Call) => Interception | undefined): void {
    this.configurations.intercept = interceptor
  }

  /** The session manager's connection is gone at once; calls under way get NoReply from the bus. The sessions are gone. */
  async crashManager(): Promise<void> {
    await this.manager.stop()
  }

  /** Ends the configuration manager, as after some idle minutes: the next call makes the bus start it again. */
  async coldStartConfigurations(): Promise<void> {
    await this.configurations.stop()
  }

  /** Every connection to the bus breaks, and nobody can connect any more. */
  async killBus(): Promise<void> {
    await this.bus.kill()
  }

  /** Replaces a property of one session; without a fault it is itself again. */
  breakProperty(path: string, property: string, fault?: PropertyFault): void {
    const {faults} = this.session(path)
    if (fault === undefined) faults.delete(property)
    else faults.set(property, fault)
  }

  /** A property fails with `org.freedesktop.DBus.Error.Failed`. */
  failProperty(path: string, property: string, text = 'Property not available'): void {
    this.breakProperty(path, property, new ServiceError('org.freedesktop.DBus.Error.Failed', text))
  }

  /** Sets a status, unknown codes included, and signals it. */
  setStatus(path: string, [major, minor, message]: Status): void {
    this.session(path).setStatus(major, minor, message)
  }

  setStatistics(path: string, counters: Readonly<Record<string, bigint | number>>): void {
    const session = this.session(path)
    session.traffic = {in: 0, out: 0}
    for (const counter of Object.keys(session.counters)) delete session.counters[counter]
    for (const [counter, value] of Object.entries(counters)) session.counters[counter] = BigInt(value)
  }

  /** Bytes a second that go through a session's tunnel. */
  setTraffic(path: string, traffic: {in: number; out: number}): void {
    this.session(path).traffic = traffic
  }

  /** What a session says its device is. */
  setDevice(path: string, device: string): void {
    this.session(path).device = device
  }

  /** Sends AttentionRequired for a session. */
  requireAttention(path: string, type: number, group: number, message: string): void {
    this.manager.attention(this.session(path), type, group, message)
  }

  /** Adds a profile of one's own making; its name may be anything. Answers its path. */
  addProfile(user: UserName, name: string, behaviour?: Behaviour): string {
    return this.profiles.add({behaviour, name, owner: this.uid(user), text: standardTexts.cert}).path
  }

  /** Adds a profile of a text. */
  importProfile(user: UserName, name: string, text: string): void {
    this.profiles.add({name, owner: this.uid(user), text})
  }

  /** The path of a user's profile. */
  profilePath(user: UserName, name: string): string {
    const profile = this.profiles.named(this.uid(user), name)
    if (!profile) throw new Error(`${user} has no profile ${JSON.stringify(name)}`)
    return profile.path
  }

  /** The paths of all profiles. */
  profilePaths(): string[] {
    return this.profiles
      .all()
      .map(({path}) => path)
      .sort()
  }

  /** A session's profile, as the session was started from it. */
  configPath(path: string): string {
    return this.session(path).configPath
  }

  /** Renames a profile; sessions that run keep the name they were started with. */
  renameProfile(profilePath: string, name: string): void {
    const profile = this.profiles.get(profilePath)
    if (!profile) throw new Error(`No profile at ${profilePath}`)
    profile.name = name
  }

  deleteProfile(profilePath: string): void {
    this.profiles.remove(profilePath)
  }

  /** Starts a session of any profile, by name. */
  async startProfile(
    user: UserName,
    name: string,
    {fresh, input, until = 'connected'}: StartOptions = {},
  ): Promise<string> {
    await this.manager.start()
    const uid = this.uid(user)
    const found = this.profiles.named(uid, name)
    if (!found) throw new Error(`${user} has no profile ${JSON.stringify(name)}`)
    const profile = fresh ? this.profiles.add(found.source) : found
    const path = await this.manager.newTunnel(uid, profile.path)
    if (until === 'new') return path
    const session = this.session(path)
    session.provideAll(input ?? session.rightAnswers())
    await session.connect()
    if (until === 'connected') await this.settled(session)
    return path
  }

  /** A session that 24.1 leaves behind when its profile does not exist: no status, and nothing can be done with it. */
  async strayTunnel(user: UserName): Promise<string> {
    return this.manager.newTunnel(this.uid(user), '/net/openvpn/v3/configuration/nope')
  }

  /** Makes connected sessions, thousands if need be, without the ceremony. Answers their paths. */
  createSessions(count: number, {name, user = 'alice'}: CreateOptions = {}): string[] {
    const uid = this.uid(user)
    const digits = String(count).length
    const firstDevice = Number(this.manager.deviceFor().slice(3))
    return Array.from({length: count}, (_, index) => {
      const profileName = name?.(index) ?? `load-${String(index + 1).padStart(digits, '0')}`
      const profile = this.profiles.add({name: profileName, owner: uid, text: standardTexts.cert})
      const session = new Session(uid, profile, profile.path, this.manager)
      session.device = `tun${firstDevice + index}`
      session.forceConnected()
      this.manager.add(session)
      return session.path
    })
  }

  /** Pauses a session without anybody's call. */
  pause(path: string): void {
    this.session(path).forcePaused()
  }

  /** A session's status, without a call. */
  status(path: string): Status {
    return this.session(path).status
  }

  /** The pid of a session's backend, without a call. */
  pid(path: string): number {
    return this.session(path).backendPid
  }

  /** All of a session that a command may change, without a call. */
  state(path: string): Readonly<Record<string, unknown>> {
    const {acl, device, logVerbosity, publicAccess, restrictLogAccess, status} = this.session(path)
    return {acl: [...acl], answers: this.answers(path), device, logVerbosity, publicAccess, restrictLogAccess, status}
  }

  /** A session ends as by its owner's Disconnect. */
  async disconnect(path: string): Promise<void> {
    await this.manager.disconnect(this.session(path))
  }

  /** A session is gone, without a word. */
  vanish(path: string): void {
    this.manager.remove(this.session(path))
  }

  /** The path of a session now stands for another one, without a word. */
  replaceSession(path: string, name: string): void {
    const {owner} = this.session(path)
    this.vanish(path)
    const profile = this.profiles.add({name, owner, text: standardTexts.cert})
    const session = Object.assign(new Session(owner, profile, profile.path, this.manager), {path})
    session.forceConnected()
    this.manager.add(session)
  }

  /** The session's LogForward subscriptions that still get signals, by connection. */
  subscribers(path: string): string[] {
    return [...this.session(path).forwards.copies]
  }

  /** The session's answers so far, by the name of the question: to see what a command sent. */
  answers(path: string): Record<string, string> {
    return this.session(path).answers
  }

  private session(path: string): Session {
    const session = this.manager.sessions.get(path)
    if (!session) throw new Error(`The simulator has no session ${path}`)
    return session
  }

  private async settled(session: Session): Promise<void> {
    const end = Date.now() + 5000
    while (!session.isConnected) {
      const [major, minor] = session.status
      if (major === Major.connection && (minor === Minor.authFailed || minor === Minor.connectionFailed)) return
      if (!this.manager.sessions.has(session.path)) return
      if (Date.now() > end) {
        throw new Error(`${session.configName} did not connect; its status is ${session.status.join(', ')}`)
      }

      await sleep(2)
    }
  }

  private addStandardProfiles(): void {
    for (const user of users) {
      for (const [name, text] of Object.entries(standardTexts)) {
        this.profiles.add({name, owner: this.uid(user), persistent: true, text})
      }
    }
  }

  private userName(uid: number): string {
    return users.map((user) => this.accounts[user]).find((account) => account.uid === uid)?.name ?? String(uid)
  }

  private activate(name: string): void {
    if (this.closed) return
    const server = name === SESSIONS ? this.manager : name === CONFIGURATION ? this.configurations : undefined
    // A bus that is killed meanwhile is what the test wanted.
    server?.start(this.manager.timings.objects).catch(() => {})
  }
}

/** Starts a simulator. */
export function simulator(options?: SimulatorOptions): Promise<Simulator> {
  return Simulator.start(options)
}
