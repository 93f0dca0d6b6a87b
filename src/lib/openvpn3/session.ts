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
import {getCall, logService, managerEvent, ownerChangeOf, sessionInterface, sessionService, setCall} from './names'
import {profileName, profilePaths} from './profile'
import {decode} from './properties'

const noEndpoint: Endpoint = {host: '', port: 0, protocol: ''}

/** A call on the session, without its object. */
type SessionCall = Partial<Call> & {readonly member: string}

/** A source that shares log forwards among its sessions. */
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
      // a session without a device has never connected, so it has no endpoint: that saves a read
      if (values.device_name === '') values.connected_to = noEndpoint
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
      // the service rejects an empty value but accepts a space (seen on 24.1 and 27.1)
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
    const setForwarding = async (enable: boolean) => {
      refusal = await this.#forwardLog(enable)
      return !refusal
    }

    let ended = false
    let renewing = false
    const reportLostLog = () => {
      if (withLines && !log.live && !ended) listener({error: refusal, type: 'log-lost'})
    }

    // a restarted log service has no subscriptions; this call also starts it
    const renew = async () => {
      if (renewing) return
      renewing = true
      try {
        await log.renew(setForwarding)
      } finally {
        renewing = false
        reportLostLog()
      }

      // status changes in between were not forwarded
      const {status} = (await this.fetch(['status'])).values
      if (status && !ended) listener({status, type: 'status'})
    }

    // the log service forwards the signals of the backend to each subscriber, with the interface of the backend
    const forwarded = {interface: 'net.openvpn.v3.backends', path: this.path, sender: logService, unicast: true}
    const subscriptions = await Promise.all([
      this.#subscribe({...forwarded, member: 'StatusChange'}, ({body}) =>
        listener({status: decode('status', body), type: 'status'}),
      ),
      withLines &&
        this.#subscribe({...forwarded, member: 'Log'}, ({body}) => listener({...decode('Log', body), type: 'log'})),
      this.#subscribe(
        // one match rule for all sessions, because the bus limits the rules of a connection
        {interface: sessionInterface, member: 'AttentionRequired', sender: sessionService},
        ({body, path}) => {
          if (path === this.path) listener({group: Number(body[1]), message: String(body[2]), type: 'attention'})
        },
      ),
      this.#subscribe(managerEvent, ({body}) => {
        if (body[0] !== this.path || body[1] !== 2) return
        ended = true
        log.end()
        listener({type: 'removed'})
      }),
      this.#subscribe(ownerChangeOf(logService), ({body}) => {
        const [, previous] = body
        if (!ended && (previous || !log.live)) renew().catch(() => {})
      }),
    ])
    await log.join(setForwarding)
    reportLostLog()
    const end = async () => {
      const joined = !ended
      ended = true
      await Promise.all([
        ...subscriptions.map((unsubscribe) => unsubscribe && unsubscribe()),
        joined && log.leave(setForwarding),
      ])
    }

    return Object.defineProperty(end, 'live', {get: () => log.live}) as Following
  }

  async #subscribe(match: Match, listener: (signal: Signal) => void): Promise<Unsubscribe> {
    const end = await translated(this.#bus.subscribe(match, listener))
    return () => translated(end())
  }

  /** The error if forwarding is refused: permission denied, or a session that the log service does not know. */
  async #forwardLog(enable: boolean): Promise<Ovpn3Error | undefined> {
    try {
      await this.#call({body: [enable], member: 'LogForward', signature: 'b'})
      return undefined
    } catch (error) {
      if (error instanceof Ovpn3Error && error.code !== 'disconnected') return error
      throw error
    }
  }

  /** Undefined if another client has answered the question meanwhile. */
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
      // deleted, or not loaded yet: the call may have started the configuration manager
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
    const [value] = await this.#callRaw(getCall(sessionInterface, name))
    return unwrap(value)
  }

  /** @returns false if the call fails with an error that means that it would change nothing */
  async #unless(isNoChange: (error: unknown) => boolean, call: SessionCall): Promise<boolean> {
    try {
      await this.#call(call)
      return true
    } catch (error) {
      if (error instanceof Ovpn3Error && isNoChange(error.cause)) return false
      throw error
    }
  }

  #call(call: SessionCall): Promise<unknown[]> {
    return translated(this.#callRaw(call))
  }

  /**
   * @throws BusError; Ovpn3Error `session-stale` if the backend exited during the call
   */
  async #callRaw(call: SessionCall): Promise<unknown[]> {
    const session = {destination: sessionService, interface: sessionInterface, path: this.path}
    try {
      return await this.#bus.call({...session, ...call})
    } catch (error) {
      if (!isBackendLost(error)) throw error
      // the session manager does not know yet that the backend is gone: the next call makes it remove the session
      const [again] = await Promise.allSettled([this.#bus.call({...session, ...getCall(sessionInterface, 'status')})])
      if (again.status === 'fulfilled') throw error
      throw isGone(toOvpn3Error(again.reason)) ? staleError(error) : again.reason
    }
  }
}
