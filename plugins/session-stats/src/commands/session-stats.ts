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
  departureText,
  errorJson,
  type ErrorJson,
  exitStatusOf,
  failOnOutage,
  hasCode,
  identityOf,
  isOwnedBy,
  labelOf,
  Ovpn3Error,
  ownershipOf,
  type PropertyName,
  readingOf,
  safeText,
  type Session,
  type SessionIdentity,
} from '@ovpn3/sessions'

import type {Counters} from '../rates'

import {defaultInterval, intervalOf} from '../interval'
import {exposition, type HostState, prometheusProperties} from '../prometheus'
import {Board, sampleLine, shortNameOf} from '../view'
import {type Observation, watch} from '../watch'

/** A session of `--all` as `--json` prints it. */
interface StatisticsJson extends SessionIdentity {
  readonly config: string | null
  readonly statistics: Counters | null
  readonly error?: ErrorJson
}

/** The properties of a session that is shown with its name. */
const named: readonly PropertyName[] = ['statistics', 'config_name']

interface Chosen {
  readonly selected: readonly Selected[]
  /** The command line selects one session instead of all. */
  readonly single: boolean
}

export default class SessionStats extends WatchCommand<typeof SessionStats, Chosen> {
  static override aliases = ['stats']
  static override summary = 'Show traffic of VPN sessions: counters, live rates, Prometheus metrics'
  static override description = `Select one session, or all of them. On a terminal you can pick the session from a list.

Counters that are 0 are left out. A session without counters prints "no traffic yet" on a terminal, otherwise nothing, or null with --json. BYTES and PACKETS count the traffic between this machine and the VPN server: IN is received, OUT is sent. The TUN counters count the traffic of the tun device: IN is on its way to the server, OUT has come from it.

--watch shows live rates: down is received, up is sent. It ends with q or Ctrl-C, or with exit status 0 when the session ends. With --json it prints one JSON document per line.

Exit status: 0 done; 1 unexpected failure; 2 wrong usage; 3 some of several sessions or hosts could not be read; 4 no such session, or ambiguous; 5 access denied; 6 host, bus or session manager not reachable; 7 session manager not responding; 130 interrupted.`
  static override usage = '<%= command.id %> [SESSION] [OPTION...]'
  static override examples = [
    {
      command: '<%= config.bin %> <%= command.id %> --config office',
      description: 'Show the counters of a session',
    },
    {
      command: '<%= config.bin %> <%= command.id %> --all --json',
      description: 'Print the counters of all sessions as JSON',
    },
    {
      command: '<%= config.bin %> <%= command.id %> --interface tun0 --watch',
      description: 'Watch the rates of a session',
    },
    {
      command: '<%= config.bin %> <%= command.id %> --all --watch=0.5',
      description: 'Watch the rates of all sessions, updated twice a second',
    },
    {
      command: '<%= config.bin %> <%= command.id %> --format=prometheus',
      description: 'Print metrics of all sessions for Prometheus',
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
      summary: `Watch live rates, updated every SECONDS (default ${defaultInterval})`,
    }),
    format: Flags.string({
      exclusive: ['json'],
      helpGroup: 'OUTPUT',
      options: ['text', 'prometheus', 'json'],
      summary: 'Print text, JSON, or Prometheus metrics (of all sessions unless one is selected)',
    }),
  }

  protected async execute(): Promise<Chosen | undefined> {
    const interval = intervalOf(this.flags)
    if (interval !== undefined) return this.#watch(interval)
    const chosen = this.#isExposition
      ? await this.#chooseExposed()
      : await this.#choose(process.stdout.isTTY ? named : ['statistics'], named)
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

  protected async display({selected, single}: Chosen): Promise<void> {
    if (this.#isExposition) {
      for (const {label, session} of selected) {
        const {statistics: error} = session.snapshot.errors
        if (error) this.#failure(label, error)
      }

      this.log(
        exposition(
          selected.map(({session}) => session),
          await this.#hosts(),
        ).trimEnd(),
      )
    } else if (single && this.isInPlace) {
      const text = statisticsText(countersOf(selected[0]!))
      if (text) this.log(`${text}\n`)
      // without a terminal, the output is that of openvpn3
      else if (process.stdout.isTTY) this.log(colorsOf(process.stdout).dim('no traffic yet'))
    } else this.#displayAll(selected)
  }

  get #isExposition(): boolean {
    return this.flags.format === 'prometheus'
  }

  /**
   * Selects the sessions and reads their properties.
   * @param read the properties to read of a single session
   * @param readAll the properties to read of all sessions
   */
  async #choose(read: readonly PropertyName[], readAll: readonly PropertyName[]): Promise<Chosen> {
    if (this.flags.all || (this.#isExposition && !this.selector)) {
      const {selected} = await this.selectMany({read: readAll})
      return {selected: [...selected].sort((a, b) => a.label.localeCompare(b.label)), single: false}
    }

    const one = await this.selectOne({
      hint: 'Pass SESSION, or --all for all sessions',
      question: 'Which session?',
      read,
    })
    return {selected: [one], single: true}
  }

  /** That no host is up is a sample too. */
  async #chooseExposed(): Promise<Chosen> {
    try {
      return await this.#choose(prometheusProperties, prometheusProperties)
    } catch (error) {
      const hosts = await this.#hosts()
      if (hosts.length > 0 && (await this.sources()).areAllLost) this.log(exposition([], hosts).trimEnd())
      throw error
    }
  }

  async #hosts(): Promise<HostState[]> {
    const {all, failures} = await this.sources()
    return all.flatMap(({host, name}) =>
      host === undefined ? [] : {host, isUp: failures.every(({source}) => source !== name)},
    )
  }

  #displayAll(selected: readonly Selected[]): void {
    if (selected.length === 0) this.log('No sessions available')
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
      this.log(lines.length > 0 ? [`${bold(label)}:`, ...lines].join('\n') : dim(`${label}: no traffic yet`))
    }
  }

  async #watch(interval: number): Promise<undefined> {
    const {selected, single} = await this.#choose(['config_name'], ['config_name'])
    const sessions = selected.map(({session}) => session)
    const owners = new Map(selected.map(({owner, session}) => [session, owner]))
    const ownerOf = (session: Session) => owners.get(session)
    const nameOf = (session: Session) => labelOf(session, ownerOf(session))
    const meet = async (session: Session) => {
      const {snapshot, source} = session
      const {owner: uid = source.me} = snapshot.values
      owners.set(session, uid === source.me ? undefined : await userOf(uid, source))
    }

    const lost = sessions.flatMap((session) => lostBefore(session) ?? [])
    if (single && lost[0]?.error) throw aboutSession(sessions[0]!, lost[0].error, selected[0]!.owner)
    const gone = new Set(lost.map(({session}) => session))
    const board = new Board({colors: colorsOf(process.stdout), interval, nameOf, ownerOf, single})
    const ends: Observation[] = []
    await this.stream<Observation>(
      {
        draw(view) {
          const text = (frame: Frame) => board.text(frame)
          view.show(text)
          return (observation) => {
            board.add(observation)
            if (observation.type === 'removed') {
              if (single) ends.push(observation)
              else {
                const {departure, session} = observation
                view.report(`${shortNameOf(session, ownerOf(session))} ${departure}`)
              }
            }

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

  /** Selects new sessions to watch, by the same rules as at the start. */
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
        this.noticeError(`${label}: ${safeText(observation.error?.message ?? observation.departure)}`)
        break
      case 'sample':
        this.log(sampleLine(observation, label))
    }
  }

  /** Reports a session that could not be read. For another user's session this is not an error. */
  #failure(label: string, {code, hint, message}: ErrorJson): void {
    const mark = code === 'access-denied' ? '' : `${colorsOf(process.stderr).red('Error:')} `
    this.noticeError(`${mark}${label}: ${safeText(message)}${hint ? `\n${safeText(hint)}` : ''}`)
  }
}

/** @throws Ovpn3Error if they could not be read */
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

/** A session and its counters as JSON, null if there are none. */
function jsonOf(session: Session, statistics: Counters = {}): StatisticsJson {
  return {
    ...identityOf(session),
    config: configOf(session),
    statistics: Object.keys(statistics).length > 0 ? statistics : null,
  }
}

/** Returns an observation if the first read found that a session is gone or not readable. */
function lostBefore(session: Session): (Observation & {readonly error: Ovpn3Error}) | undefined {
  const error = session.snapshot.errors.config_name
  const time = new Date()
  if (!error || !hasCode(error, 'access-denied', 'session-not-found', 'session-stale')) return undefined
  if (error.code === 'access-denied') return {error, session, time, type: 'failed'}
  const {state} = readingOf(session, session.snapshot, false)
  return {departure: departureText({session, state, values: {}}), error, session, time, type: 'removed'}
}

/** A line of `--watch --json`. */
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
