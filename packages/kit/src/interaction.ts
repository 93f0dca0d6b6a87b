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

import {consentToAnswer} from './consent'
import {Answers, type Credentials} from './credentials'
import {openInBrowser} from './desktop'
import {ask, isInteractive, type Screen} from './terminal'

/** What the user of a connection attempt is reached by. */
export interface InteractionOptions {
  /** For the plugins that answer. */
  readonly config: Interfaces.Config
  /** What `readCredentials` has read. */
  readonly credentials?: Credentials
  /** Where the prompts go that nobody types at: programs may look for them. Without it they are not printed. */
  readonly prompts?: Writable
  readonly screen: Screen
  /** The sessions to connect. */
  readonly selected: readonly Selected[]
  /** Something is about to be said about a session. */
  begin(session: Session): void
  /** A line for the user: who asks, and what for. */
  notice(text: string): void
}

/**
 * Talks to the user of a connection attempt. What a session needs is answered from the credentials given, else from
 * systemd's, else by plugins, else by a person on a terminal or by lines of standard input.
 */
export function interaction(options: InteractionOptions): Interaction {
  const {begin, config, credentials, notice, prompts, screen, selected} = options
  const known = new Map(selected.map((each) => [each.session, each]))
  const agreed = new Set<Session>()
  const answers = new Answers({config, credentials, notice: (text) => screen.notice(text)})
  const interactive = isInteractive()
  return {
    async answer(session: Session, requests: readonly InputRequest[], asking: Asking) {
      const {claim, deadline} = asking
      const each = known.get(session)!
      // the time of a person does not count
      const person = <T>(question: () => Promise<T>) =>
        interactive ? deadline.pause(() => screen.ask(question)) : question()
      if (!agreed.has(session)) await person(() => consentToAnswer(each, deadline.signal))
      agreed.add(session)
      const found = await answers.find(session, requests, asking)
      const open = requests.filter(({name}) => !found.has(name))
      if (!interactive && open.length > 0 && !claim()) throw answers.missing(session, open, ...oneOnly)
      const typed: string[] = []
      if (open.length > 0 && !credentials?.usedStdin) {
        begin(session)
        notice(`${each.label} needs input:`)
        const questions = open.map(({description, hidden, name}) => ({hidden, text: description || name}))
        typed.push(...(await person(() => ask(questions, deadline.signal, {prompts}))))
      }

      const missing = open.slice(typed.length)
      if (missing.length > 0) throw answers.missing(session, missing, ...noMore)
      return requests.map((request) => found.get(request.name) ?? typed[open.indexOf(request)]!)
    },
    oneOnly: !interactive || credentials !== undefined,
    openUrl(session: Session, url: string) {
      const {label, ownership} = known.get(session)!
      begin(session)
      notice(`${label} needs web authentication. Open this page:\n  ${safeText(url)}`)
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

/** Why there are no answers, and what to do. */
const noMore = [
  'input is missing',
  'Answer on a terminal, send one line for each to standard input, or name a file with --credentials',
] as const
const oneOnly = [
  'input is needed, and standard input and --credentials answer for one session only',
  'Name one session with --path or --config, or answer on a terminal',
] as const
