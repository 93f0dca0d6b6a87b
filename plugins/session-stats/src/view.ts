import {type Colors, cut, type Frame, tableText} from '@ovpn3/kit'
import {bytes, keyOf, safeText, type Session} from '@ovpn3/sessions'

import type {Observation} from './watch'

import {rateCounters, type RateName, type Rates} from './rates'

const levels = '▁▂▃▄▅▆▇█'
/** Samples that are kept of one session: more than a terminal is wide. */
const kept = 400
/** Columns that a graph has at most where each session has a line, and samples that are kept of each. */
const keptOfMany = 60

/** A line of bars, the newest on the right; null leaves a gap. */
export function graph(values: readonly (null | number)[], width: number): string {
  const shown = width > 0 ? values.slice(-width) : []
  const max = Math.max(...shown.map((value) => value ?? 0))
  const bars = shown.map((value) => {
    if (value === null) return ' '
    // the lowest is for nothing at all
    return value > 0 ? levels[Math.max(1, Math.ceil((value / max) * levels.length) - 1)]! : levels[0]!
  })
  return bars.join('').padStart(Math.max(0, width))
}

/** A rate of bytes: `1.2 MiB/s`. */
export function speed(bytesPerSecond: number): string {
  return `${bytes(bytesPerSecond)}/s`
}

/** `843`, `2.5`: small ones would be rounded to nothing. */
export function perSecond(packets: number): string {
  return packets > 0 && packets < 10 ? packets.toFixed(1) : String(Math.round(packets))
}

/** A sample as one line, for who is not at a terminal. */
export function sampleLine(observation: Extract<Observation, {type: 'sample'}>, label: string): string {
  const {rates, statistics, time} = observation
  const text = rates
    ? `in ${speed(rates.bytesIn)}, ${perSecond(rates.packetsIn)} packets/s; ` +
      `out ${speed(rates.bytesOut)}, ${perSecond(rates.packetsOut)} packets/s`
    : `in ${bytes(statistics.BYTES_IN ?? 0n)}; out ${bytes(statistics.BYTES_OUT ?? 0n)} so far`
  return `${time.toISOString()} ${label}: ${text}`
}

interface Row {
  readonly history: (null | Rates)[]
  readonly session: Session
  error?: string
  latest?: Extract<Observation, {type: 'sample'}>
}

export interface BoardOptions {
  readonly colors: Colors
  /** Milliseconds from one sample to the next. */
  readonly interval: number
  /** The name of a session for people. */
  readonly nameOf: (session: Session) => string
  /** One session is shown in detail, else each has a line. */
  readonly single: boolean
}

/** What a terminal shows of sessions that are watched. */
export class Board {
  readonly #options: BoardOptions
  readonly #rows = new Map<string, Row>()
  /** The last session that went. */
  #gone = ''

  constructor(options: BoardOptions) {
    this.#options = options
  }

  add(observation: Observation): void {
    const {nameOf, single} = this.#options
    const {session} = observation
    if (observation.type === 'removed') {
      // the last that was seen of it stays
      if (single) return
      this.#rows.delete(keyOf(session))
      this.#gone = `${nameOf(session)} is gone`
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

  text({columns, message, rows}: Frame): string {
    const {colors, single} = this.#options
    const note = message || this.#gone
    const all = [...this.#rows.values()]
    const lines =
      all.length === 0
        ? [single ? '' : 'There are no sessions.']
        : single
          ? this.#details(all[0]!, columns)
          : this.#overview(all, columns, rows - (note ? 2 : 0))
    if (note) lines.push('', colors.yellow(cut(note, columns)))
    return lines.join('\n')
  }

  #details({error, history, latest, session}: Row, columns: number): string[] {
    const {colors, interval, nameOf} = this.#options
    const {bold, cyan, dim, green, red} = colors
    const every = `every ${interval / 1000} s, Ctrl-C ends`
    const lines = [`${bold(cut(nameOf(session), columns - every.length - 2))}  ${dim(every)}`, '']
    if (latest) {
      const cells = (label: string, rate: string, packets: string, total: string) =>
        label.padEnd(7) + rate.padStart(12) + packets.padStart(12) + total.padStart(12)
      lines.push(dim(cells('', 'bytes/s', 'packets/s', 'bytes')))
      const directions = [
        ['in', 'bytesIn', 'packetsIn', green],
        ['out', 'bytesOut', 'packetsOut', cyan],
        ['tun in', 'tunBytesIn', 'tunPacketsIn', cyan],
        ['tun out', 'tunBytesOut', 'tunPacketsOut', green],
      ] as const
      for (const [label, rate, packets, color] of directions) {
        const text = cells(
          label,
          latest.rates ? speed(latest.rates[rate]) : '-',
          latest.rates ? perSecond(latest.rates[packets]) : '-',
          bytes(latest.statistics[rateCounters[rate]] ?? 0n),
        )
        lines.push(`${text}  ${color(graph(seriesOf(history, rate), columns - text.length - 2))}`.trimEnd())
      }
    }

    if (error) lines.push('', red(cut(error, columns)))
    return lines
  }

  #overview(all: readonly Row[], columns: number, rows: number): string[] {
    const {colors, nameOf} = this.#options
    const {cyan, dim, green, red} = colors
    // a line each for the heading, what is left out, and the cursor
    const room = Math.max(1, rows - 3)
    const shown = all.length > room + 1 ? all.slice(0, room) : all
    const width = Math.min(keptOfMany, Math.max(6, Math.floor((columns - 52) / 2)))
    const text = tableText(
      [
        {flexible: true, header: 'Session'},
        {header: 'In'.padEnd(10)},
        {header: ''.padEnd(width)},
        {header: 'Out'.padEnd(10)},
        {header: ''.padEnd(width)},
      ],
      shown.map(({error, history, latest, session}) =>
        error || !latest
          ? [`${nameOf(session)}: ${red(error ?? '')}`, '', '', '', '']
          : [
              nameOf(session),
              (latest.rates ? speed(latest.rates.bytesIn) : '-').padStart(10),
              green(graph(seriesOf(history, 'bytesIn'), width)),
              (latest.rates ? speed(latest.rates.bytesOut) : '-').padStart(10),
              cyan(graph(seriesOf(history, 'bytesOut'), width)),
            ],
      ),
      columns,
    )
    const [heading = '', ...lines] = text.split('\n')
    const left = all.length - shown.length
    return [dim(heading), ...lines, ...(left > 0 ? [dim(`… ${left} more`)] : [])]
  }
}

function seriesOf(history: readonly (null | Rates)[], rate: RateName): (null | number)[] {
  return history.map((rates) => rates && rates[rate])
}
