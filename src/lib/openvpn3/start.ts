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

/** Milliseconds after an abort that are left to remove what was created. */
const undoTime = 1500
/** Milliseconds to wait for the session after NewTunnel has answered. Usually it exists before the answer. */
const appearanceTimeout = 15_000
/** Starts to attempt: on a busy machine a backend sometimes exits before its session is ready (seen on 24.1). */
const maxAttempts = 2

/**
 * Creates a session and has it load its profile; see `SessionSource.start`.
 * @returns its path
 */
export async function startSession(
  bus: Bus,
  from: StartFrom,
  options: StartOptions,
  signal: AbortSignal,
): Promise<string> {
  const limits = {signal, undoSignal: delayedSignal(signal, undoTime)}
  for (let i = 0; i < maxAttempts; i++) {
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
  /** Aborted on timeout or interruption. */
  readonly signal: AbortSignal
  /** Aborted when the time to undo is over. */
  readonly undoSignal: AbortSignal
}

interface UsedProfile {
  readonly profile: ServiceProfile
  /** Imported for this session only. */
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
  const create = () => ServiceProfile.import(bus, name, content)
  const profile = await createOrUndo(create, (late) => late.remove(), 'profile', limits)
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

/** Removes an imported profile that no session has loaded. */
async function removeUnused(profile: ServiceProfile, {undoSignal}: Limits): Promise<void> {
  try {
    await unlessAborted(profile.remove(), undoSignal)
  } catch (error) {
    // a session has loaded it, or the connection is lost; the configuration manager drops it when it exits
    if (!isOvpn3Error(error)) throw error
  }
}

/** Undefined if the session ended by itself. */
async function newTunnel(bus: Bus, profile: string, limits: Limits): Promise<string | undefined> {
  const {signal, undoSignal} = limits
  const events = new Map<string, 'created' | 'removed'>()
  let nextEvent = new AbortController()
  const subscribing = translated(
    bus.subscribe(managerEvent, ({body}) => {
      const [path, type] = body as [string, number, number]
      if (type === 1 || type === 2) events.set(path, type === 1 ? 'created' : 'removed')
      nextEvent.abort()
      nextEvent = new AbortController()
    }),
  )
  // a subscription that is confirmed after an abort ends with the connection
  const end = await unlessAborted(subscribing, signal)
  try {
    const path = await createOrUndo(
      () => callNewTunnel(bus, profile),
      (late) => disconnect(bus, late),
      'session',
      limits,
    )
    const deadline = performance.now() + appearanceTimeout
    // the signal for the new session may arrive after the answer
    while (!events.has(path) && performance.now() < deadline && !signal.aborted)
      await sleep(deadline - performance.now(), nextEvent.signal, signal)
    if (events.get(path) === 'created' && !signal.aborted) return path
    await unlessAborted(disconnect(bus, path), undoSignal, () => leftoverError(signal, 'session'))
    if (signal.aborted) throw reasonOf(signal)
    if (events.has(path)) return undefined
    throw failedError(`no session appeared within ${appearanceTimeout / 1000} s`)
  } finally {
    await unlessAborted(end(), undoSignal).catch((error: unknown) => {
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
      throw new Ovpn3Error('session-running', 'a session of this profile already exists', {
        cause: error,
        hint: 'Run `ovpn3 list`',
      })
    throw toOvpn3Error(error)
  }
}

async function setDco(bus: Bus, path: string, enabled: boolean, limits: Limits): Promise<void> {
  const {signal, undoSignal} = limits
  const call = {...setCall(sessionInterface, 'dco', 'b', enabled), destination: sessionService, path}
  try {
    await unlessAborted(translated(bus.call(call)), signal)
  } catch (error) {
    await unlessAborted(disconnect(bus, path), undoSignal, () => leftoverError(signal, 'session'))
    throw error
  }
}

/** Disconnects a session that the caller has not received. */
async function disconnect(bus: Bus, path: string): Promise<void> {
  try {
    const session = {destination: sessionService, interface: sessionInterface, path}
    await translated(bus.call({...session, member: 'Disconnect'}))
  } catch (error) {
    if (!isGone(error)) throw error
  }
}

/**
 * Creates something. If the signal is aborted during the creation, the result is undone when it arrives; if the signal
 * was already aborted, nothing is created.
 * @throws Ovpn3Error the reason of the signal; if undoing is not confirmed in time, that something may be left behind
 */
async function createOrUndo<T>(
  create: () => Promise<T>,
  undo: (created: T) => Promise<void>,
  kind: 'profile' | 'session',
  {signal, undoSignal}: Limits,
): Promise<T> {
  proceed(signal)
  const creating = create()
  try {
    return await unlessAborted(creating, signal)
  } catch (error) {
    // a call that times out still takes effect when the service gets to it
    if (!signal.aborted)
      throw hasCode(error, 'timeout') ? leftBehind('timeout', `${(error as Ovpn3Error).message}:`, kind) : error
    const undone = creating.then(undo, (error_: unknown) => {
      // nothing was created
      if (!isOvpn3Error(error_)) throw error_
    })
    await unlessAborted(undone, undoSignal, () => leftoverError(signal, kind))
    throw error
  }
}

/** The error of an abort after which the service did not confirm the removal. */
function leftoverError(signal: AbortSignal, kind: 'profile' | 'session'): Ovpn3Error {
  const {code, message} = reasonOf(signal)
  const service = kind === 'session' ? 'session manager' : 'configuration manager'
  return leftBehind(code, `${message}: the ${service} did not respond;`, kind)
}

function leftBehind(code: ErrorCode, why: string, kind: 'profile' | 'session'): Ovpn3Error {
  const list = kind === 'session' ? 'ovpn3 list' : 'openvpn3 configs-list'
  return new Ovpn3Error(code, `${why} a ${kind} may be left behind`, {hint: `Run \`${list}\``})
}
