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

/** Milliseconds after an abort within which what was made by then is undone. */
const farewell = 1500
/** Milliseconds from the answer to NewTunnel to the session. It is there before, unless the service is at odds. */
const appearance = 15_000
/** How often a session is asked for: on a busy machine a backend ends now and then before it is there (seen on 24.1). */
const attempts = 2

/**
 * Makes a session that has loaded its profile; see `SessionSource.start`.
 * @returns its path
 */
export async function startSession(
  bus: Bus,
  from: StartFrom,
  options: StartOptions,
  signal: AbortSignal,
): Promise<string> {
  const limits = {over: delayedSignal(signal, farewell), signal}
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

/** Undefined where the session ended by itself. */
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
    if (imported && !isUsed) await forget(profile, limits)
  }
}

/** How long there is for a start. */
interface Limits {
  /** Aborted when nothing is to be started any more. */
  readonly signal: AbortSignal
  /** Aborted when nothing can be undone any more. */
  readonly over: AbortSignal
}

interface UsedProfile {
  readonly profile: ServiceProfile
  /** For this session only. */
  readonly imported: boolean
}

/** The profile to start from. What is to hold for one session only is set in a copy that the session uses up. */
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
  const profile = await making(importing, (late) => late.remove(), 'profile', limits)
  try {
    const all = {...overrides, ...(persistTun && {'persist-tun': true})}
    const setting = Object.entries(all).map(([override, value]) => profile.override(override, value))
    await unlessAborted(Promise.all([...setting, dco && profile.setDco(true)]), signal)
    return {imported: true, profile}
  } catch (error) {
    await forget(profile, limits)
    throw error
  }
}

/** Removes an imported profile that no session has used up. */
async function forget(profile: ServiceProfile, {over}: Limits): Promise<void> {
  try {
    await unlessAborted(profile.remove(), over)
  } catch (error) {
    // used up, or lost with the connection; the configuration manager forgets it when it ends
    if (!isOvpn3Error(error)) throw error
  }
}

/** Undefined where the session ended by itself. */
async function newTunnel(bus: Bus, profile: string, limits: Limits): Promise<string | undefined> {
  const {over, signal} = limits
  const events = new Map<string, 'created' | 'removed'>()
  let came = new AbortController()
  const subscribing = translated(
    bus.subscribe(managerEvent, ({body}) => {
      const [path, type] = body as [string, number, number]
      if (type === 1 || type === 2) events.set(path, type === 1 ? 'created' : 'removed')
      came.abort()
      came = new AbortController()
    }),
  )
  // one that is answered after an abort ends with the connection
  const end = await unlessAborted(subscribing, signal)
  try {
    const path = await making(
      () => askForTunnel(bus, profile),
      (late) => disconnect(bus, late),
      'session',
      limits,
    )
    const deadline = performance.now() + appearance
    // the first word of a session may come after the answer
    while (!events.has(path) && performance.now() < deadline && !signal.aborted)
      await sleep(deadline - performance.now(), came.signal, signal)
    if (events.get(path) === 'created' && !signal.aborted) return path
    await unlessAborted(disconnect(bus, path), over, () => strayError(signal, 'session'))
    if (signal.aborted) throw reasonOf(signal)
    if (events.has(path)) return undefined
    throw failedError(`no session appeared within ${appearance / 1000} s`)
  } finally {
    await unlessAborted(end(), over).catch((error: unknown) => {
      if (!isOvpn3Error(error)) throw error
    })
  }
}

async function askForTunnel(bus: Bus, profile: string): Promise<string> {
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
  const {over, signal} = limits
  const call = {...setCall(sessionInterface, 'dco', 'b', enabled), destination: sessionService, path}
  try {
    await unlessAborted(translated(bus.call(call)), signal)
  } catch (error) {
    await unlessAborted(disconnect(bus, path), over, () => strayError(signal, 'session'))
    throw error
  }
}

/** Ends a session that nobody has got to know. */
async function disconnect(bus: Bus, path: string): Promise<void> {
  try {
    const session = {destination: sessionService, interface: sessionInterface, path}
    await translated(bus.call({...session, member: 'Disconnect'}))
  } catch (error) {
    if (!isGone(error)) throw error
  }
}

/**
 * The value of work that makes something. Where the signal is aborted first, it is undone as soon as it is made; where
 * it is aborted already, nothing is made.
 * @throws Ovpn3Error the signal's reason; where that cannot be seen in time, that it may stay behind
 */
async function making<T>(
  make: () => Promise<T>,
  undo: (made: T) => Promise<void>,
  what: 'profile' | 'session',
  {over, signal}: Limits,
): Promise<T> {
  proceed(signal)
  const work = make()
  try {
    return await unlessAborted(work, signal)
  } catch (error) {
    // the service does its work, however late
    if (!signal.aborted)
      throw hasCode(error, 'timeout') ? mayStay('timeout', `${(error as Ovpn3Error).message}:`, what) : error
    const undone = work.then(undo, (error_: unknown) => {
      // nothing was made
      if (!isOvpn3Error(error_)) throw error_
    })
    await unlessAborted(undone, over, () => strayError(signal, what))
    throw error
  }
}

/** That there was no answer to what makes something, or ends it. */
function strayError(signal: AbortSignal, what: 'profile' | 'session'): Ovpn3Error {
  const {code, message} = reasonOf(signal)
  const service = what === 'session' ? 'session manager' : 'configuration manager'
  return mayStay(code, `${message}: the ${service} did not respond;`, what)
}

function mayStay(code: ErrorCode, why: string, what: 'profile' | 'session'): Ovpn3Error {
  const list = what === 'session' ? 'ovpn3 list' : 'openvpn3 configs-list'
  return new Ovpn3Error(code, `${why} a ${what} may be left behind`, {hint: `Run \`${list}\``})
}
