import {colorsOf, cut, type Frame, type LiveView} from '@ovpn3/kit'
import {type ChangeKind, keyOf, localTime, toJson} from '@ovpn3/sessions'

import {type ColumnName} from './columns'
import {type Entry, listedSession} from './entry'
import {emptyText, keysOf, matches, type Query, sorted} from './query'
import {plainCell, sessionTable} from './table'

/** What happened to a session. */
export interface Change {
  readonly entry: Entry
  readonly kind: ChangeKind
}

/** Seconds since 1970. */
export const nowSeconds = () => Date.now() / 1000

/**
 * A table on the terminal, updated in place.
 * @param tracked the sessions that there are
 * @param failures what is said below the table
 * @returns updates it
 */
export function drawTable(
  view: LiveView,
  {failures, tracked}: {failures: ReadonlySet<string>; tracked: Iterable<Entry>},
  query: Query,
  columns: readonly ColumnName[],
): () => void {
  // its own rows say which session does not respond
  const text = ({columns: width, rows}: Frame) => {
    const now = nowSeconds()
    const all = [...tracked]
    const colors = colorsOf(process.stdout)
    const notes = failures.size > 0 ? ['', ...[...failures].map((failure) => colors.yellow(cut(failure, width)))] : []
    const entries = all.filter((entry) => matches(query, entry, now))
    if (entries.length === 0) return [emptyText(all.length), ...notes].join('\n')
    // the header, and the line that the cursor is on
    const room = Math.max(1, rows - 2 - notes.length)
    const hidden = entries.length > room ? entries.length - room + 1 : 0
    const shown = sorted(entries, query, now).slice(0, entries.length - hidden)
    const table = sessionTable(shown, {colors, columns, now, width})
    return [table, ...(hidden ? [colors.dim(`… ${hidden} more`)] : []), ...notes].join('\n')
  }

  const draw = () => view.show(text)
  draw()
  return draw
}

/** Makes a document of each change that shows. */
export function jsonOf(query: Query, columns: readonly ColumnName[]): (change: Change) => unknown {
  const keys = keysOf(columns)
  const news = newsOf(query, (entry) => toJson(listedSession(entry, keys)))
  return (change) =>
    news(change, nowSeconds()) === undefined
      ? undefined
      : {event: change.kind, time: new Date(), session: listedSession(change.entry, keys)}
}

/** Prints a line for each change that shows. */
export function printer(
  query: Query,
  columns: readonly ColumnName[],
  print: (line: string) => void,
): (change: Change) => void {
  const news = newsOf(query, (entry, now) => columns.map((name) => plainCell(entry, name, now)).join('  '))
  return (change) => {
    const now = nowSeconds()
    const session = news(change, now)
    if (session !== undefined) print(`${localTime(now)}  ${change.kind.padEnd(7)}  ${session}`)
  }
}

/** A session as text, where a change of it shows: undefined where the filters leave it out, or the text is the same. */
function newsOf(
  query: Query,
  textOf: (entry: Entry, now: number) => string,
): (change: Change, now: number) => string | undefined {
  /** What was last said, for a session that fits the filters. */
  const said = new Map<string, string>()
  return ({entry, kind}, now) => {
    const key = keyOf(entry.session)
    const fits = matches(query, entry, now)
    const before = said.get(key)
    if (!fits && before === undefined) return
    const text = textOf(entry, now)
    if (kind === 'changed' && fits && text === before) return
    if (kind === 'removed' || !fits) said.delete(key)
    else said.set(key, text)
    return text
  }
}
