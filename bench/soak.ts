/**
 * npm run bench:soak [-- MINUTES [SESSIONS [CHANGES]]]: both watches, as JSON and on a terminal, on sessions that change, so many times
 * a second, and that come and go. Tells the memory they take over time, and fails where it grows, where match rules or log subscriptions are left
 * behind, where they write an error, or where they do not show what there is in the end.
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
/** Sessions that come, and as many that go. */
const guestsPerSecond = 3
const guestNames = 30
/** Milliseconds between two looks at the memory. */
const lookEvery = 5000
/** The time is divided into as many parts, the first of which is for warming up. */
const parts = 6
/** Times what it was after warming up that the memory may be in the end. */
const growth = 1.1
/** In less the heap only grows to the size that it is to have. */
const minutesToTell = 30
const program = path.join(repository, 'bin', 'run.js')
const dbus = 'org.freedesktop.DBus'
/** Connected, and reconnecting. */
const minors = [7, 12]
const commands = ['sessions-list --watch', 'session-stats --all --watch'].flatMap((command) => [
  {command: `${command} --json`, isOnTerminal: false},
  {command, isOnTerminal: true},
])

interface Line {
  /** Of sessions-list. */
  readonly event?: string
  readonly session?: {readonly path: string}
  /** Of session-stats. */
  readonly path?: string
  readonly removed?: boolean
}

/** A watch that runs. */
class Watch {
  readonly title: string
  /** Bytes, of what goes to stdout. */
  written = 0
  /** Paths of the sessions that it last said are there; on a terminal nobody reads that. */
  readonly shown = new Set<string>()
  /** MiB, every five seconds. */
  readonly memory: number[] = []
  /** Milliseconds from a change to the line that tells it. */
  readonly delays: number[] = []
  /** Its name on the bus. */
  connection = ''
  readonly changedAt = new Map<string, number>()
  /** Of the program itself, which on a terminal is a child of the one that makes the terminal. */
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

  /** Waits until it runs, and is on the bus. */
  async started(bus: Bus): Promise<void> {
    await until(`${this.title} is on the bus`, async () => {
      const {pid} = this.child
      const [child = ''] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')
      this.pid = this.isOnTerminal ? Number(child) : pid!
      this.connection = (await connections(bus)).get(this.pid) ?? ''
      return this.connection !== ''
    })
  }

  /** What it shows that is not there, and what is there that it does not show; empty where there is nothing. */
  difference(there: ReadonlySet<string>): string {
    const extra = [...this.shown].filter((each) => !there.has(each))
    const missing = [...there].filter((each) => !this.shown.has(each))
    return [
      ...extra.map((each) => `${this.title} shows ${each}`),
      ...missing.map((each) => `${this.title} lacks ${each}`),
    ].join('; ')
  }

