import {count, type InputRequest, type Interaction, labelOf, safeText, type Session, type Wait} from '@ovpn3/sessions'

import {runTasks} from './tasks'
import {ask, isInteractive} from './terminal'

/** What the user of a connection attempt is reached by. */
export interface InteractionOptions {
  /** Shows no progress. */
  readonly quiet: boolean
  /** Aborted when the user wants the command to end. */
  readonly signal: AbortSignal
  /** A line for the user. */
  notice(text: string): void
  /** Opens a URL that has been printed, where that is possible. */
  openUrl(url: string): void
}

/** Talks to the user of a connection attempt: on a terminal, or by lines of standard input. */
export function interaction({notice, openUrl, quiet, signal}: InteractionOptions): Interaction {
  return {
    answer(session: Session, requests: readonly InputRequest[]) {
      notice(`${labelOf(session)} needs input:`)
      return ask(
        requests.map(({description, hidden, name}) => ({hidden, text: description || name})),
        signal,
      )
    },
    interactive: isInteractive(),
    openUrl(session: Session, url: string) {
      notice(`${labelOf(session)} needs web authentication. Open this page:\n  ${safeText(url)}`)
      openUrl(url)
    },
    watch: <T>(waits: readonly Wait<T>[]) =>
      runTasks(waits, {quiet, title: `Connecting ${count(waits.length, 'session')}`}),
  }
}
