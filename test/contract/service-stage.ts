import type {TestContext} from 'node:test'

import assert from 'node:assert/strict'
import {setTimeout as sleep} from 'node:timers/promises'
import {isDeepStrictEqual} from 'node:util'

import type {ReceivedSignal} from '../support/bus-client-process'
import type {Profile, StartOptions, UserName, World} from '../support/world'

import {BusClient} from '../support/bus-client'
import {until} from '../support/cli'
import {isAlone} from '../support/world'

export const SESSIONS = 'net.openvpn.v3.sessions'
export const MANAGER = '/net/openvpn/v3/sessions'
export const BACKENDS = 'net.openvpn.v3.backends'
export const NO_PROFILE = '/net/openvpn/v3/configuration/nope'
const PROPERTIES = 'org.freedesktop.DBus.Properties'
const BUS = 'org.freedesktop.DBus'

/** An error reply as `assert.rejects` compares it. */
export interface Expected {
  readonly type: string
  readonly text: string
}

const freedesktop = (name: string) => (text: string) => ({type: `${BUS}.Error.${name}`, text})
const mangled = (domain: string, space: string) => (text: string) => ({
  type: `org.gtk.GDBus.UnmappedGError.Quark._${domain.replaceAll('.', '_2e')}.Code36`,
  text: `GDBus.Error:${domain}:${space}${text}`,
})

export const accessDenied = freedesktop('AccessDenied')
export const failed = freedesktop('Failed')
export const invalidArgs = freedesktop('InvalidArgs')
export const unknownMethod = freedesktop('UnknownMethod')
export const refused = mangled('net.openvpn.gdbuspp', ' ')
export const backendRefused = mangled('net.openvpn.gdbuspp.request', '  ')
/** The same with one space, which marks an error of the service itself, not of a backend. */
export const requestRefused = mangled('net.openvpn.gdbuspp.request', ' ')
export const notReady = mangled('net.openvpn.v3.error.ready', ' ')

export const DENIED = accessDenied('Access denied')
export const METHOD_DENIED = refused('Access denied')
export const noObject = (path: string) => unknownMethod(`Object does not exist at path “${path}”`)

export type Status = readonly [number, number, string]

/** A property with the signature of its reply. */
export interface Typed {
  readonly signature: string
  readonly value: unknown
}

/** Repeats a call until the manager has its object, which takes a moment after its start. */
export async function retryUntilReady<T>(call: () => Promise<T>): Promise<T> {
  let answer: T
  await until('the manager has its object', async () => {
    try {
      answer = await call()
      return true
    } catch (error) {
      if ((error as Expected).type !== unknownMethod('').type) throw error
      return false
    }
  })
  return answer!
}

/** One user's connection to the bus, with the calls of these tests. */
export class Caller {
  readonly #client: BusClient
  #listens = false

  constructor(uid: number, busAddress: string) {
    this.#client = new BusClient(uid, busAddress)
  }

  /** A method of a session. */
  call(path: string, member: string, signature = '', ...body: unknown[]): Promise<readonly unknown[]> {
    return this.send(SESSIONS, path, SESSIONS, member, signature, body)
  }

  /**
   * Calls a method of the manager, which may have to start first, and returns the first result.
   */
  async manager<T>(member: string, signature = '', ...body: unknown[]): Promise<T> {
    const [answer] = await retryUntilReady(() => this.call(MANAGER, member, signature, ...body))
    return answer as T
  }

  sessions(): Promise<string[]> {
    return this.manager<string[]>('FetchAvailableSessions')
  }

  async typed(path: string, property: string): Promise<Typed> {
    const [variant] = await this.send(SESSIONS, path, PROPERTIES, 'Get', 'ss', [SESSIONS, property])
    return variant as Typed
  }

  async get<T = unknown>(path: string, property: string): Promise<T> {
    const {value} = await this.typed(path, property)
    return value as T
  }

  async set(path: string, property: string, signature: string, value: unknown): Promise<void> {
    await this.send(SESSIONS, path, PROPERTIES, 'Set', 'ssv', [SESSIONS, property, {signature, value}])
  }

  async getAll(path: string): Promise<Record<string, Typed>> {
    const [all] = await this.send(SESSIONS, path, PROPERTIES, 'GetAll', 's', [SESSIONS])
    return all as Record<string, Typed>
  }

  introspect(path: string): Promise<readonly unknown[]> {
    return this.send(SESSIONS, path, 'org.freedesktop.DBus.Introspectable', 'Introspect', '', [])
  }

  status(path: string): Promise<Status> {
    return this.get<Status>(path, 'status')
  }

  /** Waits for a minor status code. */
  async reaches(path: string, minor: number): Promise<void> {
    let last: Status | undefined
    await until(`${path} at status ${minor}`, async () => {
      last = await this.status(path)
      return last[1] === minor
    }).catch((error: Error) => {
      throw new Error(`${error.message}, but at ${String(last)}`)
    })
  }

