import {type Colors, displayWidth, tableText} from '@ovpn3/kit'
import {safeText} from '@ovpn3/sessions'

import type {Entry} from './entry'

import {type ColumnName, columnOf, statusColor} from './columns'

export interface TableOptions {
  readonly colors: Colors
  readonly columns: readonly ColumnName[]
  /** Seconds since 1970. */
  readonly now: number
  /** Of the terminal; undefined where there is none. */
  readonly width?: number
}

/** The sessions as a table, a row each. */
export function sessionTable(entries: readonly Entry[], {colors, columns, now, width}: TableOptions): string {
  const rows = entries.map((entry) => columns.map((name) => plainCell(entry, name, now)))
  const level = levelOf(columns, rows, width)
  const color = (text: string, name: ColumnName, entry: Entry) => {
    const status = name === 'status' ? statusColor(entry) : undefined
    return text === '-' ? colors.dim(text) : status ? colors[status](text) : text
  }

  return tableText(
    columns.map((name) => ({flexible: flexibility(name) <= level, header: colors.bold(name.toUpperCase())})),
    rows.map((row, i) => row.map((text, j) => color(text, columns[j]!, entries[i]!))),
    width,
  )
}

/** What gives way must still be worth looking at, else others give way, too. */
const worthwhile = 12
const gap = 2

const flexibility = (name: ColumnName) => columnOf(name).flexible ?? Infinity

/** Up to which level columns give way. */
function levelOf(columns: readonly ColumnName[], rows: readonly (readonly string[])[], width = Infinity): number {
  const sizes = columns.map((name, i) => {
    const size = rows.reduce((max, row) => Math.max(max, displayWidth(row[i]!)), name.length)
    return {flexible: flexibility(name), size}
  })
  const widthAt = (level: number) =>
    sizes.reduce((sum, {flexible, size}) => sum + gap + (flexible <= level ? Math.min(size, worthwhile) : size), -gap)
  return [1, 2].find((level) => widthAt(level) <= width) ?? 3
}

/** One value, safe to show. */
export function plainCell(entry: Entry, name: ColumnName, now: number): string {
  return safeText(columnOf(name).text(entry, now) ?? '') || '-'
}
