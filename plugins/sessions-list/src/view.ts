import {colorsOf, cut, type Frame, type LiveView} from '@ovpn3/kit'
import {type ChangeKind, count, departureText, keyOf, localTime, sessionName, toJson} from '@ovpn3/sessions'

import {type ColumnName} from './columns'
import {configNameOf, type Entry, listedSession} from './entry'
import {emptyText, keysOf, matches, type Query, sorted} from './query'
import {plainCell, sessionTable} from './table'

/** A change of a session. */
export interface Change {
  readonly entry: Entry
  readonly kind: ChangeKind
}

/** Seconds since 1970. */
export const nowSeconds = () => Date.now() / 1000

/**
 * Draws a table on the terminal.
 * @param tracked the current sessions
 * @param failures errors of sources, shown below the table
 * @returns updates the view with a change
 */
export function drawTable(
  view: LiveView,
  {failures, tracked}: {failures: ReadonlySet<string>; tracked: Iterable<Entry>},
  query: Query,
  columns: readonly ColumnName[],
): (change: Change) => void {
  const colors = colorsOf(process.stdout)
  // notices about a session that does not respond are left out: its row says so
  const text = ({columns: width, header, rows}: Frame) => {
    const now = nowSeconds()
    const all = [...tracked]
    const entries = all.filter((entry) => matches(query, entry, now))
    const notes = failures.size > 0 ? ['', ...[...failures].map((failure) => colors.yellow(cut(failure, width)))] : []
    const title = header(countText(entries.length, all.length))
    if (entries.length === 0) return [title, '', emptyText(all.length), ...notes].join('\n')
    const room = Math.max(1, rows - 3 - notes.length)
    const hidden = entries.length > room ? entries.length - room + 1 : 0
    const shown = sorted(entries, query, now).slice(0, entries.length - hidden)
    const table = sessionTable(shown, {colors, columns, keepsColumns: query.columns !== undefined, now, width})
    return [title, '', table, ...(hidden ? [colors.dim(`… ${hidden} more`)] : []), ...notes].join('\n')
  }

  const draw = () => view.show(text)
  draw()
  /** The sessions that matched the filters at some time. */
  const listed = new Set<string>()
  return ({entry, kind}) => {
    const key = keyOf(entry.session)
    if (matches(query, entry, nowSeconds())) listed.add(key)
    if (kind === 'removed' && listed.delete(key)) view.report(`${nameOf(entry)} ${departureText(entry)}`)
    draw()
  }
}

function countText(matching: number, total: number): string {
  return matching === total ? count(total, 'session') : `${matching} of ${count(total, 'session')}`
}

function nameOf(entry: Entry): string {
  const {id, source} = entry.session
  return sessionName({config: configNameOf(entry), host: source.host, id})
}

/** A session whose source is gone may still run. */
const eventOf = ({entry, kind}: Change) => (kind === 'removed' && entry.state === 'failed' ? 'lost' : kind)

/** Converts each change that shows to a document. */
export function jsonOf(query: Query, columns: readonly ColumnName[]): (change: Change) => unknown {
  const keys = keysOf(columns)
  const news = newsOf(query, (entry) => toJson(listedSession(entry, keys)))
  return (change) =>
    news(change, nowSeconds()) === undefined
      ? undefined
      : {event: eventOf(change), time: new Date(), session: listedSession(change.entry, keys)}
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
    if (session !== undefined) print(`${localTime(now)}  ${eventOf(change).padEnd(7)}  ${session}`)
  }
}

/** Returns the text of a changed session, or undefined if the filters exclude it or the text is the same as before. */
function newsOf(
  query: Query,
  textOf: (entry: Entry, now: number) => string,
): (change: Change, now: number) => string | undefined {
  /** The last text of each session that matches the filters. */
  const printed = new Map<string, string>()
  return ({entry, kind}, now) => {
    const key = keyOf(entry.session)
    const isMatch = matches(query, entry, now)
    const before = printed.get(key)
    if (!isMatch && before === undefined) return
    const text = textOf(entry, now)
    if (kind === 'changed' && isMatch && text === before) return
    if (kind === 'removed' || !isMatch) printed.delete(key)
    else printed.set(key, text)
    return text
  }
}
