import type {Interfaces} from '@oclif/core'

import {closest, type SelectorName} from '@ovpn3/kit'
import {didYouMean} from '@ovpn3/kit/flags'
import {Ovpn3Error, type PropertyName, statusTexts} from '@ovpn3/sessions'

import type SessionsList from './commands/sessions-list'
import type {Entry, ListedKey, Reads} from './entry'

import {type ColumnName, columnNames, columnOf} from './columns'
import {failedRemark, remarkTexts} from './entry'

export interface Filter {
  readonly column: ColumnName
  /** The texts between the `*` of the pattern. */
  readonly parts: readonly string[]
}

/** The columns, filters and order of a list. */
export interface Query {
  /** Undefined for the default columns of the output. */
  readonly columns?: readonly ColumnName[]
  readonly filters: readonly Filter[]
  readonly sort?: {readonly column: ColumnName; readonly descending: boolean}
}

const tableColumns: readonly ColumnName[] = ['id', 'config', 'status', 'device', 'server', 'owner', 'age']
/** The columns of the reference's records and of the JSON document. */
const allColumns: readonly ColumnName[] = ['config', 'profile', 'owner', 'device', 'server', 'status', 'created', 'pid']
export const defaultColumns = {classic: allColumns, json: allColumns, table: tableColumns} as const

/**
 * Parses the flags into a query.
 * @throws Ovpn3Error `usage`
 */
export function queryOf({
  columns,
  filter = [],
  sort,
}: Partial<Interfaces.InferredFlags<typeof SessionsList.flags>>): Query {
  return {
    columns: columns?.split(',').map((name) => columnNamed(name.trim(), '--columns')),
    filters: filter.map((text) => filterOf(text)),
    sort: sort === undefined ? undefined : sortOf(sort),
  }
}

/** The properties to read for these columns and for the query. */
export function readsOf({filters, sort}: Query, shown: readonly ColumnName[]): Reads {
  const used = [...shown, ...filters.map(({column}) => column), ...(sort ? [sort.column] : [])].map((name) =>
    columnOf(name),
  )
  return {
    profile: used.some(({profile}) => profile),
    properties: [...new Set(used.flatMap<PropertyName>(({properties}) => properties))],
    requiresOwner: filters.some(({column}) => column === 'owner'),
  }
}

/** The keys of these columns under `--json`. */
export function keysOf(shown: readonly ColumnName[]): ListedKey[] {
  return [...new Set(shown.flatMap((name) => columnOf(name).key ?? []))]
}

/** Whether an entry matches every filter. */
export function matches({filters}: Query, entry: Entry, now: number): boolean {
  return filters.every(({column, parts}) => {
    const {also, text} = columnOf(column)
    const other = also?.(entry)
    return fits(parts, text(entry, now) ?? '') || (other !== undefined && fits(parts, other))
  })
}

/** The text that is printed for an empty list. @param total the number of all sessions, matching or not */
export function emptyText(total: number): string {
  return total > 0 ? 'No matching sessions' : 'No sessions available'
}

const collator = new Intl.Collator('en', {numeric: true})

/** The entries in the order of the query. Entries without a value come last. */
export function sorted(entries: readonly Entry[], {sort}: Query, now: number): readonly Entry[] {
  if (!sort) return entries
  const {rank, text} = columnOf(sort.column)
  const sign = sort.descending ? -1 : 1
  return entries
    .map((entry) => ({entry, value: (rank ? rank(entry) : text(entry, now)) || undefined}))
    .sort((a, b) => {
      if (a.value === undefined || b.value === undefined)
        return Number(a.value === undefined) - Number(b.value === undefined)
      return sign * compare(a.value, b.value)
    })
    .map(({entry}) => entry)
}

function compare(a: number | string, b: number | string): number {
  return typeof a === 'number' && typeof b === 'number' ? a - b : collator.compare(String(a), String(b))
}

function columnNamed(name: string, flag: string): ColumnName {
  const found = columnNames.find((column) => column === name.toLowerCase())
  if (!found)
    throw new Ovpn3Error('usage', name ? `${flag}: unknown column ${name}` : `${flag}: a column name is required`, {
      hint: `Use one of: ${columnNames.join(', ')}`,
    })
  return found
}

function sortOf(text: string): Query['sort'] {
  const descending = text.startsWith('-')
  return {column: columnNamed(descending ? text.slice(1) : text, '--sort'), descending}
}

function filterOf(text: string): Filter {
  const at = text.indexOf('=')
  if (at < 1)
    throw new Ovpn3Error('usage', `--filter: expected COLUMN=VALUE, not "${text}"`, {
      hint: 'Use a filter such as --filter status=connected',
    })
  const column = columnNamed(text.slice(0, at), '--filter')
  const value = text.slice(at + 1)
  const filter = {column, parts: value.split('*')}
  if (column === 'status' && !canBeStatus(filter.parts)) {
    const near = closest(value, remarksAndStatuses)
    throw new Ovpn3Error('usage', `--filter: no session can have the status "${value}"`, {
      hint: near ? didYouMean(['--filter', `status=${near}`]) : `Pass one of ${statusTexts.join(', ')}`,
    })
  }

  return filter
}

const remarksAndStatuses = [...statusTexts, ...remarkTexts]

/** Whether a session can have such a status. Statuses and errors that are not known here begin in their own ways. */
function canBeStatus(parts: readonly string[]): boolean {
  const [first = '', ...more] = parts
  const isOpen = ['status ', `${failedRemark}: `].some(
    (start) => first.startsWith(start) || (more.length > 0 && start.startsWith(first)),
  )
  return isOpen || ['', ...remarksAndStatuses].some((text) => fits(parts, text))
}

/** The filter that has the same effect as an option that selects a session. */
export function filterFor(name: SelectorName, value: string): string {
  if (name === 'path' && !value.startsWith('/')) return `id=${value}*`
  const column: ColumnName = name === 'interface' ? 'device' : name
  return `${column}=${value}`
}

/** Matches a pattern in linear time; a regular expression with many `.*` would backtrack. */
export function fits([first = '', ...rest]: readonly string[], text: string): boolean {
  const last = rest.pop()
  if (last === undefined) return text === first
  if (!text.startsWith(first)) return false
  let at = first.length
  for (const part of rest) {
    const found = text.indexOf(part, at)
    if (found === -1) return false
    at = found + part.length
  }

  return text.length - last.length >= at && text.endsWith(last)
}
