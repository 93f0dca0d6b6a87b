import {type Colors, cut, displayWidth, type Frame, tableText, type User} from '@ovpn3/kit'
import {bytes, configOf, count, keyOf, localTime, safeText, type Session, sessionName, shortId} from '@ovpn3/sessions'

import type {Observation} from './watch'

import {rateCounters, type RateName, type Rates} from './rates'

const levels = '▁▂▃▄▅▆▇█'
/** Samples kept of a single session: more than a terminal is wide. */
const kept = 400
/** The widest graph, and the samples kept of each session, if each session has one line. */
const keptOfMany = 60
/** The narrowest graph: a narrower one is left out. */
const narrowestGraph = 8
/** Widths of the widest numbers, `1023 MiB/s` and `1023 MiB`, so that columns do not move. */
const speedWidth = 10
const totalWidth = 8
const packetsWidth = 9

/** A line of bars, the newest on the right; null leaves a gap. */
export function graph(values: readonly (null | number)[], width: number): string {
  const shown = width > 0 ? values.slice(-width) : []
  const max = Math.max(...shown.map((value) => value ?? 0))
  const bars = shown.map((value) => {
    if (value === null) return ' '
    // the lowest bar is for 0 only
    return value > 0 ? levels[Math.max(1, Math.ceil((value / max) * levels.length) - 1)]! : levels[0]!
  })
  return bars.join('').padStart(Math.max(0, width))
}

/** A rate of bytes: `1.2 MiB/s`. */
export function speed(bytesPerSecond: number): string {
  return `${bytes(bytesPerSecond)}/s`
}

/** A rate of packets: `843`, or `2.5` if it is below 10. */
export function perSecond(packets: number): string {
  return packets > 0 && packets < 10 ? packets.toFixed(1) : String(Math.round(packets))
}

/** A sample as one line of text, for output that is not a terminal. */
export function sampleLine(observation: Extract<Observation, {type: 'sample'}>, label: string): string {
  const {rates, statistics, time} = observation
  const text = rates
    ? `down ${speed(rates.bytesIn)}, ${perSecond(rates.packetsIn)} packets/s; ` +
      `up ${speed(rates.bytesOut)}, ${perSecond(rates.packetsOut)} packets/s`
    : `down ${bytes(statistics.BYTES_IN ?? 0n)}, up ${bytes(statistics.BYTES_OUT ?? 0n)} in total`
  return `${localTime(time.getTime() / 1000)}  ${label}: ${text}`
}

interface Row {
  readonly history: (null | Rates)[]
  readonly session: Session
  error?: string
  latest?: Extract<Observation, {type: 'sample'}>
}

export interface BoardOptions {
  readonly colors: Colors
  /** Milliseconds between two samples. */
  readonly interval: number
  /** Returns the name of a session: `office (c2df8ae4)`. */
  readonly nameOf: (session: Session) => string
  /** Returns the owner of another user's session. */
  readonly ownerOf: (session: Session) => User | undefined
  /** Shows one session in detail instead of a line for each. */
  readonly single: boolean
}

/** The rows of the detailed view: the name of the direction, rates of bytes and packets, and the colour. */
const directions = [
  ['down', 'bytesIn', 'packetsIn', 'green'],
  ['up', 'bytesOut', 'packetsOut', 'cyan'],
  ['tun down', 'tunBytesOut', 'tunPacketsOut', 'green'],
  ['tun up', 'tunBytesIn', 'tunPacketsIn', 'cyan'],
] as const

/** The view of the watched sessions on a terminal. */
export class Board {
  readonly #options: BoardOptions
  readonly #rows = new Map<string, Row>()

  constructor(options: BoardOptions) {
    this.#options = options
  }

  add(observation: Observation): void {
    const {single} = this.#options
    const {session} = observation
    if (observation.type === 'removed') {
      // the last sample of a single session stays
      if (!single) this.#rows.delete(keyOf(session))
      return
    }

    const row = this.#rows.get(keyOf(session)) ?? {history: [], session}
    this.#rows.set(keyOf(session), row)
    if (observation.type === 'sample') {
      row.latest = observation
      row.error = undefined
      row.history.push(observation.rates)
    } else {
      row.error = safeText(observation.error.message)
      row.history.push(null)
    }

    if (row.history.length > (single ? kept : keptOfMany)) row.history.shift()
  }

