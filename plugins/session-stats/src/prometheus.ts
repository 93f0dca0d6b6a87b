import {configOf, safeText, type Session, type Snapshot, StatusMinor} from '@ovpn3/sessions'

import {rateCounters} from './rates'

/** The properties to read. `statistics` comes first: the first read of a stale session reports that it is stale. */
export const prometheusProperties = ['statistics', 'config_name', 'owner', 'status'] as const

const help: Readonly<Record<string, string>> = {
  BYTES_IN: 'Bytes received from the VPN server.',
  BYTES_OUT: 'Bytes sent to the VPN server.',
  PACKETS_IN: 'Packets received from the VPN server.',
  PACKETS_OUT: 'Packets sent to the VPN server.',
  TUN_BYTES_IN: 'Bytes read from the tun device, to be sent to the VPN server.',
  TUN_BYTES_OUT: 'Bytes written to the tun device, received from the VPN server.',
  TUN_PACKETS_IN: 'Packets read from the tun device, to be sent to the VPN server.',
  TUN_PACKETS_OUT: 'Packets written to the tun device, received from the VPN server.',
  N_PAUSE: 'Number of times the session was paused.',
  N_RECONNECT: 'Number of times the session reconnected.',
}

/** Counters that every session exports. The service leaves out those that are 0. */
const always = [...Object.values(rateCounters), 'N_PAUSE', 'N_RECONNECT']

interface Family {
  readonly help: string
  readonly name: string
  readonly type: 'counter' | 'gauge'
  /** Labels and value of each sample. */
  readonly samples: readonly (readonly [labels: string, value: bigint | number])[]
}

interface Gauge {
  readonly help: string
  /** Returns undefined if the value is not known. */
  value(values: Snapshot['values']): number | undefined
}

const gauges: Readonly<Record<string, Gauge>> = {
  readable: {
    help: '1 if the counters of the session could be read, else 0.',
    value: ({statistics}) => Number(statistics !== undefined),
  },
  connected: {
    help: '1 if the session is connected, else 0.',
    value: ({status}) => status && Number(status.minor === StatusMinor.connected),
  },
  status_major: {help: 'Major status code.', value: ({status}) => status?.major},
  status_minor: {help: 'Minor status code.', value: ({status}) => status?.minor},
}

/** A host of --host. */
export interface HostState {
  readonly host: string
  /** False: its sessions are missing. */
  readonly isUp: boolean
}

/** Sessions in the Prometheus text exposition format. Their `prometheusProperties` must have been read. */
export function exposition(sessions: readonly Session[], hosts: readonly HostState[]): string {
  const families: Family[] = [
    {help: 'Number of sessions.', name: 'openvpn3_sessions', samples: numbersOf(sessions, hosts), type: 'gauge'},
    {
      help: '1 if the sessions of the host could be read, else 0.',
      name: 'openvpn3_host_up',
      samples: hosts.map(({host, isUp}) => [hostLabel(host), Number(isUp)]),
      type: 'gauge',
    },
    ...Object.entries(gauges).map(([name, gauge]): Family => ({
      help: gauge.help,
      name: `openvpn3_session_${name}`,
      samples: sessions.flatMap((session): Family['samples'] => {
        const value = gauge.value(session.snapshot.values)
        return value === undefined ? [] : [[labelsOf(session), value]]
      }),
      type: 'gauge',
    })),
    ...counterFamilies(sessions),
  ]
  return families
    .filter(({samples}) => samples.length > 0)
    .map((family) => familyText(family))
    .join('')
}

/** The number of sessions, on each host. */
function numbersOf(sessions: readonly Session[], hosts: readonly HostState[]): Family['samples'] {
  if (hosts.length === 0) return [['', sessions.length]]
  return hosts
    .filter(({isUp}) => isUp)
    .map(({host}) => [hostLabel(host), sessions.filter(({source}) => source.host === host).length])
}

const hostLabel = (host: string) => `{host="${escapeText(host)}"}`

function counterFamilies(sessions: readonly Session[]): Family[] {
  const readable = sessions.flatMap((session) => {
    const {statistics} = session.snapshot.values
    return statistics ? [{labels: labelsOf(session), statistics}] : []
  })
  const names = new Set([...always, ...readable.flatMap(({statistics}) => Object.keys(statistics))])
  const families = new Map<string, Family>()
  for (const counter of names) {
    const name = metricName(counter)
    // the names of two counters may give the same metric name; Prometheus rejects duplicates
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
    ['host', session.source.host],
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

/** Escapes line feeds as the format requires, and removes other control characters. */
function escapeText(text: string): string {
  return text
    .split('\n')
    .map((line) => safeText(line).replaceAll('\\', '\\\\'))
    .join(String.raw`\n`)
}
