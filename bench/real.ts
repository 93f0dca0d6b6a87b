/** npm run bench:real [-- SUITE [lists|start]]: compares ovpn3 with the reference tool on the lab's real service. */
import {chownSync, mkdtempSync, rmSync} from 'node:fs'
import {tmpdir} from 'node:os'
import path from 'node:path'

import {retryUntilReady} from '../test/contract/service-stage'
import {lab, type Suite} from '../test/real/lab'
import {referenceCommand} from '../test/real/reference'
import {BusClient} from '../test/support/bus-client'
import {cli} from '../test/support/cli'
import {type Case, interleave, milliseconds, record, table, type Timing} from './measure'

const sizes = [1, 3, 10, 50]
const rounds = (size: number) => (size < 50 ? 15 : 5)
const raw = path.join(__dirname, 'raw.js')
const rawStart = path.join(__dirname, 'raw-start.js')

const classic = ['status', 'session_created', 'backend_pid', 'owner', 'device_name', 'config_name', 'config_path']
const comparisons: readonly {ours: string; reads?: readonly string[]; reference?: string}[] = [
  {ours: 'sessions-list', reads: classic, reference: 'sessions-list'},
  {
    ours: 'sessions-list --format=table',
    reads: ['config_name', 'status', 'device_name', 'owner', 'session_created'],
    reference: 'sessions-list',
  },
  {ours: 'sessions-list --columns id,config,status', reads: ['config_name', 'status'], reference: 'sessions-list'},
  {ours: 'session-manage --cleanup', reads: ['status'], reference: 'session-manage --cleanup'},
  {ours: 'session-stats --path PATH', reference: 'session-stats --path PATH'},
]

async function lists(suite: Suite): Promise<void> {
  const world = await lab(suite)
  const home = mkdtempSync(path.join(tmpdir(), 'ovpn3-bench-'))
  const uid = world.uid('alice')
  chownSync(home, uid, uid)
  const program = cli()
  const rows: string[][] = []
  try {
    await world.reset()
    const sessions: string[] = []
    for (const size of sizes) {
      // A session whose server does not respond is as much work for the manager as any other.
      while (sessions.length < size)
        sessions.push(await world.startSession('alice', 'dead', {fresh: true, until: 'started'}))
      const env = {DBUS_SYSTEM_BUS_ADDRESS: world.busAddress, HOME: home}
      const words = (command: string) => command.replace('PATH', sessions[0]!).split(' ')
      for (const {ours, reads, reference} of comparisons) {
        const cases: Case[] = [
          {command: [process.execPath, program, ...words(ours)], env, name: 'ours', uid},
          ...(reads ? [{command: [process.execPath, raw, ...reads], env, name: 'raw', uid}] : []),
          ...(reference ? [{command: referenceCommand(world, 'alice', words(reference)), name: 'reference'}] : []),
        ]
        const timings = await interleave(cases, rounds(size))
        rows.push(row(`\`${ours}\``, size, timings))
      }
    }

    const header = ['ovpn3 …', 'sessions', 'ovpn3', 'openvpn3', 'speed-up', 'reads only', 'ratio']
    await record(
      `Compared with openvpn3 ${world.version} (${suite})`,
      `The sessions wait for a server, and their profiles have the same name. \`openvpn3\` has only one list format and runs in the lab's chroot. "Reads only" is a process that only reads the same properties, 100 at a time.\n\n${table(header, rows)}`,
    )
  } finally {
    await world.reset()
    await world.close()
    rmSync(home, {recursive: true})
  }
}

function row(name: string, size: number, timings: ReadonlyMap<string, Timing>): string[] {
  const [ours, reads, reference] = ['ours', 'raw', 'reference'].map((each) => timings.get(each))
  const text = (timing: Timing | undefined) =>
    timing ? `${milliseconds(timing.median)} (${timing.middle.map((ms) => milliseconds(ms)).join('–')})` : ''
  return [
    name,
    String(size),
    text(ours),
    text(reference),
    reference ? (reference.median / ours!.median).toFixed(2) : '',
    text(reads),
    reads ? (ours!.median / reads.median).toFixed(2) : '',
  ]
}

/** Measures the time from the command to the connection. */
async function starts(suite: Suite): Promise<void> {
  const world = await lab(suite)
  const home = mkdtempSync(path.join(tmpdir(), 'ovpn3-bench-'))
  const uid = world.uid('alice')
  chownSync(home, uid, uid)
  const client = new BusClient(uid, world.busAddress)
  try {
    await world.reset()
    const service = 'net.openvpn.v3.configuration'
    const [[profile]] = (await retryUntilReady(() =>
      client.call({
        body: ['cert'],
        destination: service,
        interface: service,
        member: 'LookupConfigName',
        path: `/${service.replaceAll('.', '/')}`,
        signature: 's',
      }),
    )) as [[string]]
    const env = {DBUS_SYSTEM_BUS_ADDRESS: world.busAddress, HOME: home}
    const before = () => world.reset()
    const words = ['session-start', '--config', 'cert']
    const timings = await interleave(
      [
        {before, command: [process.execPath, cli(), ...words], env, name: 'ours', uid},
        {before, command: referenceCommand(world, 'alice', words), name: 'reference'},
        {before, command: [process.execPath, rawStart, profile], env, name: 'service', timesItself: true, uid},
      ],
      21,
    )
    const [ours, reference, alone] = ['ours', 'reference', 'service'].map((each) => timings.get(each)!)
    const text = ({median, middle}: Timing) =>
      `${milliseconds(median)} (${middle.map((ms) => milliseconds(ms)).join('–')})`
    const header = ['', 'ovpn3', 'openvpn3', 'speed-up', 'service only', 'difference']
    await record(
      `Session start compared with openvpn3 ${world.version} (${suite})`,
      `\`session-start --config cert\` with a saved profile that requires no input, until the session is connected and the process has exited. "Service only" is the time from the NewTunnel call to the connected signal, with only LogForward and Connect in between, in a process that is already running.\n\n${table(
        header,
        [
          [
            '`session-start`',
            text(ours!),
            text(reference!),
            (reference!.median / ours!.median).toFixed(2),
            text(alone!),
            milliseconds(ours!.median - alone!.median),
          ],
        ],
      )}`,
    )
  } finally {
    client.close()
    await world.reset()
    await world.close()
    rmSync(home, {recursive: true})
  }
}

async function main(suite: Suite, only?: string): Promise<void> {
  if (only !== 'start') await lists(suite)
  if (only !== 'lists') await starts(suite)
}

void main((process.argv[2] as Suite | undefined) ?? 'sid', process.argv[3])
