/**
 * npm run bench:soak [-- MINUTES [SESSIONS [CHANGES]]]: runs both watch commands, as JSON and on a terminal, with
 * CHANGES status changes per second and with sessions that are started and removed. Reports the memory over time. Fails
 * if the memory grows, if match rules or log subscriptions remain, if a command writes an error, or if it does not show
 * the right sessions at the end.
 */
import {type ChildProcess, spawn} from 'node:child_process'
import {mkdtempSync, readFileSync, rmSync} from 'node:fs'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {createInterface} from 'node:readline'
import {setTimeout as pause} from 'node:timers/promises'

import {Bus} from '../src/lib/bus'
import {type Simulator, simulator} from '../test/simulator/simulator'
import {until} from '../test/support/cli'
import {repository} from '../test/support/repository'
import {ended, milliseconds, plainEnvironment, record, table} from './measure'

const ticksPerSecond = 20
/** Sessions that are started per second; as many are removed. */
const guestsPerSecond = 3
const guestNames = 30
/** Milliseconds between samples of the memory. */
const sampleInterval = 5000
/** The number of periods that the run is divided into; the first one is for warm-up. */
const parts = 6
/** The limit for the memory at the end, relative to the memory after warm-up. */
const maxGrowth = 1.1
/** The minimum duration for a verdict on growth; in a shorter run the heap only reaches its normal size. */
const minutesForVerdict = 30
const program = path.join(repository, 'bin', 'run.js')
const dbus = 'org.freedesktop.DBus'
/** Connected and reconnecting. */
const minors = [7, 12]
const commands = ['sessions-list --watch', 'session-stats --all --watch'].flatMap((command) => [
  {command: `${command} --json`, isOnTerminal: false},
  {command, isOnTerminal: true},
])

interface Line {
  /** From sessions-list. */
  readonly event?: string
  readonly session?: {readonly path: string}
  /** From session-stats. */
  readonly path?: string
  readonly removed?: boolean
}

/** A running watch command. */
class Watch {
  readonly title: string
  /** The number of bytes written to stdout. */
  written = 0
  /** The paths of the sessions that it currently shows; not known for a terminal. */
  readonly shown = new Set<string>()
  /** The memory in MiB, sampled every five seconds. */
  readonly memory: number[] = []
  /** Milliseconds from each change to its line. */
  readonly delays: number[] = []
  /** The unique name of its bus connection. */
  connection = ''
  readonly changedAt = new Map<string, number>()
  /** The program's process ID; on a terminal the program is a child of `script`. */
  pid = 0
  private readonly child: ChildProcess
  private readonly exited: Promise<number | null>

  constructor(
    readonly command: string,
    readonly isOnTerminal: boolean,
    env: Readonly<Record<string, string>>,
    private readonly errors: string,
  ) {
    this.title = `${command}${isOnTerminal ? ', on a terminal' : ''}`
    const line = `exec '${process.execPath}' '${program}' ${command} 2>'${errors}'`
    const [file, ...args] = isOnTerminal
      ? ['script', '-qec', `stty rows 24 cols 80; ${line}`, '/dev/null']
      : ['sh', '-c', line]
    this.child = spawn(file!, args, {env, stdio: ['pipe', 'pipe', 'inherit']})
    this.exited = ended(this.child)
    this.child.stdout!.on('data', (chunk: Buffer) => {
      this.written += chunk.length
    })
    if (!isOnTerminal)
      createInterface({input: this.child.stdout!}).on('line', (text) => this.read(JSON.parse(text) as Line))
  }

  /** Waits until the command is connected to the bus. */
  async started(bus: Bus): Promise<void> {
    await until(`${this.title} is connected to the bus`, async () => {
      const {pid} = this.child
      const [child = ''] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')
      this.pid = this.isOnTerminal ? Number(child) : pid!
      this.connection = (await connections(bus)).get(this.pid) ?? ''
      return this.connection !== ''
    })
  }

