/** npm run bench:scale: measures how time and memory grow with the number of sessions, on the simulator. */
import {mkdtempSync, rmSync} from 'node:fs'
import {tmpdir} from 'node:os'
import path from 'node:path'

import {simulator} from '../test/simulator/simulator'
import {repository} from '../test/support/repository'
import {type Case, interleave, memoryOf, milliseconds, record, table} from './measure'

const rounds = 7
const sizes = [10, 100, 1000, 5000]
const commands = [
  'sessions-list --format=classic',
  'sessions-list --json',
  'sessions-list --format=table',
  'sessions-list --columns id,status',
  'session-stats --all --json',
  'session-manage --cleanup --dry-run --json',
]
const program = path.join(repository, 'bin', 'run.js')

async function main(): Promise<void> {
  const world = await simulator({me: true})
  const home = mkdtempSync(path.join(tmpdir(), 'ovpn3-bench-'))
  const env = {DBUS_SYSTEM_BUS_ADDRESS: world.busAddress, HOME: home}
  const cases: Case[] = commands.map((name) => ({command: [process.execPath, program, ...name.split(' ')], env, name}))
  const start: Case = {command: [process.execPath, program, '--version'], env, name: 'start-up (`--version`)'}
  const rows = new Map([start, ...cases].map(({name}) => [name, [] as string[]]))
  try {
    for (const size of sizes) {
      world.createSessions(size - (await world.sessions()).length)
      const timings = await interleave([start, ...cases], rounds)
      for (const each of [start, ...cases]) {
        const memory = await memoryOf(each)
        rows.get(each.name)!.push(`${milliseconds(timings.get(each.name)!.median)} ms, ${memory.toFixed(0)} MiB`)
      }
    }

    const header = ['ovpn3 …', ...sizes.map((size) => `${size} sessions`)]
    const body = [...rows].map(([name, texts]) => [name.startsWith('start') ? name : `\`${name}\``, ...texts])
    await record(
      'Scale',
      `Measured on the simulator, which uses the same two processors, so the times include its work. Each cell shows the median time of ${rounds} rounds and the peak memory of one run.\n\n${table(header, body)}`,
    )
  } finally {
    await world.close()
    rmSync(home, {recursive: true})
  }
}

void main()
