import {
  type Endpoint,
  type Following,
  type FollowOptions,
  type InputRequest,
  isGone,
  Ovpn3Error,
  type Profile,
  type PropertyName,
  Session,
  type SessionEvent,
  type SessionSource,
  type Snapshot,
  type Unsubscribe,
} from '@ovpn3/sessions'

import {type Bus, BusError, type Call, type Match, type Signal, unwrap} from '../bus'
import {
  isAlreadyGranted,
  isAlreadyPaused,
  isAlreadyProvided,
  isBackendLost,
  isNotGranted,
  isNotPaused,
  isNotReady,
  staleError,
  toOvpn3Error,
  translated,
} from './errors'
import {type LogForwards} from './log-forwards'
import {getCall, logService, managerEvent, ownerOf, sessionInterface, sessionService, setCall} from './names'
import {profileName, profilePaths} from './profile'
import {decode} from './properties'

const nowhere: Endpoint = {host: '', port: 0, protocol: ''}

/** A call of the session: what it says besides the object. */
type Method = Partial<Call> & {readonly member: string}

/** A source with a connection to a bus. */
interface BusSource extends SessionSource {
  readonly logs: LogForwards
}

/** A session of the session manager. */
export class ServiceSession extends Session {
  readonly #bus: Bus
  readonly #logs: LogForwards

  constructor(source: BusSource, bus: Bus, path: string, config?: string) {
    super(source, path, config)
    this.#bus = bus
    this.#logs = source.logs
  }

