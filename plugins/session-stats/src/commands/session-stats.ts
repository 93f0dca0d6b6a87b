import * as Flags from '@oclif/core/flags'
import {
  allFlag,
  colorsOf,
  type Completion,
  counterLines,
  type FoundSessions,
  liveView,
  onReaderGone,
  type Selected,
  selectorFlags,
  selectorOf,
  statisticsText,
  WatchCommand,
} from '@ovpn3/kit'
import {
  aboutSession,
  configOf,
  errorJson,
  type ErrorJson,
  exitStatusOf,
  failOnOutage,
  hasCode,
  labelOf,
  Ovpn3Error,
  type PropertyName,
  safeText,
  type Session,
} from '@ovpn3/sessions'

import type {Counters} from '../rates'

import {defaultInterval, planOf} from '../plan'
import {exposition, prometheusProperties} from '../prometheus'
import {Board, sampleLine} from '../view'
import {type Observation, watch} from '../watch'

/** One of `--all` sessions as `--json` shows it. */
interface StatisticsJson {
  readonly path: string
  readonly id: string
  readonly config: string | null
  readonly statistics: Counters | null
  readonly error?: ErrorJson
}

interface Chosen {
  readonly resolved: FoundSessions
  readonly selected: readonly Selected[]
  /** One session was meant, not all of them. */
  readonly single: boolean
}

export default class SessionStats extends WatchCommand<typeof SessionStats> {
  static override summary = 'Show the statistics of VPN sessions: counters, rates, metrics.'
  static override description = `Select a session, or all of them. On a terminal the session can be picked from a list.

A counter that is 0 is left out; a session without any shows nothing, or null with --json. BYTES and PACKETS are what goes between this machine and the VPN server; TUN counters are what goes through the tun device: IN is read from it and on its way to the server, OUT came from the server.

--watch ends on Ctrl-C, or with exit status 0 when the session is gone. With --json it prints one JSON document a line.`
  static override examples = [
    {
      command: '<%= config.bin %> <%= command.id %> --config office',
      description: 'Show the counters of the session of a profile',
    },
    {
      command: '<%= config.bin %> <%= command.id %> --all --json',
      description: 'Those of every session, for a script',
    },
    {
      command: '<%= config.bin %> <%= command.id %> --interface tun0 --watch',
      description: 'Watch how fast data goes in and out',
    },
    {
      command: '<%= config.bin %> <%= command.id %> --all --watch=0.5',
      description: 'The same for every session, twice a second',
    },
    {
      command: '<%= config.bin %> <%= command.id %> --format=prometheus',
      description: 'Metrics of every session, for Prometheus',
    },
  ]
  static override completion: Completion = {format: {excludes: {prometheus: ['watch']}}}
  static override optionalValues = {watch: defaultInterval}
  static override flags = {
    ...selectorFlags,
    ...allFlag,
    watch: Flags.string({
      helpValue: 'SECONDS',
      summary: `Show rates, again and again, every ${defaultInterval} seconds or as often as =SECONDS says.`,
    }),
    format: Flags.string({
      exclusive: ['json'],
      helpGroup: 'OUTPUT',
      options: ['text', 'prometheus'],
      summary: 'Print text, or metrics for Prometheus, of every session unless one is selected.',
    }),
  }
  /** Where `--watch` draws, on a terminal. */
  #board: Board | undefined
  #redraw = () => {}

  protected async execute(): Promise<void> {
    const plan = planOf(this.flags)
    switch (plan.kind) {
      case 'prometheus':
        await this.#prometheus()
        break
      case 'show': {
        const {selected, single} = await this.#choose(['statistics'], ['statistics', 'config_name'])
        if (single) this.#showOne(selected[0]!)
        else this.#showAll(selected)
        break
      }

      case 'watch':
        await this.#watch(plan.interval)
        break
    }
  }

  /** What is drawn again and again must not be written into. */
  protected override notice(text: string): void {
    if (!this.#board) {
      super.notice(text)
      return
    }

    this.#board.message = text
    this.#redraw()
  }

  /**
   * The sessions that are meant, looked at.
   * @param read what to look at where one session is meant
   * @param readAll and where all of them are
   */
  async #choose(read: readonly PropertyName[], readAll: readonly PropertyName[], otherwise?: 'all'): Promise<Chosen> {
    if (this.flags.all || (otherwise && !selectorOf(this.flags))) {
      const {resolved, selected} = await this.selectMany({read: readAll})
      return {resolved, selected: [...selected].sort((a, b) => a.label.localeCompare(b.label)), single: false}
    }

