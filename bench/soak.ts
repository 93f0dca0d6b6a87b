/**
 * npm run bench:soak [-- MINUTES]: watches 1,000 sessions of which 1,000 change each second, and tells the memory it
 * takes, how late the changes are seen, and what is left behind on the bus.
 */
import {type ChildProcess, spawn} from 'node:child_process'
import {once} from 'node:events'
import {mkdtempSync, readFileSync, rmSync} from 'node:fs'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {createInterface} from 'node:readline'

import {type Simulator, simulator} from '../test/simulator/simulator'
import {repository} from '../test/support/repository'
import {milliseconds, plainEnvironment, record, table} from './measure'

const sessions = 1000
const changesPerSecond = 1000
const ticksPerSecond = 20
const program = path.join(repository, 'bin', 'run.js')
/** Connected, and reconnecting. */
const minors = [7, 12]

interface Minute {
  readonly memory: number[]
  readonly delays: number[]
  changes: number
  lines: number
}

/** MiB. */
function memoryOf(child: ChildProcess): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))![1]) / 1024
}

async function watch(world: Simulator, command: string, home: string, minutes: number): Promise<Minute[]> {
  const paths = world.createSessions(sessions)
  const child = spawn(process.execPath, [program, ...command.split(' ')], {
    env: {...plainEnvironment, DBUS_SYSTEM_BUS_ADDRESS: world.busAddress, HOME: home},
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const results: Minute[] = []
  const changedAt = new Map<string, number>()
  const lines = createInterface({input: child.stdout!})
  lines.on('line', (line) => {
    const minute = results.at(-1)
    if (!minute) return
    minute.lines++
    const session = (JSON.parse(line) as {session?: {path: string}}).session?.path
    const at = session && changedAt.get(session)
    if (!at) return
    minute.delays.push(performance.now() - at)
    changedAt.delete(session)
  })
  while (world.subscribers(paths.at(-1)!).length === 0) await pause(100)

  let next = 0
  for (let i = 0; i < minutes; i++) {
    const minute: Minute = {changes: 0, delays: [], lines: 0, memory: []}
    results.push(minute)
    for (let tick = 0; tick < 60 * ticksPerSecond; tick++) {
      const due = performance.now() + 1000 / ticksPerSecond
      for (let n = 0; n < changesPerSecond / ticksPerSecond; n++) {
        const session = paths[next % sessions]!
        changedAt.set(session, performance.now())
        world.setStatus(session, [2, minors[Math.floor(next / sessions) % minors.length]!, ''])
        next++
        minute.changes++
      }

      if (tick % (10 * ticksPerSecond) === 0) minute.memory.push(memoryOf(child))
      await pause(Math.max(0, due - performance.now()))
    }
  }

  child.kill('SIGINT')
  await once(child, 'exit')
  const left = paths.filter((each) => world.subscribers(each).length > 0)
  if (left.length > 0) throw new Error(`${left.length} sessions still forward their log`)
  return results
}

const pause = (ms: number) =>
  new Promise((resolve) => {
    setTimeout(resolve, ms)
  })

const quantile = (values: readonly number[], part: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length * part)] ?? Number.NaN

async function main(minutes: number): Promise<void> {
  const world = await simulator({me: true})
  const home = mkdtempSync(path.join(tmpdir(), 'ovpn3-bench-'))
  try {
    const results = await watch(world, 'sessions-list --watch --json', home, minutes)
    const rows = results.map(({changes, delays, lines, memory}, i) => [
      String(i + 1),
      String(changes),
      String(lines),
      `${milliseconds(quantile(delays, 0.5))}, ${milliseconds(quantile(delays, 0.99))}`,
      `${Math.min(...memory).toFixed(0)}–${Math.max(...memory).toFixed(0)} MiB`,
    ])
    const header = ['minute', 'changes', 'lines', 'seen after (median, 99 %), ms', 'memory']
    await record(
      'Soak',
      `\`sessions-list --watch --json\` of ${sessions} sessions with ${changesPerSecond} changes a second. Afterwards no session forwards its log to it.\n\n${table(header, rows)}`,
    )
  } finally {
    await world.close()
    rmSync(home, {recursive: true})
  }
}

void main(Number(process.argv[2] ?? 10))
