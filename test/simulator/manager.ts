import {Variant} from 'dbus-next'
import {randomBytes} from 'node:crypto'
import {setTimeout as sleep} from 'node:timers/promises'

import type {ConfigurationManager} from './configurations'
import type {LogService} from './logs'
import type {Profiles} from './profiles'

import {mayAct, mayAdminister, mayForwardLog, mayRead, maySet} from './access'
import {accessDenied, backendRefused, failed, NO_BACKEND, refused} from './errors'
import {managerInterface, sessionInterface, vanished} from './interface'
import {Major, Minor, PROPERTIES, rootPath, SESSIONS} from './names'
import {read, readAll, type Version} from './properties'
import {type Call, type Reply, Server, type Target} from './server'
import {type Listener, Session, type Status, type Timings} from './session'

const root = rootPath(SESSIONS)
const managerTarget: Target = {iface: managerInterface}
const sessionTarget: Target = {iface: sessionInterface}
const CREATED = 1
const DESTROYED = 2

/** The session manager. */
export class SessionManager extends Server implements Listener {
  readonly sessions = new Map<string, Session>()
  randomBytes: (length: number) => Buffer = randomBytes
  webGranted = false
  private sorted?: Session[]

  constructor(
    address: string,
    readonly version: Version,
    readonly timings: Timings,
    private readonly profiles: Profiles,
    private readonly configurations: ConfigurationManager,
    private readonly logs: LogService,
    private readonly userName: (uid: number) => string,
  ) {
    super(SESSIONS, address)
  }

  /** Stops the manager and all its sessions. */
  override async stop(): Promise<void> {
    this.forget()
    await super.stop()
  }

  /** Creates a session from a profile, as NewTunnel does. */
  async newTunnel(owner: number, configPath: string): Promise<string> {
    // A user who knows the path of another user's profile may start a session from it, even if the owner has one too.
    const profile = this.profiles.get(configPath)
    if (this.version === '27.1' && profile) {
      for (const session of this.sessions.values()) {
        if (session.configPath === configPath && session.owner === owner)
          throw refused('A session with this configuration profile is already running')
      }
    }

    const session = new Session(owner, profile, configPath, this)
    if (!profile) {
      await sleep(this.timings.newTunnel)
      // 27.1 returns the path of a session that never exists; 24.1 keeps a session without a status.
      if (this.version === '24.1') this.add(session)
      return session.path
    }

    await sleep(this.timings.newTunnel / 3)
    this.configurations.use(profile)
    if (session.loads) {
      this.add(session)
      this.event(session, CREATED)
      session.initialise()
      if (this.version === '27.1' && session.crashes) session.kill()
    } else {
      this.event(session, DESTROYED)
    }

    await sleep((this.timings.newTunnel * 2) / 3)
    return session.path
  }

  add(session: Session): void {
    this.sessions.set(session.path, session)
    this.sorted = undefined
  }

  remove(session: Session): void {
    session.clearTimers()
    this.sessions.delete(session.path)
    this.sorted = undefined
  }

  /** Removes a session as Disconnect does. */
  async disconnect(session: Session): Promise<void> {
    session.ending = session.disconnect().then(() => {
      session.status = [Major.session, Minor.closed, 'Session closed']
    })
    await session.ending
    this.remove(session)
    if (this.version === '24.1') this.event(session, DESTROYED)
    else setTimeout(() => this.event(session, DESTROYED), this.timings.removalEvent).unref()
  }

  /** Removes every session without signals, as when the manager's process ends. */
  forget(): void {
    for (const session of this.sessions.values()) {
      session.clearTimers()
      session.release()
    }

    this.sessions.clear()
    this.sorted = undefined
  }

  list(): Session[] {
    this.sorted ??= [...this.sessions.values()].sort((a, b) => (a.path < b.path ? -1 : 1))
    return this.sorted
  }

  attention(session: Session, type: number, group: number, message: string): void {
    this.signal(session.path, SESSIONS, 'AttentionRequired', 'uus', [type, group, message])
  }

  log(session: Session, group: number, level: number, message: string): void {
    this.logs.send(session, 'Log', [group, level, message])
  }

  status(session: Session, status: Status): void {
    this.logs.send(session, 'StatusChange', status)
  }