    const one = await this.selectOne({hint: 'Or all of them with --all', question: 'Which session to look at?', read})
    return {resolved: one.resolved, selected: [one], single: true}
  }

  #showOne(selected: Selected): void {
    const counters = countersOf(selected)
    if (this.jsonEnabled()) {
      this.logJson(isEmpty(counters) ? null : counters)
      return
    }

    const text = statisticsText(counters)
    if (text) this.log(`${text}\n`)
  }

  #showAll(selected: readonly Selected[]): void {
    const sessions = selected.map(({session}) => session)
    failOnOutage(sessions)
    const results = sessions.map((session) => resultOf(session))
    process.exitCode = exitStatusOf(results)
    if (this.jsonEnabled()) {
      this.logJson({sessions: results})
      return
    }

    if (sessions.length === 0) this.log('There are no sessions.')
    const {bold, dim} = colorsOf(process.stdout)
    let first = true
    for (const [i, {error, statistics}] of results.entries()) {
      const {label} = selected[i]!
      if (error) {
        this.#failure(label, error)
        continue
      }

      if (!first) this.log()
      first = false
      this.log(
        statistics ? [`${bold(label)}:`, ...counterLines(statistics)].join('\n') : dim(`${label}: no counters yet`),
      )
    }
  }

  async #prometheus(): Promise<void> {
    const {selected, single} = await this.#choose(prometheusProperties, prometheusProperties, 'all')
    if (single) countersOf(selected[0]!)
    const sessions = selected.map(({session}) => session)
    failOnOutage(sessions)
    for (const {label, session} of selected) {
      const {error} = resultOf(session)
      if (error) this.#failure(label, error)
    }

    process.stdout.write(exposition(sessions))
  }

  async #watch(interval: number): Promise<void> {
    const {resolved, selected, single} = await this.#choose(['config_name'], ['config_name'])
    const sessions = selected.map(({session}) => session)
    const labels = new Map(selected.map(({label, session}) => [session, label]))
    // those that come up meanwhile are the caller's own
    const nameOf = (session: Session) => labels.get(session) ?? labelOf(session)
    const lost = sessions.flatMap((session) => lostBefore(session) ?? [])
    if (single && lost[0]?.error) throw aboutSession(sessions[0]!, lost[0].error, selected[0]!.owner)
    const gone = new Set(lost.map(({session}) => session))
    const stop = new AbortController()
    const end = () => stop.abort()
    this.abortSignal.addEventListener('abort', end)
    const forget = onReaderGone(end)
    const {finish, show} = await this.#display(single, interval, nameOf)
    show(lost)
    try {
      await this.graceful(
        watch(
          sessions.filter((session) => !gone.has(session)),
          resolved,
          {interval, open: !single, signal: stop.signal},
          show,
        ),
      )
    } finally {
      finish()
      forget()
    }
  }

  /** How observations are shown: as lines of JSON or text, or, on a terminal, as a view that is kept up to date. */
  async #display(
    single: boolean,
    interval: number,
    nameOf: (session: Session) => string,
  ): Promise<{finish(): void; show(observations: readonly Observation[]): void}> {
    const toNotice = (observation: Observation) => {
      const label = nameOf(observation.session)
      if (observation.type === 'removed')
        this.notice(`${label}: ${safeText(observation.error?.message ?? 'the session is gone')}`)
      else if (observation.type === 'failed') this.#failure(label, errorJson(observation.error))
    }

    if (this.jsonEnabled())
      return {
        finish() {},
        show: (observations) => {
          for (const observation of observations) this.logJson(observationJson(observation))
        },
      }
    if (!process.stdout.isTTY || process.env.TERM === 'dumb')
      return {
        finish() {},
        show: (observations) => {
          for (const observation of observations)
            if (observation.type === 'sample') this.log(sampleLine(observation, nameOf(observation.session)))
            else toNotice(observation)
        },
      }

    const board = new Board({colors: colorsOf(process.stdout), interval, nameOf, single})
    const view = await liveView()
    const ends: Observation[] = []
    const text = () => board.text({columns: process.stdout.columns, rows: process.stdout.rows})
    this.#board = board
    this.#redraw = () => view.show(text)
    return {
      finish: () => {
        view.end()
        this.#board = undefined
        for (const observation of ends) toNotice(observation)
      },
      show: (observations) => {
        board.add(observations)
        if (single) ends.push(...observations.filter(({type}) => type === 'removed'))
        this.#redraw()
      },
    }
  }

  /** Says why a session among several is left out. That it is somebody else's is no error. */
  #failure(label: string, {code, hint, message}: ErrorJson): void {
    const mark = code === 'access-denied' ? '' : `${colorsOf(process.stderr).red('Error:')} `
    this.notice(`${mark}${label}: ${safeText(message)}${hint ? `\n${safeText(hint)}` : ''}`)
  }
}

const isEmpty = (counters: Counters) => Object.keys(counters).length === 0

/** @throws Ovpn3Error where they could not be read */
function countersOf({owner, session}: Selected): Counters {
  const {errors, values} = session.snapshot
  if (values.statistics) return values.statistics
  throw aboutSession(session, errors.statistics!, owner)
}

function resultOf(session: Session): StatisticsJson {
  const {
    errors,
    values: {statistics},
  } = session.snapshot
  return {
    path: session.path,
    id: session.id,
    config: configOf(session),
    statistics: statistics && !isEmpty(statistics) ? statistics : null,
    ...(!statistics && {error: errorJson(errors.statistics!)}),
  }
}

/** That a session is gone, or not to be read, as the first look at it found. */
function lostBefore(session: Session): (Observation & {readonly error: Ovpn3Error}) | undefined {
  const error = session.snapshot.errors.config_name
  const time = new Date()
  if (!error || !hasCode(error, 'access-denied', 'session-not-found', 'session-stale')) return undefined
  return {error, session, time, type: error.code === 'access-denied' ? 'failed' : 'removed'}
}

/** A line that `--watch --json` prints. */
function observationJson(observation: Observation): unknown {
  const {session, time, type} = observation
  const sample = type === 'sample'
  return {
    time: time.toISOString(),
    path: session.path,
    id: session.id,
    config: configOf(session),
    statistics: sample && !isEmpty(observation.statistics) ? observation.statistics : null,
    rates: sample ? observation.rates : null,
    ...(type === 'removed' && {removed: true}),
    ...(type === 'failed' && {error: errorJson(observation.error)}),
  }
}
