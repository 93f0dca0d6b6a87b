import type {Colors} from '@ovpn3/kit'

import {
  configOf,
  errorJson,
  hasCode,
  identityOf,
  localTime,
  logLevelName,
  type LogLine,
  type Ovpn3Error,
  safeText,
  type Session,
  statusJson,
} from '@ovpn3/sessions'

import {type LogItem, statusLine} from './follow'

/** `2026-03-01 11:00:02.004`, in local time. */
export const preciseTime = (time: Date) =>
  `${localTime(time.getTime() / 1000)}.${String(time.getMilliseconds()).padStart(3, '0')}`

type Paint = (text: string) => string

/** The colour of a line, by the category of its level. */
function paintOf({category}: LogLine, {dim, red, yellow}: Colors): Paint {
  if (category >= 6) return red
  if (category === 5) return yellow
  return category === 0 || category === 4 ? (text) => text : dim
}

export interface LineOptions {
  readonly colors: Colors
  /** The name of the session, if there are several. */
  readonly label?: string
  /** The full name of the session, with its owner if that is another user. */
  readonly name: string
}

/** An item as text. Further lines of a message are indented, so that none can pass for another item. */
export function logItemLine(logItem: LogItem, {colors, label, name}: LineOptions): string {
  const [word, paint, text] = partsOf(logItem, colors, name)
  const isNamed = label !== undefined && (logItem.type === 'log' || logItem.type === 'status')
  const time = preciseTime(logItem.time)
  const indent = ' '.repeat(`${time} ${word.padEnd(7)} `.length)
  const [first = '', ...more] = text
    .split('\n')
    .map((line) => safeText(line))
    .filter(Boolean)
  return [
    `${colors.dim(time)} ${paint(word.padEnd(7))} ${isNamed ? `${colors.bold(label!)}: ` : ''}${paint(first)}`,
    ...more.map((line) => paint(indent + line)),
  ].join('\n')
}

function partsOf(logItem: LogItem, colors: Colors, name: string): [word: string, paint: Paint, text: string] {
  switch (logItem.type) {
    case 'attached':
      return ['session', colors.bold, `${name} found${logItem.status ? `: ${statusLine(logItem.status)}` : ''}`]
    case 'ended':
      return ['session', colors.bold, `${name} ended${logItem.error ? `: ${logItem.error.message}` : ''}`]
    case 'log':
      return [logLevelName(logItem.line), paintOf(logItem.line, colors), logItem.line.message]
    case 'log-lost':
      return ['session', colors.yellow, `no log of ${name}: ${lossReason(logItem.error)}`]
    case 'status':
      return ['status', colors.cyan, statusLine(logItem.status)]
  }
}

/** Why the log of a session is lost. */
export function lossReason(error: Ovpn3Error | undefined): string {
  if (hasCode(error, 'unsupported')) return error!.message
  return hasCode(error, 'access-denied') ? 'permission denied' : 'the log service does not know the session'
}

/** An item as a JSON document. */
export function logItemJson(logItem: LogItem): unknown {
  const {session, time} = logItem
  const head = {time: time.toISOString(), session: sessionJson(session)}
  switch (logItem.type) {
    case 'attached':
      return {...head, type: 'session', event: 'attached', status: statusJson(logItem.status)}
    case 'ended':
      return {...head, type: 'session', event: 'ended', ...(logItem.error && {error: errorJson(logItem.error)})}
    case 'log': {
      const {group, message} = logItem.line
      return {...head, type: 'log', level: logLevelName(logItem.line), group, message}
    }

    case 'log-lost':
      return {...head, type: 'session', event: 'log-lost', ...(logItem.error && {error: errorJson(logItem.error)})}
    case 'status':
      return {...head, type: 'status', status: statusJson(logItem.status)}
  }
}

/** A document about no session. */
export function noteJson(event: 'none' | 'waiting', message: string): unknown {
  return {time: new Date().toISOString(), session: null, type: 'session', event, message}
}

function sessionJson(session: Session) {
  return {...identityOf(session), config: configOf(session)}
}
