import {type Colors, tableText} from '@ovpn3/kit'
import {safeText} from '@ovpn3/sessions'

import type {Entry} from './entry'

import {type ColumnName, columnOf, statusColor} from './columns'

export interface TableOptions {
  readonly colors: Colors
  readonly columns: readonly ColumnName[]
  /** The user asked for these columns: none is left out. */
  readonly keepsColumns: boolean
  /** Seconds since 1970. */
  readonly now: number
  /** The width of the terminal, if there is one. */
  readonly width?: number
}

/** The sessions as a table, one row each. */
export function sessionTable(
  entries: readonly Entry[],
  {colors, columns, keepsColumns, now, width}: TableOptions,
): string {
  const color = (text: string, name: ColumnName, entry: Entry) => {
    const status = name === 'status' ? statusColor(entry) : undefined
    return text === '-' ? colors.dim(text) : status ? colors[status](text) : text
  }

  return tableText(
    columns.map((name) => {
      const {dropOrder, flexible, minimum} = columnOf(name)
      return {
        dropOrder: keepsColumns ? undefined : dropOrder,
        flexible,
        header: colors.bold(name.toUpperCase()),
        minimum,
      }
    }),
    entries.map((entry) => columns.map((name) => color(plainCell(entry, name, now), name, entry))),
    width,
  )
}

/** One value, safe to show. */
export function plainCell(entry: Entry, name: ColumnName, now: number): string {
  return safeText(columnOf(name).text(entry, now) ?? '') || '-'
}
