import {colorsOf, liveView} from '@ovpn3/kit'
import {type ChangeKind, keyOf, toJson} from '@ovpn3/sessions'

import {type ColumnName} from './columns'
import {type Entry, listedSession, localTime} from './entry'
import {emptyText, keysOf, matches, type Query, sorted} from './query'
import {plainCell, sessionTable} from './table'

/** Shows what a watch sees. */
export interface WatchView {
  changed(kind: ChangeKind, entry: Entry): void
  end(): void
}

/** Seconds since 1970. */
export const present = () => Date.now() / 1000

/** A table on the terminal, updated in place. @param tracked the sessions that there are */
export async function tableView(
  tracked: () => Iterable<Entry>,
  query: Query,
  columns: readonly ColumnName[],
): Promise<WatchView> {
  const view = await liveView()
  const text = () => {
    const now = present()
    const {columns: width, rows = 24} = process.stdout
    const all = [...tracked()]
    const entries = all.filter((entry) => matches(query, entry, now))
    if (entries.length === 0) return emptyText(all.length)
    // the header, and the line that the cursor is on
    const room = Math.max(1, rows - 2)
    const hidden = entries.length > room ? entries.length - room + 1 : 0
    const shown = sorted(entries, query, now).slice(0, entries.length - hidden)
    const colors = colorsOf(process.stdout)
    const table = sessionTable(shown, {colors, columns, now, width})
    return hidden ? `${table}\n${colors.dim(`… ${hidden} more`)}` : table
  }

  const draw = () => view.show(text)
  draw()
  const clock = columns.includes('age') ? setInterval(draw, 1000) : undefined
  return {
    changed: draw,
    end() {
      clearInterval(clock)
      view.end()
    },
  }
}

/** A line for each change: of text, or with `json` an object. */
export function lineView(
  query: Query,
  columns: readonly ColumnName[],
  {json, print}: {json: boolean; print: (line: string) => void},
): WatchView {
  const keys = keysOf(columns)
  /** What was last said, for a session that fits the filters. */
  const said = new Map<string, string>()
  return {
    changed(kind, entry) {
      const now = present()
      const key = keyOf(entry.session)
      const fits = matches(query, entry, now)
      const before = said.get(key)
      if (!fits && before === undefined) return
      const session = json
        ? toJson(listedSession(entry, keys))
        : columns.map((name) => plainCell(entry, name, now)).join('  ')
      if (kind === 'changed' && fits && session === before) return
      if (kind === 'removed' || !fits) said.delete(key)
      else said.set(key, session)
      print(
        json
          ? `{"event":${toJson(kind)},"time":${toJson(new Date().toISOString())},"session":${session}}`
          : `${localTime(now)}  ${kind.padEnd(7)}  ${session}`,
      )
    },
    end() {},
  }
}
