import type {Interfaces} from '@oclif/core'
import type {Writable} from 'node:stream'

import {
  type Asking,
  count,
  type InputRequest,
  type Interaction,
  keyOf,
  safeText,
  type Session,
  type Task,
} from '@ovpn3/sessions'

import type {Selected} from './select'

import {urlLines} from './classic'
import {requireConsent} from './consent'
import {Answers, type Credentials} from './credentials'
import {openInBrowser} from './desktop'
import {ask, isInteractive, type Screen} from './terminal'

/** How to reach the user of a connection attempt. */
export interface InteractionOptions {
  /** Finds the plugins that can provide input. */
  readonly config: Interfaces.Config
  /** The result of `readCredentials`. */
  readonly credentials?: Credentials
  /** Receives prompts and URLs without a terminal, for programs that wait for them; undefined to print none. */
  readonly prompts?: Writable
  readonly screen: Screen
  /** The sessions to connect. */
  readonly selected: readonly Selected[]
  /** Called before something is printed about a session. */
  begin(session: Session): void
  /** Prints a line for the user: which session needs what. */
  notice(text: string): void
}

/**
 * Provides the input that a connection attempt needs: from the given credentials, then from systemd, then from plugins,
 * then from the user on a terminal or from lines of standard input.
 */
export function interaction(options: InteractionOptions): Interaction {
  const {begin, config, credentials, notice, prompts, screen, selected} = options
  const bySession = new Map(selected.map((each) => [each.session, each]))
  const consented = new Set<Session>()
  const answers = new Answers({config, credentials, notice: (text) => screen.notice(text)})
  const interactive = isInteractive()
  return {
    async answer(session: Session, requests: readonly InputRequest[], asking: Asking) {
      const {claim, deadline} = asking
      const target = bySession.get(session)!
      // the deadline does not run while the user is asked
      const askUser = <T>(question: () => Promise<T>) =>
        interactive ? deadline.pause(() => screen.ask(question)) : question()
      if (!consented.has(session)) await askUser(() => requireConsent(target, deadline.signal))
      consented.add(session)
      const found = await answers.find(session, requests, asking)
      const open = requests.filter(({name}) => !found.has(name))
      if (!interactive && open.length > 0 && !claim()) throw answers.missing(session, open, ...oneSessionOnly)
      const typed: string[] = []
      if (open.length > 0 && !credentials?.usedStdin) {
        begin(session)
        notice(`${target.label} needs input:`)
        const questions = open.map(({description, hidden, name}) => ({hidden, text: description || name}))
        typed.push(...(await askUser(() => ask(questions, deadline.signal, {prompts}))))
      }

      const missing = open.slice(typed.length)
      if (missing.length > 0) throw answers.missing(session, missing, ...noAnswers)
      return requests.map((request) => found.get(request.name) ?? typed[open.indexOf(request)]!)
    },
    labelOf: (session) => bySession.get(session)!.label,
    oneOnly: !interactive || credentials !== undefined,
    openUrl(session: Session, url: string) {
      const {label, ownership} = bySession.get(session)!
      begin(session)
      notice(`${label} needs web authentication. Open this page:\n  ${safeText(url)}`)
      prompts?.write(`${urlLines(safeText(url)).join('\n')}\n`)
      // on another user's session, the page would authenticate this user for that session
      if (ownership === 'own') openInBrowser(url)
    },
    watch<T>(tasks: readonly Task<T>[]) {
      const shown = new Set(tasks.map(({key}) => key))
      for (const {session} of selected) if (shown.has(keyOf(session))) begin(session)
      return screen.runTasks(`Connecting ${count(tasks.length, 'session')}`, tasks)
    },
  }
}

/** The reason and the hint for questions without an answer. */
const noAnswers = [
  'input is missing',
  'Pass --credentials FILE, send one line for each to standard input, or run the command on a terminal',
] as const
const oneSessionOnly = [
  'input is missing: standard input and --credentials can answer for one session only',
  'Select one session, or run the command on a terminal',
] as const
