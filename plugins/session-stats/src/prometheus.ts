import {configOf, safeText, type Session, StatusMinor} from '@ovpn3/sessions'

import {rateCounters} from './rates'

/** What is read of each session. `statistics` first: the first read of a stale session says that it is stale. */
export const prometheusProperties = ['statistics', 'config_name', 'owner', 'status'] as const

const help: Readonly<Record<string, string>> = {
  BYTES_IN: 'Bytes received from the VPN server.',
  BYTES_OUT: 'Bytes sent to the VPN server.',
  PACKETS_IN: 'Packets received from the VPN server.',
  PACKETS_OUT: 'Packets sent to the VPN server.',
  TUN_BYTES_IN: 'Bytes read from the tun device, on their way to the VPN server.',
  TUN_BYTES_OUT: 'Bytes written to the tun device, as they came from the VPN server.',
  TUN_PACKETS_IN: 'Packets read from the tun device, on their way to the VPN server.',
  TUN_PACKETS_OUT: 'Packets written to the tun device, as they came from the VPN server.',
  N_PAUSE: 'Times that the session was paused.',
  N_RECONNECT: 'Times that the session connected again.',
}

/** Counters that every session has, also while they are 0, which the service leaves out. */
const always = [...Object.values(rateCounters), 'N_PAUSE', 'N_RECONNECT']

interface Family {
  readonly help: string
  readonly name: string
  readonly type: 'counter' | 'gauge'
  /** Labels and value of each sample. */
  readonly samples: readonly (readonly [labels: string, value: bigint | number])[]
}

/** Sessions in Prometheus' text exposition format. Each has been looked at for `prometheusProperties`. */
export function exposition(sessions: readonly Session[]): string {
  return [
    {
      help: 'Sessions that were asked for.',
      name: 'openvpn3_sessions',
      samples: [['', sessions.length]],
      type: 'gauge',
    } as const,
    gauge('readable', 'Whether the counters of the session could be read: 1 or 0.', sessions, ({snapshot}) =>
      Number(snapshot.values.statistics !== undefined),
    ),
    gauge('connected', 'Whether the session is connected: 1 or 0.', sessions, ({snapshot: {values}}) =>
      values.status ? Number(values.status.minor === StatusMinor.connected) : undefined,
    ),
    gauge('status_major', 'Major status code.', sessions, ({snapshot}) => snapshot.values.status?.major),
    gauge('status_minor', 'Minor status code.', sessions, ({snapshot}) => snapshot.values.status?.minor),
    ...counterFamilies(sessions),
  ]
    .filter(({samples}) => samples.length > 0)
    .map((family) => familyText(family))
    .join('')
}

function gauge(
  name: string,
  text: string,
  sessions: readonly Session[],
  value: (session: Session) => number | undefined,
): Family {
  const samples = sessions.flatMap((session): Family['samples'] => {
    const n = value(session)
    return n === undefined ? [] : [[labelsOf(session), n]]
  })
  return {help: text, name: `openvpn3_session_${name}`, samples, type: 'gauge'}
}

function counterFamilies(sessions: readonly Session[]): Family[] {
  const readable = sessions.flatMap((session) => {
    const {statistics} = session.snapshot.values
    return statistics ? [{labels: labelsOf(session), statistics}] : []
  })
  const names = new Set([...always, ...readable.flatMap(({statistics}) => Object.keys(statistics))])
  const families = new Map<string, Family>()
  for (const counter of names) {
    const name = metricName(counter)
    // two counters that differ in nothing a metric name may hold: a name that occurs twice would spoil it all
    if (families.has(name)) continue
    families.set(name, {
      help: (Object.hasOwn(help, counter) && help[counter]) || `Counter ${escapeText(counter)} of the session.`,
      name,
      samples: readable.map(({labels, statistics}) => [
        labels,
        (Object.hasOwn(statistics, counter) && statistics[counter]) || 0n,
      ]),
      type: 'counter',
    })
  }

  return [...families.values()]
}

function metricName(counter: string): string {
  const words = counter.toLowerCase().match(/[a-z0-9]+/g) ?? []
  return ['openvpn3_session', ...words, 'total'].join('_')
}

function familyText({help: text, name, samples, type}: Family): string {
  const lines = samples.map(([labels, value]) => `${name}${labels} ${value}\n`)
  return `# HELP ${name} ${text}\n# TYPE ${name} ${type}\n${lines.join('')}`
}

function labelsOf(session: Session): string {
  const labels: readonly (readonly [string, number | string | null | undefined])[] = [
    ['session', session.id],
    ['config', configOf(session)],
    ['owner', session.snapshot.values.owner],
  ]
  const known = labels.flatMap(([name, value]) =>
    value === null || value === undefined
      ? []
      : [`${name}="${escapeText(String(value)).replaceAll('"', String.raw`\"`)}"`],
  )
  return `{${known.join(',')}}`
}

/** Line feeds stay, as the format writes them; what else a terminal would obey does not. */
function escapeText(text: string): string {
  return text
    .split('\n')
    .map((line) => safeText(line).replaceAll('\\', '\\\\'))
    .join(String.raw`\n`)
}
