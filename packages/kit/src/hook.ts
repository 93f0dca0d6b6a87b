import type {Interfaces} from '@oclif/core'

import {
  asOvpn3Error,
  isOvpn3Error,
  Ovpn3Error,
  type SessionRef,
  type SessionSource,
  Sources,
  unlessAborted,
} from '@ovpn3/sessions'

import {failureText} from './report'

/** What the `session-resolver` hook is given. */
export interface ResolverOptions {
  /**
   * To be called when an answer is held up, once for each session that is waited for; without one where it is not known
   * whose fault it is.
   */
  readonly onStall: (session?: SessionRef & {readonly id: string}) => void
}

/** What the `session-input` hook is given. */
interface InputOptions {
  /** The questions that are open; answers go by their names. */
  readonly requests: readonly {
    readonly name: string
    /** The text to ask with, in part from the VPN server. */
    readonly description: string
    /** What is typed must not be shown. */
    readonly hidden: boolean
  }[]
  readonly session: {
    /** The name of the profile, where it is known. */
    readonly config: string | null
    readonly id: string
    readonly path: string
    /** The name of the session's source. */
    readonly source: string
  }
  /** Aborted when nobody waits for the answers any more. */
  readonly signal: AbortSignal
}

declare module '@oclif/core/interfaces' {
  interface Hooks {
    'session-input': {
      options: InputOptions
      /** Values by name; undefined: this plugin has none. */
      return: Readonly<Record<string, string>> | undefined
    }
    'session-resolver': {
      options: ResolverOptions
      /** Undefined: this plugin has no sessions at the moment. */
      return: readonly SessionSource[] | SessionSource | undefined
    }
  }
}

/** The type of a `session-resolver` hook. */
export type SessionResolver = Interfaces.Hook<'session-resolver'>

/** The type of a `session-input` hook. */
export type SessionInput = Interfaces.Hook<'session-input'>

/** All sources of sessions: what the plugins answer that have the hook `session-resolver`. */
export async function sourcesOf(config: Interfaces.Config, options: ResolverOptions): Promise<Sources> {
  const {failures, successes} = await config.runHook('session-resolver', options)
  // the CLI's own comes first: of two sources of one name, the first counts
  successes.sort((a, b) => Number(b.plugin.name === config.name) - Number(a.plugin.name === config.name))
  return new Sources(
    successes.flatMap(({result}) => result ?? []),
    // oclif collects what a hook throws and goes on as if nothing had happened
    failures.map(({error, plugin}) => ({
      error: asOvpn3Error(error),
      source: plugin.name,
    })),
  )
}

/**
 * What plugins answer to the questions of a session, with their names.
 * @param notice tells of a plugin that failed. Other errors than ours may quote an answer: their text is not told
 * @throws Ovpn3Error the signal's reason, where it is aborted first
 */
export async function askPlugins(
  config: Interfaces.Config,
  options: InputOptions,
  notice: (text: string) => void,
): Promise<{readonly from: string; readonly values: ReadonlyMap<string, string>}[]> {
  const asked = config.runHook('session-input', options, undefined, true)
  const {failures, successes} = await unlessAborted(asked, options.signal)
  const tell = (error: Ovpn3Error, source: string) => notice(failureText({error, source}))
  for (const {error, plugin} of failures) tell(withoutText(error), plugin.name)
  return successes.flatMap(({plugin, result}) => {
    if (result === undefined) return []
    if (isAnswer(result)) return {from: plugin.name, values: new Map(Object.entries(result))}
    tell(new Ovpn3Error('failed', 'its answer to session-input is not an object of strings'), plugin.name)
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
  // the bus would close the connection for a NUL
  Object.values(result).every((value) => typeof value === 'string' && !value.includes('\0'))
