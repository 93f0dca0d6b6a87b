import {type Colors, tableText, userText} from '@ovpn3/kit'
import {classicMinorText, duration, localTime, safeText, type Session, sessionLabel, statusText} from '@ovpn3/sessions'

import type {AuthRequest} from './request'

export const noneText = 'No session waits for input.'

const columns = [
  {header: 'AUTH-REQ'},
  {flexible: true, header: 'SESSION'},
  {flexible: true, header: 'WAITS FOR'},
  {header: 'STARTED'},
]

export interface TextOptions {
  readonly colors: Colors
  /** Seconds since 1970. */
  readonly now: number
  /** Of the terminal; undefined if there is none. */
  readonly width?: number
}

/** The requests as a table, with the addresses for web authentication below it, where they are never cut. */
export function requestsText(requests: readonly AuthRequest[], {colors, now, width}: TextOptions): string {
  const rows = requests.map((request) => {
    const {state, values} = request
    const need = stateText(request)
    const created = values.session_created
    return [
      values.backend_pid === undefined ? colors.dim('-') : String(values.backend_pid),
      nameOf(request),
      state === 'waiting' ? need : colors.red(need),
      created === undefined ? colors.dim('-') : `${duration(now - created)} ago`,
    ]
  })
  const head = columns.map((column) => ({...column, header: colors.bold(column.header)}))
  const table = requests.length > 0 ? [tableText(head, rows, width)] : []
  const pages = requests.flatMap((request) =>
    request.url === undefined ? [] : [`${nameOf(request)}: open\n  ${safeText(request.url)}`],
  )
  const none = requests.some(({state}) => state === 'waiting') ? [] : [noneText]
  return [...table, ...pages, ...none].join('\n')
}

const line = '-'.repeat(77)
const labelWidth = 12

/**
 * The requests in the exact lines of `openvpn3 session-auth`, with two additional fields: `Owner` and `Needs`.
 */
export function classicText(requests: readonly AuthRequest[]): string {
  const block = requests.length > 0 ? [line, requests.map((request) => record(request)).join('\n\n'), line] : []
  const none = requests.some(({state}) => state === 'waiting')
    ? []
    : ['No sessions requires authentication interaction']
  return [...block, ...none].join('\n')
}

/** The lines that `openvpn3` prints for a session that is continued. */
export function continuingText(session: Session): string {
  const config = safeText(session.snapshot.values.config_name ?? '')
  return `Continuing authentication for session ${config}\nSession path: ${safeText(session.path)}\n`
}

function record(request: AuthRequest): string {
  const {selected, slots = [], state, url, values} = request
  const {owner, session} = selected
  const {backend_pid: pid, config_name: config, session_created: created, status} = values
  const fields: [label: string, value: string][] = [['Path', safeText(session.path)]]
  if (state !== 'waiting') fields.push(['Auth status', stateText(request)])
  else {
    fields.push(
      ['Auth Request', String(pid ?? 0)],
      ['Created', created === undefined ? '(Not available)' : localTime(created)],
      ['Config name', safeText(config ?? '')],
      ['Auth status', url === undefined ? safeText(classicMinorText(status!)) : 'On-going web authentication'],
    )
    if (url !== undefined) fields.push(['Auth URL', safeText(url)])
    if (owner) fields.push(['Owner', userText(owner)])
    if (slots.length > 0) fields.push(['Needs', slotsText(slots)])
  }

  return fields.map(([label, value]) => `${label.padStart(labelWidth)}: ${value}`).join('\n')
}

/** The name of the session, with its owner if that is another user. */
export function nameOf({selected, values}: AuthRequest): string {
  const {owner, session} = selected
  return sessionLabel({config: values.config_name ?? session.config, id: session.id, owner})
}

/** The input that a session needs, or why that is unknown. */
function stateText({error, slots = [], state, values: {status}}: AuthRequest): string {
  switch (state) {
    case 'failed':
      return `not readable: ${safeText(error?.message ?? '')}`
    case 'hung':
      return 'hung, removed'
    case 'stale':
      return 'stale, removed'
    case 'waiting':
      if (slots.length > 0) return slotsText(slots)
      return safeText(statusText(status!)).replace(/^needs /, '')
  }
}

const slotsText = (slots: NonNullable<AuthRequest['slots']>) =>
  slots.map(({description, name}) => safeText(description || name)).join(', ')
