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
import {Logind} from './logind'
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
  /** Durations in milliseconds that replace the defaults. */
  readonly timings?: Partial<Timings>
  /** The duration of every call to the session manager, in milliseconds; the real one takes 2.5 to 4 per read. */
  readonly cost?: number
  /** Alice is the user who runs this process, even if that is root: for trying the commands by hand. */
  readonly me?: boolean
}

/** The fault of a property: an error, a value of any type, or `missing` for an unknown property. */
export type PropertyFault = 'missing' | ServiceError | Variant

export interface CreateOptions {
  readonly user?: UserName
  /** Names of the profiles; default: `load-0001` and so on. */
  readonly name?: (index: number) => string
}

const users: readonly UserName[] = ['alice', 'bob', 'carol', 'root']

/**
 * A session manager on a private bus, in this process. Tests use it like the real service (`World`), inspect it, and
 * make it fail.
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
  private logind?: Logind
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

  /** Makes the paths and the order of new sessions reproducible for the same seed, until `reset`. */
  seed(seed: string): void {
    let count = 0
    this.manager.randomBytes = (length) =>
      createHash('sha256').update(`${seed} ${count++}`).digest().subarray(0, length)
  }

  async coldStart(): Promise<void> {
    await this.manager.stop()
  }

  async killLogService(): Promise<void> {
    // before the new service can be called
    for (const session of this.manager.sessions.values()) session.forwards.lost = true
    await this.restartLogService()
  }

  /**
   * Replaces the log service by one without subscribers. Unlike the real one, it still receives the backends' signals.
   */
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
    await Promise.all([this.manager.start(), this.configurations.start(), this.logs.start(), this.logind?.stop()])
  }

  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    await Promise.all([this.manager.stop(), this.configurations.stop(), this.logs.stop(), this.logind?.stop()])
    await this.bus.stop()
  }

  /** Durations in milliseconds; a test can change them at any time, and `reset` restores them. */
  get timings(): Timings {
    return this.manager.timings
  }

  /** The calls that the session manager has served, in total and by member: `Pause`, `Get status`. */
  get calls(): {readonly byMember: ReadonlyMap<string, number>; readonly total: number; reset(): void} {
    return this.manager.counts
  }

  /** As `calls`, for the configuration manager. */
  get configurationCalls(): {readonly byMember: ReadonlyMap<string, number>; readonly total: number; reset(): void} {
    return this.configurations.counts
  }

  /** Sets the duration of every call to the session manager, in milliseconds. */
  setCost(milliseconds: number): void {
    this.manager.cost = milliseconds
  }

  /**
   * Intercepts every call to the session manager before it is served. The interceptor may return an error, a delay,
   * `ignore` for no reply, or `crash` to end the manager during the call. A new interceptor replaces the last one; no
   * argument removes it.
   */
  intercept(interceptor?: (call: Call) => Interception | undefined): void {
    this.manager.intercept = interceptor
  }

  /**
   * Runs an action at the nth call to the session manager from now; with `silent`, no call gets a reply from then on.
   */
  atCall(n: number, action: () => void, {silent = false}: {silent?: boolean} = {}): void {
    let count = 0
    this.intercept(() => {
      count++
      if (count === n) action()
      return silent && count >= n ? 'ignore' : undefined
    })
  }

  /** As `intercept`, for the configuration manager. */
  interceptConfigurations(interceptor?: (call: Call) => Interception | undefined): void {
    this.configurations.intercept = interceptor
  }

  /** Drops the session manager's connection and its sessions; pending calls get NoReply from the bus. */
  async crashManager(): Promise<void> {
    await this.manager.stop()
  }

  /** Stops the configuration manager, as after some idle minutes: the bus starts it again at the next call. */
  async coldStartConfigurations(): Promise<void> {
    await this.configurations.stop()
  }

  /** Kills the bus: every connection breaks, and new connections fail. */
  async killBus(): Promise<void> {
    await this.bus.kill()
  }

  /** Sets the fault of one session's property; no fault restores the property. */
  breakProperty(path: string, property: string, fault?: PropertyFault): void {
    const {faults} = this.session(path)
    if (fault === undefined) faults.delete(property)
    else faults.set(property, fault)
  }

  /** Makes a property fail with `org.freedesktop.DBus.Error.Failed`. */
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

  /** Sets the bytes per second in a session's tunnel. */
  setTraffic(path: string, traffic: {in: number; out: number}): void {
    this.session(path).traffic = traffic
  }

  /** Sets the device that a session shows. */
  setDevice(path: string, device: string): void {
    this.session(path).device = device
  }

  /** Sends AttentionRequired for a session. */
  requireAttention(path: string, type: number, group: number, message: string): void {
    this.manager.attention(this.session(path), type, group, message)
  }

  /** Adds a profile with any name and behaviour, and returns its path. */
  addProfile(user: UserName, name: string, behaviour?: Behaviour): string {
    return this.profiles.add({behaviour, name, owner: this.uid(user), text: standardTexts.cert}).path
  }

  /** Adds a profile from a text. */
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

  /** The path of the profile that a session was started from. */
  configPath(path: string): string {
    return this.session(path).configPath
  }

  /** Renames a profile; running sessions keep the name that they were started with. */
  renameProfile(profilePath: string, name: string): void {
    const profile = this.profiles.get(profilePath)
    if (!profile) throw new Error(`No profile at ${profilePath}`)
    profile.name = name
  }

  deleteProfile(profilePath: string): void {
    this.profiles.remove(profilePath)
  }

  /** Starts a session from any profile, by name. */
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

  /** A session that 24.1 leaves behind if its profile does not exist: it has no status and accepts no action. */
  async strayTunnel(user: UserName): Promise<string> {
    return this.manager.newTunnel(this.uid(user), '/net/openvpn/v3/configuration/nope')
  }

  /** Creates connected sessions directly, by the thousand if necessary, and returns their paths. */
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

  /** Pauses a session without a call. */
  pause(path: string): void {
    this.session(path).forcePaused()
  }

  /** Starts systemd-logind, with the users who are logged in; until `reset`. */
  async startLogind(users: readonly {readonly name: string; readonly uid: number}[]): Promise<void> {
    await this.logind?.stop()
    this.logind = new Logind(this.bus.address, users)
    await this.logind.start()
  }

  /** A session's status, without a call. */
  status(path: string): Status {
    return this.session(path).status
  }

  /** The pid of a session's backend, without a call. */
  pid(path: string): number {
    return this.session(path).backendPid
  }

  /** Everything in a session that a command may change, without a call. */
  state(path: string): Readonly<Record<string, unknown>> {
    const {acl, device, logVerbosity, publicAccess, restrictLogAccess, status} = this.session(path)
    return {acl: [...acl], answers: this.answers(path), device, logVerbosity, publicAccess, restrictLogAccess, status}
  }

  /** Ends a session as its owner's Disconnect does. */
  async disconnect(path: string): Promise<void> {
    await this.manager.disconnect(this.session(path))
  }

  /** Removes a session without a signal. */
  vanish(path: string): void {
    this.manager.remove(this.session(path))
  }

  /** Puts another session at the path of a session, without a signal. */
  replaceSession(path: string, name: string): void {
    const {owner} = this.session(path)
    this.vanish(path)
    const profile = this.profiles.add({name, owner, text: standardTexts.cert})
    const session = Object.assign(new Session(owner, profile, profile.path, this.manager), {path})
    session.forceConnected()
    this.manager.add(session)
  }

  /** The connections whose LogForward subscriptions still get the session's signals, one entry for each copy. */
  subscribers(path: string): string[] {
    return [...this.session(path).forwards.copies]
  }

  /** The answers that a session got so far, by input name. */
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
    // Fails only if the test has killed the bus.
    server?.start(this.manager.timings.objects).catch(() => {})
  }
}

/** Starts a simulator. */
export function simulator(options?: SimulatorOptions): Promise<Simulator> {
  return Simulator.start(options)
}
