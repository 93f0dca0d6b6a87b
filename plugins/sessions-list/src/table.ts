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
  const flexible = flexibleColumns(entries, columns, now, width)
  return tableText(
    columns.map((name) => ({flexible: flexible.has(name), header: colors.bold(columnOf(name).header)})),
    entries.map((entry) => columns.map((name) => cell(entry, name, colors, now))),
    width,
  )
}

/** What gives way must still be worth looking at, else others give way, too. */
const worthwhile = 12
const gap = 2

function flexibleColumns(
  entries: readonly Entry[],
  columns: readonly ColumnName[],
  now: number,
  width = Infinity,
): Set<ColumnName> {
  const sizes = columns.map((name) => {
    const {flexible = Infinity, header} = columnOf(name)
    const lengths = entries.map((entry) => displayWidth(plainCell(entry, name, now)))
    return {flexible, name, size: lengths.reduce((a, b) => Math.max(a, b), header.length)}
  })
  const fits = (level: number) =>
    sizes.reduce(
      (sum, {flexible, size}) => sum + gap + (flexible <= level ? Math.min(size, worthwhile) : size),
      -gap,
    ) <= width
  const level = [1, 2].find((n) => fits(n)) ?? 3
  return new Set(sizes.flatMap(({flexible, name}) => (flexible <= level ? name : [])))
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
