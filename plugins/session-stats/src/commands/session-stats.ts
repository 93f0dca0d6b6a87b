import * as Flags from '@oclif/core/flags'
import {
  allFlag,
  colorsOf,
  type Completion,
  counterLines,
  type Frame,
  type Selected,
  selectorArgs,
  selectorFlags,
  statisticsText,
  userOf,
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
  isOwnedBy,
  labelOf,
  Ovpn3Error,
  ownershipOf,
  type PropertyName,
  safeText,
  type Session,
} from '@ovpn3/sessions'

import type {Counters} from '../rates'

import {defaultInterval, intervalOf} from '../interval'
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
  readonly selected: readonly Selected[]
  /** One session was meant, not all of them. */
  readonly single: boolean
}

export default class SessionStats extends WatchCommand<typeof SessionStats, Chosen> {
  static override aliases = ['stats']
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
  static override args = selectorArgs
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
      options: ['text', 'prometheus', 'json'],
      summary: 'Print text, JSON, or metrics for Prometheus: of every session unless one is selected.',
    }),
  }

  protected async execute(): Promise<Chosen | undefined> {
    const interval = intervalOf(this.flags)
    if (interval !== undefined) return this.#watch(interval)
    const chosen = this.#isExposition
      ? await this.#choose(prometheusProperties, prometheusProperties)
      : await this.#choose(['statistics'], ['statistics', 'config_name'])
    if (chosen.single) countersOf(chosen.selected[0]!)
    if (!chosen.single || this.#isExposition) failOnOutage(chosen.selected.map(({session}) => session))
    return chosen
  }

  protected override exitStatus({selected}: Chosen): number {
    return this.#isExposition ? 0 : exitStatusOf(resultsOf(selected))
  }

  protected override toSuccessJson({selected, single}: Chosen): unknown {
    const results = resultsOf(selected)
    return single ? results[0]!.statistics : {sessions: results}
  }

  protected display({selected, single}: Chosen): void {
    if (this.#isExposition) {
      for (const {label, session} of selected) {
        const {statistics: error} = session.snapshot.errors
        if (error) this.#failure(label, error)
      }

      this.log(exposition(selected.map(({session}) => session)).trimEnd())
    } else if (single) {
      const text = statisticsText(countersOf(selected[0]!))
      if (text) this.log(`${text}\n`)
    } else this.#displayAll(selected)
  }

  get #isExposition(): boolean {
    return this.flags.format === 'prometheus'
  }

  /**
   * The sessions that are meant, looked at.
   * @param read what to look at where one session is meant
   * @param readAll and where all of them are
   */
  async #choose(read: readonly PropertyName[], readAll: readonly PropertyName[]): Promise<Chosen> {
    if (this.flags.all || (this.#isExposition && !this.selector)) {
      const {selected} = await this.selectMany({read: readAll})
      return {selected: [...selected].sort((a, b) => a.label.localeCompare(b.label)), single: false}
    }

    const one = await this.selectOne({
      hint: 'Pass SESSION, or --all for all sessions',
      question: 'Which session to look at?',
      read,
    })
    return {selected: [one], single: true}
  }

  #displayAll(selected: readonly Selected[]): void {
    if (selected.length === 0) this.log('There are no sessions.')
    const {bold, dim} = colorsOf(process.stdout)
    let first = true
    for (const {label, session} of selected) {
      const {errors, values} = session.snapshot
      if (!values.statistics) {
        this.#failure(label, errors.statistics!)
        continue
      }

      if (!first) this.log()
      first = false
      const lines = counterLines(values.statistics)
      this.log(lines.length > 0 ? [`${bold(label)}:`, ...lines].join('\n') : dim(`${label}: no counters yet`))
    }
  }

  async #watch(interval: number): Promise<undefined> {
    const {selected, single} = await this.#choose(['config_name'], ['config_name'])
    const sessions = selected.map(({session}) => session)
    const labels = new Map(selected.map(({label, session}) => [session, label]))
    const nameOf = (session: Session) => labels.get(session) ?? labelOf(session)
    const meet = async (session: Session) => {
      const {snapshot, source} = session
      const {owner: uid = source.me} = snapshot.values
      labels.set(session, labelOf(session, uid === source.me ? undefined : await userOf(uid, source)))
    }

    const lost = sessions.flatMap((session) => lostBefore(session) ?? [])
    if (single && lost[0]?.error) throw aboutSession(sessions[0]!, lost[0].error, selected[0]!.owner)
    const gone = new Set(lost.map(({session}) => session))
    const board = new Board({colors: colorsOf(process.stdout), interval, nameOf, single})
    const ends: Observation[] = []
    await this.stream<Observation>(
      {
        draw(view) {
          const text = (frame: Frame) => board.text(frame)
          view.show(text)
          return (observation) => {
            board.add(observation)
            if (single && observation.type === 'removed') ends.push(observation)
            view.show(text)
          }
        },
        json: observationJson,
        print: (observation) => this.#print(observation, nameOf(observation.session)),
      },
      async (emit, signal) => {
        for (const each of lost) emit(each)
        await watch(
          sessions.filter((session) => !gone.has(session)),
          await this.sources(),
          {
            interval,
            meet,
            newcomers: single ? undefined : await this.#newcomers(),
            onFailure: (failure) => this.tellFailure(failure),
            onObservation: emit,
            signal,
          },
        )
      },
    )
    for (const end of ends) this.#print(end, nameOf(end.session))
  }

  /** Which sessions that come up are watched: those that would have been, had they been there. */
  async #newcomers(): Promise<(session: Session) => boolean> {
    const owner = await this.ownerNamed()
    return (session) =>
      owner ? isOwnedBy(session, owner) : ownershipOf(session.snapshot, session.source.me) !== 'public'
  }

  #print(observation: Observation, label: string): void {
    switch (observation.type) {
      case 'failed':
        this.#failure(label, observation.error)
        break
      case 'removed':
        this.noticeError(`${label}: ${safeText(observation.error?.message ?? 'the session is gone')}`)
        break
      case 'sample':
        this.log(sampleLine(observation, label))
    }
  }

  /** Says why a session among several is left out. That it is somebody else's is no error. */
  #failure(label: string, {code, hint, message}: ErrorJson): void {
    const mark = code === 'access-denied' ? '' : `${colorsOf(process.stderr).red('Error:')} `
    this.noticeError(`${mark}${label}: ${safeText(message)}${hint ? `\n${safeText(hint)}` : ''}`)
  }
}

/** @throws Ovpn3Error where they could not be read */
function countersOf({owner, session}: Selected): Counters {
  const {errors, values} = session.snapshot
  if (values.statistics) return values.statistics
  throw aboutSession(session, errors.statistics!, owner)
}

function resultsOf(selected: readonly Selected[]): StatisticsJson[] {
  return selected.map(({session}) => {
    const {errors, values} = session.snapshot
    return {
      ...jsonOf(session, values.statistics),
      ...(!values.statistics && {error: errorJson(errors.statistics!)}),
    }
  })
}

/** A session and its counters as JSON; null where there are none. */
function jsonOf(session: Session, statistics: Counters = {}): StatisticsJson {
  return {
    path: session.path,
    id: session.id,
    config: configOf(session),
    statistics: Object.keys(statistics).length > 0 ? statistics : null,
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
    ...jsonOf(session, sample ? observation.statistics : undefined),
    rates: sample ? observation.rates : null,
    ...(type === 'removed' && {removed: true}),
    ...(type === 'failed' && {error: errorJson(observation.error)}),
  }
}