  look(): void {
    this.memory.push(Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))![1]) / 1024)
  }

  /** Seconds of processor that it has taken. */
  time(): number {
    const fields = readFileSync(`/proc/${this.pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
    return (Number(fields[11]) + Number(fields[12])) / 100
  }

  /** Ends it with a Ctrl-C. Answers its exit status, and what it wrote to stderr. */
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

/** The names on the bus, by the process that has them. */
async function connections(bus: Bus): Promise<Map<number, string>> {
  const [names] = (await driver(bus, 'ListNames')) as [string[]]
  const found = new Map<number, string>()
  for (const name of names.filter((each) => each.startsWith(':'))) {
    const [pid] = await driver(bus, 'GetConnectionUnixProcessID', [name])
    found.set(Number(pid), name)
  }

  return found
}

/** The match rules that each connection has on the bus. */
async function matchRules(bus: Bus): Promise<Record<string, string[]>> {
  const [rules] = await driver(bus, 'GetAllMatchRules', [], `${dbus}.Debug.Stats`)
  return rules as Record<string, string[]>
}

/** Sessions come and go until it is over: they are disconnected, lose their backend, or vanish without a word. */
async function guests(world: Simulator, over: AbortSignal): Promise<number> {
  const names = Array.from({length: guestNames}, (_, i) => `guest-${i}`)
  for (const name of names) world.addProfile('alice', name)
  const present = new Map<string, string>()
  const ends = [
    (session: string) => world.disconnect(session),
    (session: string) => world.killBackend(session),
    async (session: string) => world.vanish(session),
  ]
  let came = 0
  while (!over.aborted) {
    const name = names[came % guestNames]!
    present.set(name, await world.startProfile('alice', name, {until: 'started'}))
    came++
    const leaving = present.get(names[(came + guestNames / 2) % guestNames]!)
    if (leaving) await ends[came % ends.length]!(leaving)
    await pause(1000 / guestsPerSecond)
    // one without a backend goes when it is looked at
    const left = new Set(await world.sessions())
    const next = present.get(names[came % guestNames]!)
    if (next && left.has(next)) world.vanish(next)
  }

  return came
}

/** The statuses of sessions change until it is over. */
async function changes(
  world: Simulator,
  paths: readonly string[],
  perSecond: number,
  watches: readonly Watch[],
  over: AbortSignal,
): Promise<number> {
  let made = 0
  while (!over.aborted) {
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

/** What a connection has asked for with LogForward. */
class Forwards {
  /** Paths of all sessions that it asked for, and of those that it has not taken back. */
  readonly asked = new Set<string>()
  readonly held = new Set<string>()
  /** It asked for one again, or took back what it did not have. */
  wrong = 0

  call(path: string, enable: boolean): void {
    if (enable ? this.asked.has(path) : !this.held.has(path)) this.wrong++
    if (!enable) {
      this.held.delete(path)
      return
    }

    this.asked.add(path)
    this.held.add(path)
  }
}

/** Keeps account of the calls of LogForward from now on, by connection. */
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

/** What is in one of the parts that the time is divided into. */
function partOf(values: readonly number[], part: number): number[] {
  const length = values.length / parts
  return values.slice(Math.round(part * length), Math.round((part + 1) * length))
}

/** By least squares: by how much a value is more than the one before. */
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

/** What is not as it has to be. */
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

    const over = new AbortController()
    const started = performance.now()
    const work = Promise.all([
      guests(world, over.signal),
      changes(world, paths, changesPerSecond, watches, over.signal),
    ])
    for (let i = 0; i < (minutes * 60_000) / lookEvery; i++) {
      const failed = await Promise.race([work, pause(started + (i + 1) * lookEvery - performance.now())])
      if (failed) throw new Error('the work ended early')
      for (const watch of watches) watch.look()
      if (i % 12 === 11)
        process.stdout.write(
          `minute ${(i + 1) / 12}: ${watches.map(({memory}) => memory.at(-1)!.toFixed(0)).join(', ')} MiB\n`,
        )
    }

    over.abort()
    const [came, made] = await work
    const seconds = (performance.now() - started) / 1000
    const times = watches.map((watch) => watch.time())
    let there = new Set<string>()
    for (const watch of watches.filter(({isOnTerminal}) => !isOnTerminal)) {
      // one that vanished without a word is missed by the slow poll
      await until(
        () => watch.difference(there),
        async () => {
          there = new Set(await world.sessions())
          return watch.difference(there) === ''
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
      const [first, last] = [rulesFirst, rulesLast].map((rules) => rules[connection]!)
      const [warm, end] = [partOf(memory, 1), partOf(memory, parts - 1)].map((part) => median(part))
      expect(status === 130, `${title}: exit status ${status}`)
      expect(errors === '', `${title} wrote to stderr: ${errors}`)
      if (minutes >= minutesToTell)
        expect(end! <= warm! * growth, `${title}: the memory grew from ${warm} to ${end} MiB`)
      expect(
        first!.join(',') === last!.join(','),
        `${title}: match rules\n${first!.join('\n')}\nand then\n${last!.join('\n')}`,
      )
      expect(forwards.wrong === 0, `${title}: ${forwards.wrong} calls of LogForward too many`)
      const left = [...forwards.held].filter((session) => there.has(session))
      expect(left.length === 0, `${title}: the log of ${left.length} sessions was not taken back`)
      const perHour = slope(memory.slice(Math.round(memory.length / parts))) * (3_600_000 / lookEvery)
      rows.push([
        `\`${watch.command}\`${watch.isOnTerminal ? ', on a terminal' : ''}`,
        ...Array.from({length: parts}, (_, part) => {
          const values = partOf(memory, part)
          return `${median(values).toFixed(0)} (${Math.max(...values).toFixed(0)})`
        }),
        perHour.toFixed(1),
        String(last!.length),
        String(forwards.asked.size),
        delays.length > 0 ? `${milliseconds(median(delays))}, ${milliseconds(quantile(delays, 0.99))}` : '',
        `${((100 * times[i]!) / seconds).toFixed(1)} %`,
      ])
    }

    const rulesAfter = Object.values(await matchRules(bus)).flat().length
    expect(rulesAfter === rulesBefore, `${rulesAfter} match rules are on the bus, and ${rulesBefore} were before`)
    const part = minutes / parts
    const header = [
      'ovpn3 …',
      ...Array.from(
        {length: parts},
        (_, i) => `${Math.round(i * part * 10) / 10}–${Math.round((i + 1) * part * 10) / 10} min`,
      ),
      'MiB an hour',
      'match rules',
      'LogForward',
      'seen after, ms',
      'processor',
    ]
    return [
      `All at once, on the simulator, for ${minutes} minutes: ${sessions} sessions, ${made} changes of their status (${Math.round(made / seconds)} a second), and ${came} more sessions that came and went. MiB: the median of each part, in parentheses the most; and by least squares, without the first part. LogForward: the sessions whose log was asked for, each once; afterwards none was still forwarded. Seen after: the median, and 99 %. Nothing was written to stderr.`,
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
