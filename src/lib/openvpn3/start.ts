import {
  delayedSignal,
  type ErrorCode,
  hasCode,
  isGone,
  isOvpn3Error,
  Ovpn3Error,
  proceed,
  reasonOf,
  sleep,
  type StartFrom,
  type StartOptions,
  unlessAborted,
} from '@ovpn3/sessions'

import {type Bus} from '../bus'
import {callManager} from './cold-start'
import {isRunningAlready, toOvpn3Error, translated} from './errors'
import {managerEvent, managerPath, sessionInterface, sessionService, setCall} from './names'
import {ServiceProfile} from './profile'
import {decode} from './properties'

/** Milliseconds after an abort within which a profile or session that was created is removed. */
const undoTime = 1500
/** Milliseconds from the answer to NewTunnel until the session must exist. Normally it exists before the answer. */
const appearanceTime = 15_000
/** How often a start is tried: on a busy machine a backend sometimes exits before its session exists (24.1). */
const attempts = 2

/**
 * Creates a session that has loaded its profile; see `SessionSource.start`.
 * @returns its path
 */
export async function startSession(
  bus: Bus,
  from: StartFrom,
  options: StartOptions,
  signal: AbortSignal,
): Promise<string> {
  const limits = {expired: delayedSignal(signal, undoTime), signal}
  for (let i = 0; i < attempts; i++) {
    const path = await tryToStart(bus, from, options, limits)
    if (path !== undefined) return path
  }

  throw failedError('the session ended while it was starting')
}

function failedError(message: string): Ovpn3Error {
  return new Ovpn3Error('failed', message, {
    hint: 'Run `journalctl --boot --grep openvpn3`',
  })
}

/** Undefined if the session ended by itself. */
async function tryToStart(
  bus: Bus,
  from: StartFrom,
  {dco, persistTun}: StartOptions,
  limits: Limits,
): Promise<string | undefined> {
  const {imported, profile} = await profileFor(bus, from, persistTun, limits)
  let isUsed = false
  try {
    await unlessAborted(profile.validate(), limits.signal)
    const path = await newTunnel(bus, profile.path, limits)
    if (path !== undefined && dco !== undefined) await setDco(bus, path, dco, limits)
    isUsed = path !== undefined
    return path
  } finally {
    if (imported && !isUsed) await removeUnused(profile, limits)
  }
}

/** The time limits of a start. */
interface Limits {
  /** Aborted when nothing more may be started. */
  readonly signal: AbortSignal
  /** Aborted when the time to undo has expired. */
  readonly expired: AbortSignal
}

interface UsedProfile {
  readonly profile: ServiceProfile
  /** For this session only. */
  readonly imported: boolean
}

/** The profile to start from. Settings for one session only go into a copy that is imported for a single use. */
async function profileFor(
  bus: Bus,
  from: StartFrom,
  persistTun: boolean | undefined,
  limits: Limits,
): Promise<UsedProfile> {
  const {signal} = limits
  if ('path' in from && !persistTun) return {imported: false, profile: new ServiceProfile(bus, from.path)}
  const {content, dco, name, overrides} =
    'path' in from
      ? await unlessAborted(new ServiceProfile(bus, from.path).read(), signal)
      : {...from, dco: false, overrides: {}}
  const importing = () => ServiceProfile.import(bus, name, content)
  const profile = await makeUndoable(importing, (late) => late.remove(), 'profile', limits)
  try {
    const all = {...overrides, ...(persistTun && {'persist-tun': true})}
    const setting = Object.entries(all).map(([override, value]) => profile.override(override, value))
    await unlessAborted(Promise.all([...setting, dco && profile.setDco(true)]), signal)
    return {imported: true, profile}
  } catch (error) {
    await removeUnused(profile, limits)
    throw error
  }
}

/** Removes an imported profile that no session has used. */
async function removeUnused(profile: ServiceProfile, {expired}: Limits): Promise<void> {
  try {
    await unlessAborted(profile.remove(), expired)
  } catch (error) {
    // already used, or the connection is lost; the configuration manager drops the import when it exits
    if (!isOvpn3Error(error)) throw error
  }
}

