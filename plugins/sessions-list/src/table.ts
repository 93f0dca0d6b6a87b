import {type Colors, safeText, tableText} from '@ovpn3/kit'

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
  return tableText(
    columns.map((name) => ({flexible: columnOf(name).flexible, header: colors.bold(columnOf(name).header)})),
    entries.map((entry) => columns.map((name) => cell(entry, name, colors, now))),
    width,
  )
}

function cell(entry: Entry, name: ColumnName, colors: Colors, now: number): string {
  const text = plainCell(entry, name, now)
  if (text === '-') return colors.dim(text)
  const color = name === 'status' ? statusColor(entry) : undefined
  return color ? colors[color](text) : text
}

/** One value, safe to show. */
export function plainCell(entry: Entry, name: ColumnName, now: number): string {
  return safeText(columnOf(name).text(entry, now) ?? '') || '-'
}
