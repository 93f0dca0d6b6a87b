import {exitStatus} from '@ovpn3/sessions'
import {Variant} from 'dbus-next'
import * as fc from 'fast-check'
import assert from 'node:assert/strict'
import {type ChildProcess, spawn} from 'node:child_process'
import {isDeepStrictEqual} from 'node:util'

import {type Call, ServiceError, type Simulator, simulator} from '../simulator/simulator'
import {asUser, cli} from '../support/cli'
import {document} from '../support/schemas'
import {Stranger} from '../support/stranger'
import {type CallFault, type Scenario, scenario, sessionNames, strangers} from './scenario'
import {messagesPerWrite, strangersMessages} from './strangers'

export interface ChaosOptions {
  readonly commands: number
  readonly seed: number
  /** Only this one of them. */
  readonly only?: number
  readonly parallel?: number
  /** Told of each command that was run. */
  readonly progress?: (done: number) => void
}

export interface ChaosReport {
  /** How many faults of each kind were met. */
  readonly faults: ReadonlyMap<string, number>
  /** How often each exit status came. */
  readonly statuses: ReadonlyMap<number, number>
  /** How many messages of a stranger the commands were sent. */
  readonly strangers: number
  /** What was not as it has to be. */
  readonly violations: readonly string[]
}

/** Calls that change something. */
const changing = new Set([
  'AccessGrant',
  'AccessRevoke',
  'Connect',
  'Disconnect',
  'Pause',
  'Restart',
  'Resume',
  'Set',
  'UserInputProvide',
])
const documented = new Set<number | null>([0, ...Object.values(exitStatus), 129, 131, 143])
/** Milliseconds within which any command ends, and one of whose calls is never answered. */
const budget = 20_000
const silentBudget = 60_000
/** Milliseconds after which a watch is ended. */
const watchTime = 1000
/** Milliseconds between what a stranger sends. */
const strangerInterval = 5

/** Runs random commands, each against sessions in known states, while random things go wrong. */
export async function chaos({commands, only, parallel = 4, progress, seed}: ChaosOptions): Promise<ChaosReport> {
  const scenarios = fc.sample(scenario, {numRuns: commands, seed})
  const queue = [...scenarios.entries()].filter(([index]) => only === undefined || index === only)
  const faults = new Map<string, number>()
  const statuses = new Map<number, number>()
  const violations: string[] = []
  let done = 0
  let strangers = 0
  const worker = async () => {
    const stage = new Stage()
    for (let next = queue.shift(); next; next = queue.shift()) {
      const [index, each] = next
      try {
        const {met, status, unasked} = await stage.play(each, `${seed} ${index}`, seed + index)
        strangers += unasked * messagesPerWrite
        for (const kind of met) faults.set(kind, (faults.get(kind) ?? 0) + 1)
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
      } catch (error) {
        violations.push(
          `seed ${seed}, command ${index}: ${JSON.stringify(each)}\n${error instanceof Error ? error.message : String(error)}`,
        )
      }

      progress?.(++done)
    }

    await stage.close()
  }

  await Promise.all(Array.from({length: parallel}, () => worker()))
  return {faults, statuses, strangers, violations}
}

interface Run {
  readonly signal: NodeJS.Signals | null
  readonly status: number | null
  readonly stderr: string
  readonly stdout: string
}

/** A simulator with its sessions, and one command after the other on it. */
class Stage {
  #paths: string[] = []
  /** The commands so far, by their connections. */
  readonly #senders = new Set<string>()
  #stranger: Stranger | undefined
  #world: Simulator | undefined

