import type {Interfaces} from '@oclif/core'

import {knownError, type SessionRef, type SessionSource, Sources} from '@ovpn3/sessions'

/** What the `session-resolver` hook is given. */
export interface ResolverOptions {
  /**
   * To be called when an answer is held up, once for each session that is waited for; without one where it is not known
   * whose fault it is.
   */
  readonly onStall: (session?: SessionRef & {readonly id: string}) => void
}

declare module '@oclif/core/interfaces' {
  interface Hooks {
    'session-resolver': {
      options: ResolverOptions
      /** Undefined: this plugin has no sessions at the moment. */
      return: readonly SessionSource[] | SessionSource | undefined
    }
  }
}

/** The type of a `session-resolver` hook. */
export type SessionResolver = Interfaces.Hook<'session-resolver'>

/** All sources of sessions: what the plugins answer that have the hook `session-resolver`. */
export async function sourcesOf(config: Interfaces.Config, options: ResolverOptions): Promise<Sources> {
  const {failures, successes} = await config.runHook('session-resolver', options)
  // the CLI's own comes first: of two sources of one name, the first counts
  successes.sort((a, b) => Number(b.plugin.name === config.name) - Number(a.plugin.name === config.name))
  return new Sources(
    successes.flatMap(({result}) => result ?? []),
    // oclif collects what a hook throws and goes on as if nothing had happened
    failures.map(({error, plugin}) => ({
      error: knownError(error),
      source: plugin.name,
    })),
  )
}
