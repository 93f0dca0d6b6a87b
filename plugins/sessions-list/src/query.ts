import type {Interfaces} from '@oclif/core'

import {closest, type SelectorName} from '@ovpn3/kit'
import {Ovpn3Error, type PropertyName, shellWord, statusTexts} from '@ovpn3/sessions'

import type SessionsList from './commands/sessions-list'
import type {Entry, ListedKey, Reads} from './entry'

import {type ColumnName, columnNames, columnOf} from './columns'
import {failedRemark, remarkTexts} from './entry'

export interface Filter {
  readonly column: ColumnName
  /** What has to be in the value: the first part at its beginning, the last at its end, anything in between. */
  readonly parts: readonly string[]
}

/** What is to be shown, of which sessions, in which order. */
export interface Query {
  /** Undefined: those that the output has by itself. */
  readonly columns?: readonly ColumnName[]
  readonly filters: readonly Filter[]
  readonly sort?: {readonly column: ColumnName; readonly descending: boolean}
}

const tableColumns: readonly ColumnName[] = ['id', 'config', 'status', 'device', 'server', 'owner', 'age']
/** What the reference's records and the JSON document show. */
const allColumns: readonly ColumnName[] = ['config', 'profile', 'owner', 'device', 'server', 'status', 'created', 'pid']
export const defaultColumns = {classic: allColumns, json: allColumns, table: tableColumns} as const

/**
 * The query that the flags stand for.
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

/** What has to be read to show these columns of the sessions that the query asks for. */
export function readsOf({filters, sort}: Query, shown: readonly ColumnName[]): Reads {
  const used = [...shown, ...filters.map(({column}) => column), ...(sort ? [sort.column] : [])].map((name) =>
    columnOf(name),
  )
  return {
    profile: used.some(({profile}) => profile),
    properties: [...new Set(used.flatMap<PropertyName>(({properties}) => properties))],
  }
}

/** The keys that these columns have under `--json`. */
export function keysOf(shown: readonly ColumnName[]): ListedKey[] {
  return [...new Set(shown.flatMap((name) => columnOf(name).key ?? []))]
}

/** True where every filter fits. */
export function matches({filters}: Query, entry: Entry, now: number): boolean {
  return filters.every(({column, parts}) => {
    const {also, text} = columnOf(column)
    const other = also?.(entry)
    return fits(parts, text(entry, now) ?? '') || (other !== undefined && fits(parts, other))
  })
}

/** What is said in place of a list, where there is nothing in it. @param total of sessions, whether they match or not */
export function emptyText(total: number): string {
  return total > 0 ? 'No session matches' : 'No sessions available'
}

const collator = new Intl.Collator('en', {numeric: true})

/** In the order asked for; what has no value comes last. */
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
    throw new Ovpn3Error('usage', name ? `${flag}: there is no column ${name}` : `${flag} needs the name of a column`, {
      hint: `The columns are ${columnNames.join(', ')}`,
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
    throw new Ovpn3Error('usage', `--filter: "${text}" is not of the form COLUMN=VALUE`, {
      hint: 'For example: --filter status=connected',
    })
  const column = columnNamed(text.slice(0, at), '--filter')
  const value = text.slice(at + 1)
  const filter = {column, parts: value.split('*')}
  if (column === 'status' && !canBeStatus(filter.parts)) {
    const near = closest(value, remarksAndStatuses)
    throw new Ovpn3Error('usage', `--filter: no session can have the status "${value}"`, {
      hint: near ? `Did you mean: --filter ${shellWord(`status=${near}`)}` : `Pass one of ${statusTexts.join(', ')}`,
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

/** The filter that leaves what an option that selects a session would mean elsewhere. */
export function filterFor(name: SelectorName, value: string): string {
  if (name === 'path' && !value.startsWith('/')) return `id=${value}*`
  const column: ColumnName = name === 'interface' ? 'device' : name
  return `${column}=${value}`
}

/** In linear time, which a regular expression of many `.*` does not take. */
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