  async play(
    each: Scenario,
    seed: string,
    strangersSeed: number,
  ): Promise<{met: string[]; status: number; unasked: number}> {
    const world = await this.#prepare(seed)
    const args = each.args.map((argument) => this.#named(argument))
    const before = new Map((await world.sessions()).map((path) => [path, world.state(path)]))
    const pids = new Map([...before.keys()].map((path) => [path, world.pid(path)]))
    const known = (path: string): Known => ({
      device: before.get(path)?.device,
      name: this.#nameOf(path),
      path,
      pid: pids.get(path),
    })
    const profiles = new Set(world.profilePaths())
    const changes: {member: string; path: string}[] = []
    const met: string[] = []
    const struck = new Set<string>()
    let count = 0
    let endStranger: (() => Promise<number>) | undefined
    let child: ChildProcess | undefined
    const watches = isWatch(args)
    let lost = false
    if (each.property) {
      const {fault, name, session} = each.property
      const path = this.#paths[session]!
      const faults = {
        error: new ServiceError('org.freedesktop.DBus.Error.Failed', 'chaos'),
        missing: 'missing' as const,
        type: new Variant('as', ['chaos']),
      }
      world.breakProperty(path, name, faults[fault])
      met.push(`property ${fault}`)
    }

    const earlier = new Set(this.#senders)
    world.intercept(({message: {body, member, path, sender}}: Call) => {
      // left in the queue by a command before
      if (earlier.has(sender)) return
      this.#senders.add(sender)
      if (changing.has(member)) changes.push({member: member === 'Set' ? `Set ${String(body[1])}` : member, path})
      const call = count++
      if (call === 0) {
        const bursts = strangersMessages(strangersSeed, sender, this.#paths)
        endStranger = this.#stranger!.flood(bursts, strangerInterval)
      }

      // it is there: a watch has to be ended
      if (call === 0 && watches) setTimeout(() => child!.kill('SIGINT'), watchTime)
      let result
      for (const [at, fault] of each.faults) {
        if (at !== call) continue
        met.push(fault.kind === 'session' ? fault.fault : fault.kind)
        if (fault.kind === 'bus') {
          lost = true
          this.#world = undefined
          void world.killBus()
        }

        if (fault.kind === 'session') struck.add(this.#paths[fault.session]!)
        if (fault.kind === 'crash') lost = true
        if (fault.kind === 'signal') interrupt(child!, fault.signal)
        result = this.#strike(world, fault) ?? result
      }

      return result
    })
    const silent = each.faults.some(([, {kind}]) => kind === 'ignore')
    const run = await this.#run(world, each, args, {
      limit: silent ? silentBudget : budget,
      started(process) {
        child = process
      },
    })
    const unasked = (await endStranger?.()) ?? 0
    if (!lost) world.intercept()
    this.#check(run, each, args, watches)
    if (!met.includes('bus'))
      assert.doesNotMatch(run.stdout + run.stderr, /message bus was lost/, `a stranger cut it off\n${show(run)}`)
    for (const {member, path} of changes)
      assert.ok(
        // those that it has started are its own
        (args[0] === 'session-start' && !before.has(path)) || mayChange(args, member, known(path)),
        `it called ${member} on ${this.#nameOf(path)}, which was not asked for\n${show(run)}`,
      )
    if (run.status === 2) assert.deepEqual(changes, [], `wrong usage, and yet it changed something\n${show(run)}`)
    // what is dead or hangs is removed by being looked at
    const doomed = new Set([...struck, this.#paths[7], this.#paths[8]])
    if (!lost) {
      const touched = new Set(changes.map(({path}) => path))
      const left = new Set(await world.sessions())
      for (const [path, state] of before) {
        if (touched.has(path) || doomed.has(path)) continue
        assert.ok(left.has(path), `${this.#nameOf(path)} is gone, which was not asked for\n${show(run)}`)
        const after = world.state(path)
        // one property may have been broken, the session was not
        assert.ok(
          isDeepStrictEqual(after, state),
          `${this.#nameOf(path)} has changed, which was not asked for: ${JSON.stringify([state, after])}\n${show(run)}`,
        )
      }
    }

    // a service that answers wrongly, or not at all, may keep what it says is gone
    if (args[0] === 'session-start' && !lost && !met.some((kind) => lying.has(kind))) {
      const left = world.profilePaths().filter((path) => !profiles.has(path))
      assert.deepEqual(left, [], `a profile stays\n${show(run)}`)
      const started = (await world.sessions()).filter((path) => !before.has(path))
      assert.ok(started.length === 0 || mayStay(run, args, each), `a session stays\n${show(run)}`)
    }

    if (lost) {
      this.#world = undefined
      await world.close()
    }

    return {met, status: run.status!, unasked}
  }

  async close(): Promise<void> {
    this.#stranger?.close()
    await this.#world?.close()
  }

  async #prepare(seed: string): Promise<Simulator> {
    if (!this.#world) {
      this.#world = await simulator({timings: {hung: 400}})
      this.#senders.clear()
      this.#stranger?.close()
      this.#stranger = new Stranger(this.#world.uid('bob'), this.#world.busAddress)
    }

    const world = this.#world
    await world.reset()
    world.seed(seed)
    this.#paths = world.createSessions(sessionNames.length, {name: (index) => sessionNames[index]!})
    world.pause(this.#paths[2]!)
    world.setStatus(this.#paths[6]!, [2, 11, 'Authentication failed'])
    const needy = await world.startSession('alice', 'pass', {until: 'new'})
    world.vanish(this.#paths[5]!)
    this.#paths[5] = needy
    await world.killBackend(this.#paths[7]!)
    await world.stopBackend(this.#paths[8]!)
    if (world.canBecome) {
      const [theirs] = world.createSessions(1, {name: () => strangers, user: 'bob'})
      await world.setPublicAccess(theirs!, true)
    }

    return world
  }

  #nameOf(path: string): string {
    const index = this.#paths.indexOf(path)
    return index === 5 ? 'pass' : (sessionNames[index] ?? (index === -1 ? strangers : ''))
  }

  #named(argument: string): string {
    if (argument === 'needy') return 'pass'
    const [, how, n] = /^([!@#%])(\d)$/.exec(argument) ?? []
    if (!how) return argument
    const path = this.#paths[Number(n)]!
    if (how === '!') return String(this.#world!.pid(path))
    const id = path.slice(path.lastIndexOf('/') + 1)
    return how === '@' ? path : how === '#' ? id : id.slice(0, 8)
  }

  #strike(world: Simulator, fault: CallFault): ReturnType<NonNullable<Parameters<Simulator['intercept']>[0]>> {
    switch (fault.kind) {
      case 'crash':
      case 'ignore':
      case 'twice':
        return fault.kind
      case 'delay':
        return {delay: fault.milliseconds}
      case 'error':
        return new ServiceError(fault.type, fault.text)
      case 'overtaken':
        return {overtaken: fault.milliseconds}
      case 'reply':
        return {reply: fault.reply}
      case 'session': {
        const path = this.#paths[fault.session]!
        // it may be gone already
        try {
          if (fault.fault === 'kill') void world.killBackend(path).catch(() => {})
          if (fault.fault === 'stop') void world.stopBackend(path).catch(() => {})
          if (fault.fault === 'vanish') world.vanish(path)
          if (fault.fault === 'replace') world.replaceSession(path, 'another')
        } catch {}

        return undefined
      }

      default:
        return undefined
    }
  }

  async #run(
    world: Simulator,
    {input, stdout}: Scenario,
    args: readonly string[],
    {limit, started}: {limit: number; started: (child: ChildProcess) => void},
  ): Promise<Run> {
    const child = spawn(process.execPath, [cli(), ...args], asUser(world, 'alice'))
    started(child)
    const output = {stderr: '', stdout: ''}
    for (const name of ['stderr', 'stdout'] as const)
      child[name].setEncoding('utf8').on('data', (data: string) => {
        output[name] += data
      })
    if (stdout === 'closed') child.stdout.destroy()
    child.stdin.on('error', () => {})
    // it may end without reading
    child.stdin.on('error', () => {}).end(input ?? '')
    let late = false
    const timer = setTimeout(() => {
      late = true
      child.kill('SIGKILL')
    }, limit)
    const [status, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
      child.on('close', (...end) => resolve(end))
    })
    clearTimeout(timer)
    const run = {...output, signal, status}
    assert.ok(!late, `it hung\n${show(run)}`)
    return run
  }

  #check(run: Run, {faults, stdout: reader}: Scenario, args: readonly string[], watches: boolean): void {
    const {signal, status, stderr, stdout} = run
    const signals = faults.filter(([, {kind}]) => kind === 'signal').length + Number(watches)
    const text = stdout + stderr
    // a second signal ends it at once, and one that comes when all has been said may still meet the process
    const mayDie = signals > 1 || (signals === 1 && (reader === 'closed' || text.endsWith('\n')))
    if (signal === null) assert.ok(documented.has(status), `exit status ${status}\n${show(run)}`)
    else assert.ok(mayDie, `it died\n${show(run)}`)
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(text, /[\u0000-\u0009\u000B-\u001F\u007F-\u009F]/, `control characters\n${show(run)}`)
    assert.doesNotMatch(
      text,
      /^ +at |TypeError|RangeError|undefined|\[object|is not a function|native code|Warning:/m,
      `it shows its inside\n${show(run)}`,
    )
    if (status !== 0 && !args.includes('--json') && signals === 0)
      assert.notEqual(stderr, '', `it does not say what went wrong\n${show(run)}`)
    if (!args.includes('--json') || reader === 'closed' || (signal !== null && signals > 1)) return
    const lines = watches && status !== 2 ? stdout.split('\n').slice(0, -1) : [stdout]
    for (const line of lines) checkDocument(line, args, run, watches)
    if (!watches) assert.notEqual(stdout, '', `nothing is printed\n${show(run)}`)
  }
}

function checkDocument(text: string, args: readonly string[], run: Run, watches: boolean): void {
  try {
    const value = JSON.parse(text) as null | {action?: unknown; error?: {code: keyof typeof exitStatus}}
    if (value && Object.keys(value).join(',') === 'error') {
      document('error', text)
      if (run.status! < 128) assert.equal(exitStatus[value.error!.code], run.status)
      return
    }

    const [name] = args
    const all = args.includes('--all')
    if (name === 'sessions-list') document(watches ? 'sessions-list-event' : name, text)
    else if (name === 'session-stats')
      document(watches ? 'session-stats-watch' : all ? 'session-stats-all' : name, text)
    else document(name!, text)
  } catch (error) {
    assert.fail(`not the document that was promised: ${String(error)}\n${show(run)}`)
  }
}

/** Suspends it for a while, or asks it to end. */
function interrupt(child: ChildProcess, signal: NodeJS.Signals): void {
  child.kill(signal)
  if (signal === 'SIGSTOP') setTimeout(() => child.kill('SIGCONT'), 300)
}

interface Known {
  readonly device: unknown
  readonly name: string
  readonly path: string
  readonly pid: number | undefined
}

/** Whether a command goes on until it is interrupted. */
const isWatch = (args: readonly string[]) =>
  args[0] === 'session-log' || args.some((argument) => /^--(foreground|watch)/.test(argument))

/** Whether a command line selects this session. */
function selects(args: readonly string[], {device, name, path, pid}: Known): boolean {
  if (args[0] === 'session-start') return name === args[1] && args.includes('--if-running=restart')
  const [flag, value] = ['--auth-req', '--config', '--interface', '--path'].flatMap((each) => {
    const at = args.indexOf(each)
    return at === -1 ? [] : [each, args[at + 1]!]
  })
  switch (flag) {
    case '--auth-req':
      return String(pid) === value
    case '--config':
      return name === value
    case '--interface':
      return device === value
    case '--path':
      return path === value || path.slice(path.lastIndexOf('/') + 1).startsWith(value!)
    default:
      return args.includes('--all') && name !== strangers
  }
}

/** The calls that a command line may make to a session that it selects. */
const asked: readonly (readonly [option: string, calls: RegExp])[] = [
  ['session-acl', /^(Access(Grant|Revoke)|Set (public_access|restrict_log_access))$/],
  ['--pause', /^Pause$/],
  ['--disconnect', /^Disconnect$/],
  ['--log-level=5', /^Set log_verbosity$/],
  ['session-auth', /^(Connect|UserInputProvide)$/],
  ['session-start', /^(Connect|Disconnect|Restart|UserInputProvide)$/],
  ['--resume', /^(Connect|Resume|UserInputProvide)$/],
  ['--restart', /^(Connect|Restart|UserInputProvide)$/],
]

/** Whether a command line asks for this change of this session. */
function mayChange(args: readonly string[], member: string, session: Known): boolean {
  if (args.includes('--dry-run')) return false
  if (args.includes('--cleanup'))
    return member === 'Disconnect' && args.includes('--failed') && session.name === 'refused'
  // an attempt that takes too long is given up
  if (member === 'Disconnect' && args.includes('--timeout') && !args.includes('--keep')) return selects(args, session)
  return asked.some(([option, calls]) => args.includes(option) && calls.test(member)) && selects(args, session)
}

/** Faults after which nothing is certain of what a session-start leaves. */
const lying = new Set(['error', 'ignore', 'replace', 'reply', 'twice'])

/** Whether a session that was started may be there when the command has ended. */
function mayStay({signal, status, stderr, stdout}: Run, args: readonly string[], {faults}: Scenario): boolean {
  if (args[0] !== 'session-start')
    return faults.some(([, fault]) => fault.kind === 'session' && fault.fault === 'replace')
  const hungUp = faults.some(([, fault]) => fault.kind === 'signal' && fault.signal === 'SIGHUP')
  return (
    status === 0 ||
    signal !== null ||
    hungUp ||
    args.includes('--keep') ||
    /may stay behind|could not be disconnected|not answered|left connected/.test(stdout + stderr)
  )
}

function show({signal, status, stderr, stdout}: Run): string {
  return `exit status ${status ?? signal}\nstdout: ${stdout}\nstderr: ${stderr}`
}