  override async fetch(names: readonly PropertyName[]): Promise<Snapshot> {
    const values: Partial<Record<PropertyName, unknown>> = {}
    const errors: Partial<Record<PropertyName, Ovpn3Error>> = {}
    const read = async (name: PropertyName) => {
      try {
        values[name] = decode(name, await this.#get(name))
      } catch (error) {
        const translated = toOvpn3Error(error, 'read')
        errors[name] =
          translated instanceof Ovpn3Error
            ? translated
            : new Ovpn3Error('failed', (translated as Error).message, {cause: error})
      }
    }

    const readEndpoint = async () => {
      await device
      // a session gets its device when it connects first, and keeps it: without one there is nothing to ask for
      if (values.device_name === '') values.connected_to = nowhere
      else await read('connected_to')
    }

    const device = names.includes('device_name') ? read('device_name') : undefined
    const others = names.filter((name) => name !== 'device_name' && name !== 'connected_to')
    await Promise.all([device, ...others.map((name) => read(name)), names.includes('connected_to') && readEndpoint()])
    return {errors, values: values as Snapshot['values']}
  }

  override pause(reason: string): Promise<boolean> {
    return this.#unless(isAlreadyPaused, {body: [reason], member: 'Pause', signature: 's'})
  }

  override resume(): Promise<boolean> {
    return this.#unless(isNotPaused, {member: 'Resume'})
  }

  override async restart(): Promise<void> {
    await this.#call({member: 'Restart'})
  }

  override async connect(): Promise<void> {
    await this.#call({member: 'Connect'})
  }

  override async disconnect(): Promise<void> {
    await this.#call({member: 'Disconnect'})
  }

  override ready(): Promise<boolean> {
    return this.#unless(isNotReady, {member: 'Ready'})
  }

  override async inputRequests(): Promise<InputRequest[]> {
    const [groups] = await this.#call({member: 'UserInputQueueGetTypeGroup'})
    const requests = await Promise.all(
      decode('UserInputQueueGetTypeGroup', groups).map(async ([type, group]) => {
        const [ids] = await this.#call({body: [type, group], member: 'UserInputQueueCheck', signature: 'uu'})
        return Promise.all(decode('UserInputQueueCheck', ids).map((id) => this.#fetchRequest(type, group, id)))
      }),
    )
    return requests.flat().filter((request) => request !== undefined)
  }

  override provideInput(request: InputRequest, value: string): Promise<boolean> {
    return this.#unless(isAlreadyProvided, {
      // no empty value is taken, also where the server wants none; a space is (seen on 24.1 and 27.1)
      body: [request.type, request.group, request.id, value || ' '],
      member: 'UserInputProvide',
      secret: true,
      signature: 'uuus',
    })
  }

  override async setLogLevel(level: number): Promise<void> {
    await this.#set('log_verbosity', 'u', level)
  }

  override async grant(uid: number): Promise<boolean> {
    return this.#unless(isAlreadyGranted, {body: [uid], member: 'AccessGrant', signature: 'u'})
  }

  override async revoke(uid: number): Promise<boolean> {
    return this.#unless(isNotGranted, {body: [uid], member: 'AccessRevoke', signature: 'u'})
  }

  override async setPublicAccess(enabled: boolean): Promise<void> {
    await this.#set('public_access', 'b', enabled)
  }

  override async setLogAccess(enabled: boolean): Promise<void> {
    await this.#set('restrict_log_access', 'b', !enabled)
  }

  override async profile(): Promise<Profile> {
    const isKnown = Boolean(this.snapshot.values.config_path)
    const {errors, values} = isKnown ? this.snapshot : await this.fetch(['config_path'])
    if (errors.config_path) throw errors.config_path
    return this.#profileAt(values.config_path!)
  }

  override async follow(
    listener: (event: SessionEvent) => void,
    {log: withLines = false}: FollowOptions = {},
  ): Promise<Following> {
    const log = this.#logs.of(this.path)
    let refusal: Ovpn3Error | undefined
    const ask = async (enable: boolean) => {
      refusal = await this.#forwardLog(enable)
      return !refusal
    }

    let over = false
    let asking = false
    const tellIfLost = () => {
      if (withLines && !log.live && !over) listener({error: refusal, type: 'log-lost'})
    }

    // a log service that is started again knows nobody who listens; asking for the log also starts it
    const forwardAgain = async () => {
      if (asking) return
      asking = true
      try {
        await log.renew(ask)
      } finally {
        asking = false
        tellIfLost()
      }

      // nobody has told what happened meanwhile
      const {status} = (await this.fetch(['status'])).values
      if (status && !over) listener({status, type: 'status'})
    }

    // the log service forwards the backend's signals to each one who asked, under the backend's interface
    const forwarded = {interface: 'net.openvpn.v3.backends', path: this.path, sender: logService, unicast: true}
    const subscriptions = await Promise.all([
      this.#subscribe({...forwarded, member: 'StatusChange'}, ({body}) =>
        listener({status: decode('status', body), type: 'status'}),
      ),
      withLines &&
        this.#subscribe({...forwarded, member: 'Log'}, ({body}) => listener({...decode('Log', body), type: 'log'})),
      this.#subscribe(
        // one match rule for all sessions: a connection may not have many
        {interface: sessionInterface, member: 'AttentionRequired', sender: sessionService},
        ({body, path}) => {
          if (path === this.path) listener({group: Number(body[1]), message: String(body[2]), type: 'attention'})
        },
      ),
      this.#subscribe(managerEvent, ({body}) => {
        if (body[0] !== this.path || body[1] !== 2) return
        over = true
        log.end()
        listener({type: 'removed'})
      }),
      this.#subscribe(ownerOf(logService), ({body}) => {
        const [, previous] = body
        if (!over && (previous || !log.live)) forwardAgain().catch(() => {})
      }),
    ])
    await log.join(ask)
    tellIfLost()
    const end = async () => {
      const joined = !over
      over = true
      await Promise.all([...subscriptions.map((unsubscribe) => unsubscribe && unsubscribe()), joined && log.leave(ask)])
    }

    return Object.defineProperty(end, 'live', {get: () => log.live}) as Following
  }

  async #subscribe(match: Match, listener: (signal: Signal) => void): Promise<Unsubscribe> {
    const end = await translated(this.#bus.subscribe(match, listener))
    return () => translated(end())
  }

  /** Why the log is refused: the caller may not read it, or the log service does not know the session. */
  async #forwardLog(enable: boolean): Promise<Ovpn3Error | undefined> {
    try {
      await this.#call({body: [enable], member: 'LogForward', signature: 'b'})
      return undefined
    } catch (error) {
      if (error instanceof Ovpn3Error && error.code !== 'disconnected') return error
      throw error
    }
  }

  /** Undefined where another client has answered it meanwhile. */
  async #fetchRequest(type: number, group: number, id: number): Promise<InputRequest | undefined> {
    try {
      const member = 'UserInputQueueFetch'
      return decode(member, await this.#call({body: [type, group, id], member, signature: 'uuu'}))
    } catch (error) {
      if (error instanceof Ovpn3Error && isAlreadyProvided(error.cause)) return undefined
      throw error
    }
  }

  async #profileAt(path: string): Promise<Profile> {
    try {
      return {available: true, name: await profileName(this.#bus, path)}
    } catch (error) {
      if (!(error instanceof BusError) || error.kind === 'disconnected') throw toOvpn3Error(error)
      if (error.kind !== 'object-gone') return {available: false}
    }

    try {
      // gone, or not there yet: the bus may have started the configuration manager for that call
      if ((await profilePaths(this.#bus)).includes(path))
        return {available: true, name: await profileName(this.#bus, path)}
    } catch (error) {
      if (!(error instanceof BusError) || error.kind === 'disconnected') throw toOvpn3Error(error)
    }

    return {available: false}
  }

  async #set(name: PropertyName, signature: string, value: unknown): Promise<void> {
    await this.#call(setCall(sessionInterface, name, signature, value))
  }

  async #get(name: PropertyName): Promise<unknown> {
    const [value] = await this.#ask(getCall(sessionInterface, name))
    return unwrap(value)
  }

  async #unless(known: (error: unknown) => boolean, call: Method): Promise<boolean> {
    try {
      await this.#call(call)
      return true
    } catch (error) {
      if (error instanceof Ovpn3Error && known(error.cause)) return false
      throw error
    }
  }

  #call(call: Method): Promise<unknown[]> {
    return translated(this.#ask(call))
  }

  /**
   * Calls the session.
   * @throws BusError, or an Ovpn3Error of a session whose backend ended while it was asked
   */
  async #ask(call: Method): Promise<unknown[]> {
    const session = {destination: sessionService, interface: sessionInterface, path: this.path}
    try {
      return await this.#bus.call({...session, ...call})
    } catch (error) {
      if (!isBackendLost(error)) throw error
      // the session manager has not noticed yet: it does when it is asked again, and removes the session
      const [again] = await Promise.allSettled([this.#bus.call({...session, ...getCall(sessionInterface, 'status')})])
      if (again.status === 'fulfilled') throw error
      throw isGone(toOvpn3Error(again.reason)) ? staleError(error) : again.reason
    }
  }
}
