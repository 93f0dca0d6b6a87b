import type {Interfaces} from '@oclif/core'

import {
  asOvpn3Error,
  isOvpn3Error,
  ofHosts,
  Ovpn3Error,
  type SessionRef,
  type SessionSource,
  type SourceFailure,
  Sources,
  unlessAborted,
} from '@ovpn3/sessions'

import {failureText} from './report'

/** The options of the `session-resolver` hook. */
export interface ResolverOptions {
  /** The hosts given with --host: answer with the sources of these, and with those of this machine if there are none. */
  readonly hosts: readonly string[]
  /** Seconds within which a host must answer. */
  readonly connectTimeout: number
  /** Asks the user a question of ssh; left out: the user cannot be asked. */
  readonly asker?: {
    /** @param signal aborted when the answer is no longer needed */
    ask(question: {readonly hidden: boolean; readonly text: string}, signal: AbortSignal): Promise<string>
    /** Prints a line for the user. */
    notice(text: string): void
  }
  /**
   * Call this when an answer is delayed: once for each session whose backend is not responding, or without a session if
   * the cause is unknown.
   * @param host the machine, if it is not this one
   */
  readonly onStall: (session?: SessionRef & {readonly id: string}, host?: string) => void
}

/** The options of the `session-input` hook. */
interface InputOptions {
  /** The open questions. Their names are the keys of the answers. */
  readonly requests: readonly {
    readonly name: string
    /** The text of the question, partly from the VPN server. */
    readonly description: string
    /** The answer must not be echoed. */
    readonly hidden: boolean
  }[]
  readonly session: {
    /** The name of the profile; null if unknown. */
    readonly config: string | null
    readonly id: string
    readonly path: string
    /** The name of the session's source. */
    readonly source: string
  }
  /** Aborted when the answers are no longer needed. */
  readonly signal: AbortSignal
}

declare module '@oclif/core/interfaces' {
  interface Hooks {
    'session-input': {
      options: InputOptions
      /** Values by name; undefined if this plugin has none. */
      return: Readonly<Record<string, string>> | undefined
    }
    'session-resolver': {
      options: ResolverOptions
      /** Undefined if this plugin has no source of sessions now. */
      return: readonly SessionSource[] | SessionSource | undefined
    }
  }
}

/** The type of a `session-resolver` hook. */
export type SessionResolver = Interfaces.Hook<'session-resolver'>

/** The type of a `session-input` hook. */
export type SessionInput = Interfaces.Hook<'session-input'>

/** Milliseconds within which a `session-resolver` hook must return. */
const resolverLimit = 10_000

/** All sources of sessions, from the `session-resolver` hooks of all plugins. */
export async function sourcesOf(config: Interfaces.Config, options: ResolverOptions): Promise<Sources> {
  const {failures, successes} = await config.runHook('session-resolver', options, resolverLimit)
  // the CLI's own source comes first: of two sources with the same name, the first is used
  successes.sort((a, b) => Number(b.plugin.name === config.name) - Number(a.plugin.name === config.name))
  // oclif collects the errors of hooks and continues
  const failed: SourceFailure[] = failures.map(({error, plugin}) => ({
    error: timedOut(error) ?? asOvpn3Error(error),
    source: plugin.name,
  }))
  const sources = new Map<string, SessionSource>()
  for (const {plugin, result} of successes)
    for (const source of ofHosts([result ?? []].flat(), options.hosts)) {
      if (sources.has(source.name)) failed.push({error: nameInUse(source), source: plugin.name})
      else sources.set(source.name, source)
    }

  return new Sources([...sources.values()], failed)
}

const nameInUse = ({name}: SessionSource) => new Ovpn3Error('failed', `another source has the name "${name}"`)

/** The error of oclif for a hook that did not return in time. */
function timedOut({message}: Error): Ovpn3Error | undefined {
  if (message !== `Timed out after ${resolverLimit} ms.`) return undefined
  return new Ovpn3Error('timeout', `its session-resolver did not return within ${resolverLimit / 1000} s`)
}

/**
 * The answers of plugins to the questions of a session.
 * @param notice prints the error of a plugin. The text of a foreign error is omitted, because it may contain an answer
 * @throws Ovpn3Error the reason of the signal if it is aborted first
 */
export async function askPlugins(
  config: Interfaces.Config,
  options: InputOptions,
  notice: (text: string) => void,
): Promise<{readonly from: string; readonly values: ReadonlyMap<string, string>}[]> {
  const asked = config.runHook('session-input', options, undefined, true)
  const {failures, successes} = await unlessAborted(asked, options.signal)
  const report = (error: Ovpn3Error, source: string) => notice(failureText({error, source}))
  for (const {error, plugin} of failures) report(withoutText(error), plugin.name)
  return successes.flatMap(({plugin, result}) => {
    if (result === undefined) return []
    if (isAnswer(result)) return {from: plugin.name, values: new Map(Object.entries(result))}
    report(new Ovpn3Error('failed', 'its answer to session-input is not an object of strings'), plugin.name)
    return []
  })
}

function withoutText(error: Error & {readonly code?: unknown}): Ovpn3Error {
  if (isOvpn3Error(error)) return error
  const code = error.code === undefined ? '' : ` ${String(error.code)}`
  return new Ovpn3Error('failed', `session-input failed: ${error.name}${code}`)
}

const isAnswer = (result: unknown): boolean =>
  typeof result === 'object' &&
  result !== null &&
  // the bus closes the connection on a NUL character
  Object.values(result).every((value) => typeof value === 'string' && !value.includes('\0'))
