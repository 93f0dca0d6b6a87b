import type {Interfaces} from '@oclif/core'

import {type Asking, configOf, type InputRequest, keyOf, Ovpn3Error, safeText, type Session} from '@ovpn3/sessions'

import {askPlugins} from '../hook'
import {type Credentials, readSystemCredentials} from './file'
import {type Values} from './parse'

/** The answers of a source, and its name for errors. */
interface Answer {
  readonly from: string
  readonly values: Values
}

type Source = (session: Session, open: readonly InputRequest[], asking: Asking) => Promise<readonly Answer[]>

export interface AnswersOptions {
  readonly config: Interfaces.Config
  readonly credentials?: Credentials
  /** Prints a line for the user: a plugin failed. */
  notice(text: string): void
}

/**
 * Answers the service's questions without the user: from the given credentials, then from systemd, then from plugins.
 * Each source is asked only for what is still open, and answers each question of a session once: a repeated question
 * means that the answer was wrong, and sending it again could lock the account.
 */
export class Answers {
  readonly #sources: readonly Source[]
  /** By session and input name: the sources that have answered, with the origin of their answers. */
  readonly #used = new Map<string, Map<Source, string>>()

  constructor({config, credentials, notice}: AnswersOptions) {
    this.#sources = [
      // claimed, because they are for one session only
      async (_, open, {claim}) =>
        credentials && open.some(({name}) => credentials.values.has(name)) && claim() ? [credentials] : [],
      async (session, _, {deadline}) => {
        const {host} = session.source
        const found = await readSystemCredentials(configOf(session) ?? '', host, deadline.signal)
        return found ? [found] : []
      },
      async (session, open, {deadline}) => {
        const {id, path, source} = session
        const about = {config: configOf(session), id, path, source: source.name}
        const requests = open.map(({description, hidden, name}) => ({description, hidden, name}))
        return askPlugins(config, {requests, session: about, signal: deadline.signal}, notice)
      },
    ]
  }

  /** The available answers by name. @throws Ovpn3Error if a source is unusable, or on timeout */
  async find(session: Session, requests: readonly InputRequest[], asking: Asking): Promise<Map<string, string>> {
    const found = new Map<string, string>()
    for (const source of this.#sources) {
      const open = requests.filter(({name}) => !found.has(name) && !this.#usedFor(session, name).has(source))
      if (open.length === 0) continue
      const answers = await source(session, open, asking)
      for (const {name} of open) {
        const answer = answers.find(({values}) => values.has(name))
        if (!answer) continue
        found.set(name, answer.values.get(name)!)
        this.#usedFor(session, name).set(source, answer.from)
      }
    }

    return found
  }

  /** The error for unanswered questions. @param why the reason @param hint what to do */
  missing(session: Session, requests: readonly InputRequest[], why: string, hint: string): Ovpn3Error {
    const names = requests.map(({description, name}) => {
      const used = [...this.#usedFor(session, name).values()]
      const before = used.length > 0 ? `; already answered from ${used.join(', ')}` : ''
      return safeText(description ? `${description} (${name}${before})` : `${name}${before}`)
    })
    return new Ovpn3Error('input-missing', `${why}: ${names.join(', ')}`, {hint})
  }

  #usedFor(session: Session, name: string): Map<Source, string> {
    const key = `${keyOf(session)} ${name}`
    const used = this.#used.get(key) ?? new Map<Source, string>()
    this.#used.set(key, used)
    return used
  }
}