  deviceFor(session?: Session): string {
    const taken = new Set<string>()
    // A paused session still shows the device that it released (observed on 24.1 and 27.1).
    for (const other of this.sessions.values()) {
      if (other.keepsDevice || (other !== session && !other.isPaused)) taken.add(other.device)
    }

    if (session?.device && !taken.has(session.device)) return session.device
    let number = 0
    while (taken.has(`tun${number}`)) number++
    return `tun${number}`
  }

  gaveUp(session: Session): void {
    if (this.version === '24.1') return
    void session.disconnect()
    setTimeout(() => {
      if (!this.sessions.has(session.path)) return
      this.remove(session)
      this.event(session, DESTROYED)
    }, 2 * this.timings.removalEvent).unref()
  }

  protected override gone(connection: string): void {
    for (const session of this.sessions.values()) this.logs.gone(session, connection)
  }

  protected override target(path: string): Target | undefined {
    if (path === root) return managerTarget
    const session = this.sessions.get(path)
    if (!session) return
    if (session.faults.size === 0) return sessionTarget
    const missing = [...session.faults].filter(([, fault]) => fault === 'missing').map(([name]) => name)
    return {iface: sessionInterface, missing: new Set(missing)}
  }

  protected override children(): string[] {
    return this.list().map(({path}) => path.slice(root.length + 1))
  }

  protected override serve(call: Call): Promise<Reply> | Reply {
    const session = this.sessions.get(call.message.path)
    if (session) return this.serveSession(session, call)
    if (call.message.interface === PROPERTIES) {
      const version = new Variant('s', `v${this.version}`)
      return call.message.member === 'Get' ? ['v', version] : ['a{sv}', {version}]
    }

    return this.serveManager(call)
  }

  private serveManager({message: {body, member}, uid}: Call): Promise<Reply> | Reply {
    const [argument] = body as [string]
    if (member === 'NewTunnel') return this.newTunnel(uid, argument).then((path) => ['o', path])
    const mine = this.list().filter((session) => mayAct(session, uid))
    if (member === 'FetchAvailableSessions') return ['ao', mine.map(({path}) => path)]
    if (member === 'LookupConfigName') {
      return ['ao', mine.filter(({configName}) => configName === argument).map(({path}) => path)]
    }

    return this.lookUpInterfaces(mine, member === 'LookupInterface' ? argument : undefined)
  }

  /** Serves the two calls that ask every backend for its device. A stale session makes 24.1 crash in them. */
  private async lookUpInterfaces(sessions: Session[], wanted?: string): Promise<Reply> {
    for (const session of sessions) {
      if (session.backend === 'hung') await session.hanging()
      if (session.backend !== 'alive' && this.version === '24.1') {
        await this.crash()
        throw failed('crashed')
      }
    }

    const device = (session: Session) => (session.backend === 'alive' ? session.device : '')
    if (wanted === undefined) return ['as', sessions.map((session) => device(session))]
    const [found, another] = sessions.filter((session) => device(session) === wanted)
    if (!found) throw refused('Interface not found')
    if (another) throw refused('More than one interface found')
    return ['o', found.path]
  }

  /** Every call to a session asks its backend first; a session whose backend does not respond is removed. */
  private serveSession(session: Session, call: Call): Promise<Reply> | Reply {
    const waiting = this.askBackend(session, call.message.interface !== PROPERTIES)
    return waiting ? waiting.then(() => this.serveAsked(session, call)) : this.serveAsked(session, call)
  }

  /** Waits for the backend's response. A backend that is disconnecting responds to reads afterwards. */
  private askBackend(session: Session, isMethod: boolean): Promise<unknown> | undefined {
    const {backend, ending} = session
    if (backend === 'dead') return sleep(this.timings.dead)
    if (backend === 'hung') return session.hanging()
    if (!isMethod) return ending
    // A backend that starts to hang during the call is waited for as well.
    return sleep(this.timings.method).then(() => (session.backend === 'hung' ? session.hanging() : undefined))
  }

  private serveAsked(session: Session, call: Call): Promise<Reply> | Reply {
    return session.backend === 'alive' ? this.serveLive(session, call) : this.withoutBackend(session, call)
  }

  private withoutBackend(session: Session, {message}: Call): Reply {
    // A read and a method may both have waited for the backend; only the first one removes the session.
    if (this.sessions.has(session.path)) {
      this.remove(session)
      this.event(session, DESTROYED)
    }

    if (message.interface !== PROPERTIES) throw refused(NO_BACKEND)
    if (message.member === 'GetAll') return ['a{sv}', {}]
    throw failed(NO_BACKEND)
  }