  /** The unique name of the owner of a bus name. */
  async ownerOf(name: string): Promise<string> {
    const [owner] = await this.send(BUS, '/org/freedesktop/DBus', BUS, 'GetNameOwner', 's', [name])
    return owner as string
  }

  async hasOwner(name: string): Promise<boolean> {
    const [owned] = await this.send(BUS, '/org/freedesktop/DBus', BUS, 'NameHasOwner', 's', [name])
    return owned === true
  }

  /** Receives every broadcast signal from now on. */
  async listen(): Promise<void> {
    if (this.#listens) return
    this.#listens = true
    await this.send(BUS, '/org/freedesktop/DBus', BUS, 'AddMatch', 's', ["type='signal'"])
  }

  /** Signals with this name, or all if it is empty, in order of arrival. */
  signals(member: string, path?: string): ReceivedSignal[] {
    return this.#client.signals.filter(
      (signal) => (member === '' || signal.member === member) && (path === undefined || signal.path === path),
    )
  }

  /** The statuses of a session from StatusChange. */
  statuses(path: string): Status[] {
    return this.signals('StatusChange', path).map(
      ({body: [major, minor, message]}) => [Number(major), Number(minor), String(message)] as const,
    )
  }

  /** The events of a session from SessionManagerEvent: type and owner. */
  events(path: string): unknown[] {
    return this.signals('SessionManagerEvent', MANAGER)
      .filter(({body}) => body[0] === path)
      .map(({body}) => body.slice(1))
  }

  forget(): void {
    this.#client.signals.length = 0
  }

  close(): void {
    this.#client.close()
  }

  send(destination: string, path: string, face: string, member: string, signature: string, body: readonly unknown[]) {
    return this.#client.call({destination, path, interface: face, member, signature, body})
  }
}

const kindOf = (...start: unknown[]): string => JSON.stringify(start)

/** The world and its users. */
export class Stage {
  readonly #callers = new Map<UserName, Caller>()
  readonly #open: () => World
  #scene?: {readonly kind: string; readonly path: string; readonly state: unknown[]}

  constructor(open: () => World) {
    this.#open = open
  }

  get world(): World {
    return this.#open()
  }

  get alice(): Caller {
    return this.as('alice')
  }

  get bob(): Caller {
    return this.as('bob')
  }

  get carol(): Caller {
    return this.as('carol')
  }

  get root(): Caller {
    return this.as('root')
  }

  as(user: UserName): Caller {
    let caller = this.#callers.get(user)
    if (!caller) {
      caller = new Caller(this.world.uid(user), this.world.busAddress)
      this.#callers.set(user, caller)
    }

    return caller
  }

  /** Skips a test that needs several users if there is only one. */
  alone(t: TestContext): boolean {
    return isAlone(this.world, t)
  }

  /** Starts the only session in the world. */
  async begin(user: UserName, profile: Profile, options: StartOptions = {}): Promise<string> {
    await this.reset()
    const path = await this.world.startSession(user, profile, options)
    this.#scene = {kind: kindOf(user, profile, options), path, state: await this.#state(user, path)}
    return path
  }

  /**
   * The same for tests that do not change the session: reuses the session of the previous test if
   * possible.
   */
  async borrow(user: UserName, profile: Profile, options: StartOptions = {}): Promise<string> {
    const {kind, path, state} = this.#scene ?? {}
    for (const caller of this.#callers.values()) caller.forget()
    const same = kind === kindOf(user, profile, options) && isDeepStrictEqual(await this.world.sessions(), [path])
    const intact = same && isDeepStrictEqual(await this.#state(user, path!).catch(() => {}), state)
    return intact ? path! : this.begin(user, profile, options)
  }

  async reset(): Promise<void> {
    this.#scene = undefined
    await this.world.reset()
    for (const caller of this.#callers.values()) caller.forget()
  }

  /** The properties that tests change and restore. */
  #state(user: UserName, path: string): Promise<unknown[]> {
    const properties = ['status', 'acl', 'public_access', 'restrict_log_access', 'log_verbosity', 'log_forwards']
    return Promise.all(properties.map((property) => this.as(user).get(path, property)))
  }

  close(): void {
    for (const caller of this.#callers.values()) caller.close()
    this.#callers.clear()
  }
}

/** Evaluates a condition repeatedly for a while. */
export async function watch(milliseconds: number, look: () => Promise<void> | void): Promise<void> {
  const end = Date.now() + milliseconds
  do {
    await look()
    await sleep(100)
  } while (Date.now() < end)
}

export async function rejects(call: Promise<unknown>, expected: Expected, message?: string): Promise<void> {
  await assert.rejects(call, {...expected}, message)
}