  /** The differences between the sessions that it shows and those that exist; empty if there are none. */
  difference(existing: ReadonlySet<string>): string {
    const extra = [...this.shown].filter((each) => !existing.has(each))
    const missing = [...existing].filter((each) => !this.shown.has(each))
    return [
      ...extra.map((each) => `${this.title} shows ${each}`),
      ...missing.map((each) => `${this.title} lacks ${each}`),
    ].join('; ')
  }

  sampleMemory(): void {
    this.memory.push(Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))![1]) / 1024)
  }

  /** CPU time in seconds. */
  time(): number {
    const fields = readFileSync(`/proc/${this.pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
    return (Number(fields[11]) + Number(fields[12])) / 100
  }

  /** Interrupts the command; returns its exit status and its output on stderr. */
  async interrupt(): Promise<{errors: string; status: number | null}> {
    process.kill(this.pid, 'SIGINT')
    return {errors: readFileSync(this.errors, 'utf8'), status: await this.exited}
  }

  kill(): void {
    this.child.kill('SIGKILL')
  }

  private read({event, path, removed, session}: Line): void {
    const which = (session?.path ?? path)!
    if (removed || event === 'removed') this.shown.delete(which)
    else this.shown.add(which)
    const at = this.changedAt.get(which)
    if (event !== 'changed' || at === undefined) return
    this.delays.push(performance.now() - at)
    this.changedAt.delete(which)
  }
}

const driver = (bus: Bus, member: string, body: readonly unknown[] = [], iface = dbus) =>
  bus.call({
    body,
    destination: dbus,
    interface: iface,
    member,
    path: '/org/freedesktop/DBus',
    signature: body.length > 0 ? 's' : '',
  })

/** The unique names on the bus, by process ID. */
async function connections(bus: Bus): Promise<Map<number, string>> {
  const [names] = (await driver(bus, 'ListNames')) as [string[]]
  const found = new Map<number, string>()
  for (const name of names.filter((each) => each.startsWith(':'))) {
    const [pid] = await driver(bus, 'GetConnectionUnixProcessID', [name])
    found.set(Number(pid), name)
  }

  return found
}

/** The match rules on the bus, by connection. */
async function matchRules(bus: Bus): Promise<Record<string, string[]>> {
  const [rules] = await driver(bus, 'GetAllMatchRules', [], `${dbus}.Debug.Stats`)
  return rules as Record<string, string[]>
}

/** Starts sessions and removes them until the signal aborts: by a disconnect, a dead backend, or without a signal. */
async function guests(world: Simulator, signal: AbortSignal): Promise<number> {
  const names = Array.from({length: guestNames}, (_, i) => `guest-${i}`)
  for (const name of names) world.addProfile('alice', name)
  const present = new Map<string, string>()
  const ends = [
    (session: string) => world.disconnect(session),
    (session: string) => world.killBackend(session),
    async (session: string) => world.vanish(session),
  ]
  let started = 0
  while (!signal.aborted) {
    const name = names[started % guestNames]!
    present.set(name, await world.startProfile('alice', name, {until: 'started'}))
    started++
    const leaving = present.get(names[(started + guestNames / 2) % guestNames]!)
    if (leaving) await ends[started % ends.length]!(leaving)
    await pause(1000 / guestsPerSecond)
    // A session with a dead backend is removed when a command reads it.
    const left = new Set(await world.sessions())
    const next = present.get(names[started % guestNames]!)
    if (next && left.has(next)) world.vanish(next)
  }

  return started
}

/** Changes the statuses of sessions until the signal aborts. */
async function changes(
  world: Simulator,
  paths: readonly string[],
  perSecond: number,
  watches: readonly Watch[],
  signal: AbortSignal,
): Promise<number> {
  let made = 0
  while (!signal.aborted) {
    const due = performance.now() + 1000 / ticksPerSecond
    for (let n = 0; n < perSecond / ticksPerSecond; n++) {
      const session = paths[made % paths.length]!
      const round = Math.floor(made / paths.length)
      for (const {changedAt} of watches) changedAt.set(session, performance.now())
      world.setStatus(session, [2, minors[round % minors.length]!, `round ${round}`])
      made++
    }

    await pause(Math.max(0, due - performance.now()))
  }

  return made
}

/** The LogForward calls of a connection. */
class Forwards {
  /** The paths of all requested sessions, and of those that have not been revoked. */
  readonly requested = new Set<string>()
  readonly held = new Set<string>()
  /** The number of repeated requests and of revocations without a request. */
  wrong = 0

  call(path: string, enable: boolean): void {
    if (enable ? this.requested.has(path) : !this.held.has(path)) this.wrong++
    if (!enable) {
      this.held.delete(path)
      return
    }

    this.requested.add(path)
    this.held.add(path)
  }
}

/** Records LogForward calls from now on, by connection. */
function auditForwards(world: Simulator): Map<string, Forwards> {
  const audit = new Map<string, Forwards>()
  world.intercept(({message: {body, member, path, sender}}) => {
    if (member !== 'LogForward') return
    const forwards = audit.get(sender) ?? new Forwards()
    audit.set(sender, forwards)
    forwards.call(path, body[0] as boolean)
  })
  return audit
}

const median = (values: readonly number[]): number => quantile(values, 0.5)

const quantile = (values: readonly number[], part: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length * part)] ?? Number.NaN

/** The values of one period. */
function partOf(values: readonly number[], part: number): number[] {
  const length = values.length / parts
  return values.slice(Math.round(part * length), Math.round((part + 1) * length))
}

/** The average increase from one value to the next, by least squares. */
function slope(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const middle = (values.length - 1) / 2
  let [covariance, variance] = [0, 0]
  for (const [i, value] of values.entries()) {
    covariance += (i - middle) * (value - mean)
    variance += (i - middle) ** 2
  }

  return covariance / variance
}

/** Descriptions of the expectations that failed. */
const complaints: string[] = []

function expect(condition: boolean, complaint: string): void {
  if (!condition) complaints.push(complaint)
}

interface Load {
  readonly minutes: number
  readonly sessions: number
  readonly changesPerSecond: number
}

async function soak(
  world: Simulator,
  bus: Bus,
  home: string,
  {changesPerSecond, minutes, sessions}: Load,
): Promise<string> {
  const audit = auditForwards(world)
  const paths = world.createSessions(sessions)
  for (const [i, session] of paths.entries()) world.setTraffic(session, {in: 1000 * (i + 1), out: 100 * (i + 1)})
  const rulesBefore = Object.values(await matchRules(bus)).flat().length
  const env = {...plainEnvironment, DBUS_SYSTEM_BUS_ADDRESS: world.busAddress, HOME: home, TERM: 'xterm-256color'}
  const watches = commands.map(
    ({command, isOnTerminal}, i) => new Watch(command, isOnTerminal, env, path.join(home, `errors-${i}`)),
  )
  try {
    for (const watch of watches) await watch.started(bus)
    const lists = watches.filter(({command}) => command.startsWith('sessions-list'))
    await until(
      'the lists follow every session',
      () => lists.every(({connection}) => audit.get(connection)?.held.size === sessions),
      60_000,
    )
    const rulesFirst = await matchRules(bus)

    const end = new AbortController()
    const started = performance.now()
    const work = Promise.all([guests(world, end.signal), changes(world, paths, changesPerSecond, watches, end.signal)])
    for (let i = 0; i < (minutes * 60_000) / sampleInterval; i++) {
      const failed = await Promise.race([work, pause(started + (i + 1) ** sampleInterval - performance.now())])
      if (failed) throw new Error('the work ended early')
      for (const watch of watches) watch.sampleMemory()
      if (i % 12 === 11)
        process.stdout.write(
          `minute ${(i + 1) / 12}: ${watches.map(({memory}) => memory.at(-1)!.toFixed(0)).join(', ')} MiB\n`,
        )
    }

    end.abort()
    const [guestCount, changeCount] = await work
    const seconds = (performance.now() - started) / 1000
    const times = watches.map((watch) => watch.time())
    let existing = new Set<string>()
    for (const watch of watches.filter(({isOnTerminal}) => !isOnTerminal)) {
      // Only the slow poll detects a session that was removed without a signal.
      await until(
        () => watch.difference(existing),
        async () => {
          existing = new Set(await world.sessions())
          return watch.difference(existing) === ''
        },
        180_000,
      ).catch((error: unknown) => expect(false, String(error)))
    }

    const rulesLast = await matchRules(bus)
    const rows: string[][] = []
    for (const [i, watch] of watches.entries()) {
      const {connection, delays, memory, title} = watch
      const {errors, status} = await watch.interrupt()
      const forwards = audit.get(connection) ?? new Forwards()
      const [firstRules, lastRules] = [rulesFirst, rulesLast].map((rules) => rules[connection]!)
      const [warm, last] = [partOf(memory, 1), partOf(memory, parts - 1)].map((part) => median(part))
      expect(status === 130, `${title}: exit status ${status}`)
      expect(errors === '', `${title} wrote to stderr: ${errors}`)
      if (minutes >= minutesForVerdict)
        expect(last! <= warm! * maxGrowth, `${title}: the memory grew from ${warm} to ${last} MiB`)
      expect(
        firstRules!.join(',') === lastRules!.join(','),
        `${title}: the match rules changed from\n${firstRules!.join('\n')}\nto\n${lastRules!.join('\n')}`,
      )
      expect(forwards.wrong === 0, `${title}: ${forwards.wrong} superfluous LogForward calls`)
      const left = [...forwards.held].filter((session) => existing.has(session))
      expect(left.length === 0, `${title}: the LogForward of ${left.length} sessions was not revoked`)
      const perHour = slope(memory.slice(Math.round(memory.length / parts))) * (3_600_000 / sampleInterval)
      rows.push([
        `\`${watch.command}\`${watch.isOnTerminal ? ', on a terminal' : ''}`,
        ...Array.from({length: parts}, (_, part) => {
          const values = partOf(memory, part)
          return `${median(values).toFixed(0)} (${Math.max(...values).toFixed(0)})`
        }),
        perHour.toFixed(1),
        String(lastRules!.length),
        String(forwards.requested.size),
        delays.length > 0 ? `${milliseconds(median(delays))}, ${milliseconds(quantile(delays, 0.99))}` : '',
        `${((100 * times[i]!) / seconds).toFixed(1)} %`,
      ])
    }

    const rulesAfter = Object.values(await matchRules(bus)).flat().length
    expect(rulesAfter === rulesBefore, `the bus has ${rulesAfter} match rules, ${rulesBefore} before the run`)
    const part = minutes / parts
    const header = [
      'ovpn3 …',
      ...Array.from(
        {length: parts},
        (_, i) => `${Math.round(i * part * 10) / 10}–${Math.round((i + 1) * part * 10) / 10} min`,
      ),
      'MiB per hour',
      'match rules',
      'LogForward',
      'delay, ms',
      'CPU',
    ]
    return [
      `All commands ran at the same time on the simulator for ${minutes} minutes, with ${sessions} sessions, ${changeCount} status changes (${Math.round(changeCount / seconds)} per second), and ${guestCount} other sessions that were started and removed. Memory in MiB: the median and, in parentheses, the maximum of each period, and the growth per hour by least squares, without the first period. LogForward: the number of sessions whose log was requested, each once; all requests were revoked afterwards. Delay: the median and the 99th percentile of the time from a change to its line. Nothing was written to stderr.`,
      table(header, rows),
    ].join('\n\n')
  } finally {
    for (const watch of watches) watch.kill()
  }
}

async function main(load: Load): Promise<void> {
  const world = await simulator({me: true})
  const home = mkdtempSync(path.join(tmpdir(), 'ovpn3-bench-'))
  process.env.DBUS_SYSTEM_BUS_ADDRESS = world.busAddress
  const bus = await Bus.connect()
  try {
    const text = await soak(world, bus, home, load)
    if (complaints.length === 0) await record(`Soak of ${load.sessions} sessions`, text)
    else {
      process.stderr.write(`${text}\n\n${complaints.map((each) => `Error: ${each}\n`).join('')}`)
      process.exitCode = 1
    }
  } finally {
    bus.close()
    await world.close()
    rmSync(home, {recursive: true})
  }
}

const [minutes = 10, sessions = 200, changesPerSecond = 200] = process.argv.slice(2).map(Number)
void main({changesPerSecond, minutes, sessions})