  private serveLive(session: Session, call: Call): Promise<Reply> | Reply {
    const {message, uid} = call
    if (message.interface !== PROPERTIES) return this.act(session, call)
    const [, name, value] = message.body as [string, string, Variant]
    if (message.member === 'GetAll') return ['a{sv}', mayRead(session, uid) ? readAll(session, this.version) : {}]
    if (message.member === 'Set') {
      this.write(session, uid, name, value.value)
      return ['']
    }

    if (!mayRead(session, uid)) throw accessDenied('Access denied')
    return ['v', read(session, name, this.version)]
  }

  private write(session: Session, uid: number, name: string, value: unknown): void {
    const administrative = name === 'public_access' || name === 'restrict_log_access'
    if (!(administrative ? mayAdminister : maySet)(session, uid)) throw accessDenied('Access denied')
    switch (name) {
      case 'dco':
        if (session.started) throw failed('DCO mode cannot be changed now')
        session.dco = value as boolean
        this.note(session, 2, `DCO changed to ${value ? 'enabled' : 'disabled'}`)
        break
      case 'log_verbosity':
        if ((value as number) > 6) throw failed('Incorrect log level')
        session.logVerbosity = value as number
        this.note(session, 4, `Log level changed to ${value} on ${session.path}`)
        break
      case 'public_access':
        session.publicAccess = value as boolean
        break
      default:
        session.restrictLogAccess = value as boolean
    }
  }

  private act(session: Session, {message, uid}: Call): Promise<Reply> | Reply {
    if (!this.sessions.has(session.path)) throw vanished(message)
    const {body, member, sender} = message
    const allowed = member === 'LogForward' ? mayForwardLog : member.startsWith('Access') ? mayAdminister : mayAct
    if (!allowed(session, uid)) throw refused('Access denied')
    switch (member) {
      case 'AccessGrant':
        return this.grant(session, body[0] as number)
      case 'AccessRevoke':
        return this.revoke(session, body[0] as number)
      case 'Connect': {
        const connecting = session.connect()
        return connecting ? connecting.then(() => ['']) : ['']
      }

      case 'Disconnect':
        return this.disconnect(session).then(() => [''])
      case 'LogForward':
        return this.forwardLog(session, uid, sender, body[0] as boolean)
      case 'Pause':
        session.pause(body[0] as string)
        return ['']
      case 'Ready':
        session.ready()
        return ['']
      case 'Restart':
        session.restart()
        return ['']
      case 'Resume':
        session.resume()
        return ['']
      case 'UserInputProvide':
        session.provide(...(body as [number, number, number, string]))
        return ['']
      case 'UserInputQueueCheck':
        return ['au', session.inputIds(...(body as [number, number]))]
      case 'UserInputQueueFetch': {
        const [type] = body as [number, number, number]
        const {description, group, hidden, id, name} = session.input(...(body as [number, number, number]))
        return ['uuussb', type, group, id, name, description, hidden]
      }

      default:
        return ['a(uu)', session.inputGroups()]
    }
  }

  private grant(session: Session, uid: number): Reply {
    if (session.acl.includes(uid)) throw refused('UID already granted access')
    session.acl.push(uid)
    this.note(session, 4, `Granted access to ${this.userName(uid)} on ${session.path}`)
    return ['']
  }

  private revoke(session: Session, uid: number): Reply {
    const index = session.acl.indexOf(uid)
    if (index === -1) throw refused('UID not granted access')
    session.acl.splice(index, 1)
    this.note(session, 4, `Revoked access from ${this.userName(uid)} on ${session.path}`)
    return ['']
  }

  private forwardLog(session: Session, uid: number, subscriber: string, enable: boolean): Reply {
    if (session.status[0] === 0 || session.forwards.lost) throw backendRefused('No session available')
    if (enable) {
      this.logs.subscribe(session, subscriber)
      this.note(session, 2, `Added log forwarding to ${subscriber} on ${session.path} (user: ${this.userName(uid)})`)
    } else {
      this.logs.unsubscribe(session, subscriber)
    }

    return ['']
  }

  private note(session: Session, category: number, message: string): void {
    session.lastLog = {category, group: 3, message}
  }

  private event(session: Session, type: number): void {
    this.signal(root, SESSIONS, 'SessionManagerEvent', 'oqu', [session.path, type, session.owner])
  }
}
