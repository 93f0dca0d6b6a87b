import type {Writable} from 'node:stream'

import {count, type InputRequest, type Interaction, keyOf, safeText, type Session, type Task} from '@ovpn3/sessions'

import type {Selected} from './select'

import {urlLines} from './classic'
import {consentToAnswer} from './consent'
import {openInBrowser} from './desktop'
import {ask, isInteractive, type Screen} from './terminal'

/** What the user of a connection attempt is reached by. */
export interface InteractionOptions {
  /** Where the prompts and addresses go that nobody types at: programs may look for them. Without it they are not printed. */
  readonly prompts?: Writable
  readonly screen: Screen
  /** The sessions to connect. */
  readonly selected: readonly Selected[]
  /** Aborted when the user wants the command to end. */
  readonly signal: AbortSignal
  /** Something is about to be said about a session. */
  begin(session: Session): void
  /** A line for the user: who asks, and what for. */
  notice(text: string): void
}

/** Talks to the user of a connection attempt: on a terminal, or by lines of standard input. */
export function interaction(options: InteractionOptions): Interaction {
  const {begin, notice, prompts, screen, selected, signal} = options
  const known = new Map(selected.map((each) => [each.session, each]))
  const agreed = new Set<Session>()
  return {
    async answer(session: Session, requests: readonly InputRequest[]) {
      const each = known.get(session)!
      if (!agreed.has(session)) await screen.ask(() => consentToAnswer(each, signal))
      agreed.add(session)
      begin(session)
      notice(`${each.label} needs input:`)
      const questions = requests.map(({description, hidden, name}) => ({hidden, text: description || name}))
      return screen.ask(() => ask(questions, signal, {prompts}))
    },
    interactive: isInteractive(),
    openUrl(session: Session, url: string) {
      const {label, ownership} = known.get(session)!
      begin(session)
      notice(`${label} needs web authentication. Open this page:\n  ${safeText(url)}`)
      prompts?.write(`${urlLines(safeText(url)).join('\n')}\n`)
      // another user's account is what the page would be logged in for
      if (ownership === 'own') openInBrowser(url)
    },
    watch<T>(waits: readonly Task<T>[]) {
      const waiting = new Set(waits.map(({key}) => key))
      for (const {session} of selected) if (waiting.has(keyOf(session))) begin(session)
      return screen.runTasks(`Connecting ${count(waits.length, 'session')}`, waits)
    },
  }
}