  text({columns, header, message, rows}: Frame): string {
    const {colors, nameOf, single} = this.#options
    const all = [...this.#rows.values()]
    const [first] = all
    const title = header(single && first ? nameOf(first.session) : count(all.length, 'session'))
    const notes = message ? ['', colors.yellow(cut(message, columns))] : []
    const lines = !first
      ? [single ? '' : 'No sessions available']
      : single
        ? this.#details(first, columns)
        : this.#overview(all, columns, rows - 2 - notes.length)
    return [title, '', ...lines, ...notes].join('\n')
  }

  #details({error, history, latest}: Row, columns: number): string[] {
    const {colors} = this.#options
    const lines = latest ? this.#detailLines(history, latest, columns) : []
    if (error) lines.push('', colors.red(cut(error, columns)))
    return lines
  }

  #detailLines(
    history: readonly (null | Rates)[],
    {rates, statistics}: Extract<Observation, {type: 'sample'}>,
    columns: number,
  ): string[] {
    const {colors, interval} = this.#options
    const table = tableText(
      [
        {header: ''},
        {dropOrder: 2, header: 'COUNTER'},
        {header: 'RATE'.padStart(speedWidth)},
        {dropOrder: 1, header: 'PACKETS/S'.padStart(packetsWidth)},
        {header: 'TOTAL'.padStart(totalWidth)},
      ],
      directions.map(([label, rate, packets]) => [
        label,
        rateCounters[rate],
        (rates ? speed(rates[rate]) : '-').padStart(speedWidth),
        (rates ? perSecond(rates[packets]) : '-').padStart(packetsWidth),
        bytes(statistics[rateCounters[rate]] ?? 0n).padStart(totalWidth),
      ]),
      columns - narrowestGraph - 2,
    )
    const lines = table.split('\n')
    const tableWidth = Math.max(...lines.map((line) => displayWidth(line)))
    const width = columns - tableWidth - 2
    const last = `last ${Math.round((width * interval) / 1000)} s`
    const graphs = [
      width < narrowestGraph
        ? ''
        : colors.dim((width < last.length ? last.replace('last ', '') : last).padStart(width)),
      ...directions.map(([, rate, , color]) => colors[color](graph(seriesOf(history, rate), width))),
    ]
    return lines.map((line, i) => `${i === 0 ? colors.dim(line.padEnd(tableWidth)) : line}  ${graphs[i]!}`.trimEnd())
  }

  #overview(all: readonly Row[], columns: number, rows: number): string[] {
    const {colors, ownerOf} = this.#options
    // one line each for the heading and for the number of hidden sessions
    const room = Math.max(1, rows - 1)
    const shown = all.length > room ? all.slice(0, Math.max(1, room - 1)) : all
    // next to the ID, 16 columns for a name, two rates, and the gaps
    const width = Math.min(
      keptOfMany,
      Math.max(narrowestGraph + 1, Math.floor((columns - 8 - 16 - 2 * speedWidth - 10) / 2)),
    )
    const text = tableText(
      [
        {header: 'ID'},
        {flexible: true, header: 'CONFIG'},
        {header: 'DOWN'.padStart(speedWidth)},
        {dropOrder: 1, header: 'GRAPH'.padEnd(width)},
        {header: 'UP'.padStart(speedWidth)},
        {dropOrder: 1, header: 'GRAPH'.padEnd(width)},
      ],
      shown.map(({error, history, latest, session}) =>
        error || !latest
          ? [shortId(session.id), shortNameOf(session, ownerOf(session)), '', '', '', '']
          : [
              shortId(session.id),
              shortNameOf(session, ownerOf(session)),
              (latest.rates ? speed(latest.rates.bytesIn) : '-').padStart(speedWidth),
              colors.green(graph(seriesOf(history, 'bytesIn'), width)),
              (latest.rates ? speed(latest.rates.bytesOut) : '-').padStart(speedWidth),
              colors.cyan(graph(seriesOf(history, 'bytesOut'), width)),
            ],
      ),
      columns,
    )
    const [heading = '', ...lines] = text.split('\n')
    const hidden = all.length - shown.length
    return [
      colors.dim(heading),
      // an error takes the place of the numbers
      ...lines.map((line, i) => (shown[i]!.error ? cut(`${line}  ${colors.red(shown[i]!.error)}`, columns) : line)),
      ...(hidden > 0 ? [colors.dim(`… ${hidden} more`)] : []),
    ]
  }
}

/** A short name of a session: `office`, or `office of bob` if another user owns it. */
export function shortNameOf(session: Session, owner?: User): string {
  const name = sessionName({config: configOf(session), host: session.source.host, id: session.id})
  return owner ? `${name} of ${safeText(owner.name ?? String(owner.uid))}` : name
}

function seriesOf(history: readonly (null | Rates)[], rate: RateName): (null | number)[] {
  return history.map((rates) => rates && rates[rate])
}
