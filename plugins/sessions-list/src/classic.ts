import {classicStatusText, localTime, safeText} from '@ovpn3/sessions'

import {configNameOf, type Entry, remarkOf, serverOf} from './entry'
import {emptyText} from './query'

const line = '-'.repeat(77)
const labelWidth = 12
/** The width of the first of two values on a line. */
const valueWidth = 37
const secondLabelWidth = 8

/**
 * Prints records in the format of the reference tool, each as soon as it is available.
 * @param total the number of all sessions, matching or not, once all entries have been taken
 */
export async function printClassic(
  entries: AsyncIterable<Entry> | Iterable<Entry>,
  total: () => number,
  print: (text: string) => void,
): Promise<undefined> {
  let separator = line
  for await (const entry of entries) {
    print(`${separator}\n${record(entry)}`)
    separator = ''
  }

  print(separator === line ? emptyText(total()) : line)
}

function record(entry: Entry): string {
  const {details: {ownerName} = {}, session, values} = entry
  const created = values.session_created
  const server = serverOf(entry)
  const config = configText(entry)
  const {host} = session.source
  return [
    ...(host === undefined ? [] : [field('Host', host)]),
    field('Path', safeText(session.path)),
    pair(
      ['Created', created === undefined ? '(Not available)' : localTime(created)],
      ['PID', String(values.backend_pid ?? '-')],
    ),
    pair(
      ['Owner', ownerName === undefined ? '(not available)' : safeText(ownerName)],
      ['Device', values.device_name === undefined ? '(None)' : safeText(values.device_name)],
    ),
    ...(config ? [field('Config name', config)] : []),
    ...(server ? [field('Connected to', safeText(`${server.protocol}:${server.host}:${server.port}`))] : []),
    field('Status', statusLine(entry)),
  ].join('\n')
}

function configText(entry: Entry): string | undefined {
  const name = configNameOf(entry)
  if (name === undefined) return undefined
  const {profile} = entry.details ?? {}
  if (profile && !profile.available) return `${safeText(name)}  (Config not available)`
  return profile && profile.name !== name
    ? `${safeText(name)}  (Current name: ${safeText(profile.name)})`
    : safeText(name)
}

function statusLine(entry: Entry): string {
  const {status} = entry.values
  const text = status ? safeText(classicStatusText(status)) : '(No status)'
  const remark = remarkOf(entry)
  return remark ? `${text}: ${safeText(remark)}` : text
}

function field(label: string, value: string): string {
  return `${label.padStart(labelWidth)}: ${value}`
}

function pair([first, value]: readonly [string, string], [second, other]: readonly [string, string]): string {
  return `${field(first, value.padEnd(valueWidth))}${second.padStart(secondLabelWidth)}: ${other}`
}