/** Undefined if the session ended by itself. */
async function newTunnel(bus: Bus, profile: string, limits: Limits): Promise<string | undefined> {
  const {expired, signal} = limits
  const events = new Map<string, 'created' | 'removed'>()
  let eventArrived = new AbortController()
  const subscribing = translated(
    bus.subscribe(managerEvent, ({body}) => {
      const [path, type] = body as [string, number, number]
      if (type === 1 || type === 2) events.set(path, type === 1 ? 'created' : 'removed')
      eventArrived.abort()
      eventArrived = new AbortController()
    }),
  )
  // a subscription that is confirmed after an abort ends with the connection
  const unsubscribe = await unlessAborted(subscribing, signal)
  try {
    const path = await makeUndoable(
      () => callNewTunnel(bus, profile),
      (late) => disconnect(bus, late),
      'session',
      limits,
    )
    const deadline = performance.now() + appearanceTime
    // the event of the session can arrive after the answer
    while (!events.has(path) && performance.now() < deadline && !signal.aborted)
      await sleep(deadline - performance.now(), eventArrived.signal, signal)
    if (events.get(path) === 'created' && !signal.aborted) return path
    await unlessAborted(disconnect(bus, path), expired, () => unconfirmedError(signal, 'session'))
    if (signal.aborted) throw reasonOf(signal)
    if (events.has(path)) return undefined
    throw failedError(`no session appeared within ${appearanceTime / 1000} s`)
  } finally {
    await unlessAborted(unsubscribe(), expired).catch((error: unknown) => {
      if (!isOvpn3Error(error)) throw error
    })
  }
}

async function callNewTunnel(bus: Bus, profile: string): Promise<string> {
  const manager = {destination: sessionService, interface: sessionInterface, path: managerPath}
  try {
    const [path] = await callManager(bus, {...manager, body: [profile], member: 'NewTunnel', signature: 'o'})
    return decode('NewTunnel', path)
  } catch (error) {
    if (isRunningAlready(error))
      throw new Ovpn3Error('session-running', 'a session of this profile is already running', {
        cause: error,
        hint: 'Run `ovpn3 sessions-list`',
      })
    throw toOvpn3Error(error)
  }
}

async function setDco(bus: Bus, path: string, enabled: boolean, limits: Limits): Promise<void> {
  const {expired, signal} = limits
  const call = {...setCall(sessionInterface, 'dco', 'b', enabled), destination: sessionService, path}
  try {
    await unlessAborted(translated(bus.call(call)), signal)
  } catch (error) {
    await unlessAborted(disconnect(bus, path), expired, () => unconfirmedError(signal, 'session'))
    throw error
  }
}

/** Disconnects a session that has not been returned to the caller. */
async function disconnect(bus: Bus, path: string): Promise<void> {
  try {
    const session = {destination: sessionService, interface: sessionInterface, path}
    await translated(bus.call({...session, member: 'Disconnect'}))
  } catch (error) {
    if (!isGone(error)) throw error
  }
}

/**
 * Creates a profile or session. If the signal is aborted meanwhile, it is undone as soon as it exists; if the signal is
 * already aborted, nothing is created.
 * @throws Ovpn3Error the signal's reason; if the undo is not confirmed in time, an error that says what may be left behind
 */
async function makeUndoable<T>(
  make: () => Promise<T>,
  undo: (made: T) => Promise<void>,
  what: 'profile' | 'session',
  {expired, signal}: Limits,
): Promise<T> {
  proceed(signal)
  const work = make()
  try {
    return await unlessAborted(work, signal)
  } catch (error) {
    // the service completes the call even after an abort
    if (!signal.aborted)
      throw hasCode(error, 'timeout') ? leftBehindError('timeout', `${(error as Ovpn3Error).message}:`, what) : error
    const undone = work.then(undo, (error_: unknown) => {
      // nothing was created
      if (!isOvpn3Error(error_)) throw error_
    })
    await unlessAborted(undone, expired, () => unconfirmedError(signal, what))
    throw error
  }
}

/** The error for a call that creates or removes something and was not answered in time. */
function unconfirmedError(signal: AbortSignal, what: 'profile' | 'session'): Ovpn3Error {
  const {code, message} = reasonOf(signal)
  const service = what === 'session' ? 'session manager' : 'configuration manager'
  return leftBehindError(code, `${message}: the ${service} did not respond;`, what)
}

function leftBehindError(code: ErrorCode, why: string, what: 'profile' | 'session'): Ovpn3Error {
  const list = what === 'session' ? 'ovpn3 sessions-list' : 'openvpn3 configs-list'
  return new Ovpn3Error(code, `${why} a ${what} may be left behind`, {hint: `Run \`${list}\``})
}
