import type {Interfaces} from '@oclif/core'

import {Ovpn3Error, type PropertyName, type ResolvedSessions, type Selector, type Session} from '@ovpn3/sessions'

/** What a command asks the `session-resolver` hook. */
export interface ResolverRequest {
  readonly selector: Selector
  /** Properties that the command needs: they come as each session's `snapshot`, so that nothing is read twice. */
  readonly read: readonly PropertyName[]
  /** Find profile names without looking at the sessions: for those that vanish when they are looked at. */
  readonly configNames?: boolean
  /** Aborted when nobody wants the answer any more. */
  readonly signal?: AbortSignal
  /**
   * To be called when the answer is held up, once for each session that is waited for; without one where it is not
   * known whose fault it is.
   */
  readonly onStall: (session?: {readonly id: string; readonly path: string}) => void
}

declare module '@oclif/core/interfaces' {
  interface Hooks {
    'session-resolver': {
      options: {request: ResolverRequest}
      /** Undefined: nothing to say to this request. */
      return: ResolvedSessions | undefined
    }
  }
}

/** The type of a `session-resolver` hook. */
export type SessionResolver = Interfaces.Hook<'session-resolver'>

/** What all plugins together know. */
export interface FoundSessions extends Omit<ResolvedSessions, 'me'> {
  /** The caller's uid, as the plugin that a session comes from knows it. */
  readonly meOf: (session: Session) => number
}

/**
 * Asks every plugin that answers `session-resolver` and joins what they know.
 * @throws Ovpn3Error where no plugin answers, or the error of the first that failed
 */
export async function resolveSessions(config: Interfaces.Config, request: ResolverRequest): Promise<FoundSessions> {
  const {failures, successes} = await config.runHook('session-resolver', {request})
  const answers = successes.flatMap(({result}) => result ?? [])
  const close = async () => {
    await Promise.all(answers.map((answer) => answer.close()))
  }

  // oclif collects what a hook throws and goes on as if nothing had happened
  if (failures[0]) {
    await close()
    throw failures[0].error
  }

  if (answers.length === 0)
    throw new Ovpn3Error('service-unavailable', 'nothing here can look up sessions', {
      hint: 'No installed plugin has a session-resolver hook; the CLI ovpn3 has one',
    })
  const users = new WeakMap<Session, number>()
  const from = <T extends Session>(me: number, sessions: readonly T[]) => {
    for (const session of sessions) users.set(session, me)
    return sessions
  }

  return {
    close,
    async list() {
      const lists = await Promise.all(answers.map(async (answer) => from(answer.me, await answer.list())))
      return lists.flat()
    },
    meOf: (session) => users.get(session)!,
    sessions: answers.flatMap(({me, sessions}) => from(me, sessions)),
    async watch(listener) {
      const ends = await Promise.all(
        answers.map((answer) =>
          answer.watch((event) => {
            if (event.type === 'created') from(answer.me, [event.session])
            listener(event)
          }),
        ),
      )
      return async () => {
        await Promise.all(ends.map((end) => end()))
      }
    },
  }
}
