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
  /** Run only the command with this number. */
  readonly only?: number
  readonly parallel?: number
  /** Called after each command. */
  readonly progress?: (done: number) => void
}

export interface ChaosReport {
  /** The number of faults of each kind. */
  readonly faults: ReadonlyMap<string, number>
  /** The number of commands with each exit status. */
  readonly statuses: ReadonlyMap<number, number>
  /** The number of messages that a stranger sent to the commands. */
  readonly strangers: number
  /** Descriptions of the expectations that failed. */
  readonly violations: readonly string[]
}

/** Calls that change a session. */
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
/** Time limits in milliseconds: of every command, and of a command with a call that gets no reply. */
const budget = 20_000
const silentBudget = 60_000
/** Milliseconds after which a watch is interrupted. */
const watchTime = 1000
/** Milliseconds between a stranger's writes. */
const strangerInterval = 5

/** Runs random commands with random faults, each with sessions in known states. */
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

/** A simulator with its sessions, on which commands run one after the other. */
class Stage {
  #paths: string[] = []
  /** The connections of all commands so far. */
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
    const faulty = new Set<string>()
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
      // A call that an earlier command left in the queue.
      if (earlier.has(sender)) return
      this.#senders.add(sender)
      if (changing.has(member)) changes.push({member: member === 'Set' ? `Set ${String(body[1])}` : member, path})
      const call = count++
      if (call === 0) {
        const bursts = strangersMessages(strangersSeed, sender, this.#paths)
        endStranger = this.#stranger!.flood(bursts, strangerInterval)
      }

      // The command has started; a watch does not end by itself.
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

        if (fault.kind === 'session') faulty.add(this.#paths[fault.session]!)
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
      assert.doesNotMatch(
        run.stdout + run.stderr,
        /message bus was lost/,
        `a stranger broke the connection\n${show(run)}`,
      )
    for (const {member, path} of changes)
      assert.ok(
        // A command may change the sessions that it starts.
        (args[0] === 'session-start' && !before.has(path)) || mayChange(args, member, known(path)),
        `the command called ${member} on ${this.#nameOf(path)} without being asked to\n${show(run)}`,
      )
    if (run.status === 2)
      assert.deepEqual(changes, [], `the command changed a session despite a usage error\n${show(run)}`)
    // Access to a session with a dead or hung backend removes it.
    const removable = new Set([...faulty, this.#paths[7], this.#paths[8]])
    if (!lost) {
      const touched = new Set(changes.map(({path}) => path))
      const left = new Set(await world.sessions())
      for (const [path, state] of before) {
        if (touched.has(path) || removable.has(path)) continue
        assert.ok(left.has(path), `${this.#nameOf(path)} was removed without being asked to\n${show(run)}`)
        const after = world.state(path)
        // Only the fault of a property may differ, not the session.
        assert.ok(
          isDeepStrictEqual(after, state),
          `${this.#nameOf(path)} changed without being asked to: ${JSON.stringify([state, after])}\n${show(run)}`,
        )
      }
    }

    // After a wrong or missing reply of the service, sessions and profiles may remain.
    if (args[0] === 'session-start' && !lost && !met.some((kind) => misleading.has(kind))) {
      const left = world.profilePaths().filter((path) => !profiles.has(path))
      assert.deepEqual(left, [], `a profile remains\n${show(run)}`)
      const started = (await world.sessions()).filter((path) => !before.has(path))
      assert.ok(started.length === 0 || mayRemain(run, args, each), `a session remains\n${show(run)}`)
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
    const waiting = await world.startSession('alice', 'pass', {until: 'new'})
    world.vanish(this.#paths[5]!)
    this.#paths[5] = waiting
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
        // The session may not exist any more.
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
    // The process may exit without reading its input.
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
    assert.ok(!late, `the command hung\n${show(run)}`)
    return run
  }

  #check(run: Run, {faults, stdout: reader}: Scenario, args: readonly string[], watches: boolean): void {
    const {signal, status, stderr, stdout} = run
    const signals = faults.filter(([, {kind}]) => kind === 'signal').length + Number(watches)
    const text = stdout + stderr
    // A second signal ends the command at once. A signal after the last output may also end the process.
    const mayDie = signals > 1 || (signals === 1 && (reader === 'closed' || text.endsWith('\n')))
    if (signal === null) assert.ok(documented.has(status), `exit status ${status}\n${show(run)}`)
    else assert.ok(mayDie, `a signal killed the command\n${show(run)}`)
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(text, /[\u0000-\u0009\u000B-\u001F\u007F-\u009F]/, `control characters\n${show(run)}`)
    assert.doesNotMatch(
      text,
      /^ +at |TypeError|RangeError|undefined|\[object|is not a function|native code|Warning:/m,
      `the output contains internals\n${show(run)}`,
    )
    if (status !== 0 && !args.includes('--json') && signals === 0)
      assert.notEqual(stderr, '', `the command failed without an error message\n${show(run)}`)
    if (!args.includes('--json') || reader === 'closed' || (signal !== null && signals > 1)) return
    const lines = watches && status !== 2 ? stdout.split('\n').slice(0, -1) : [stdout]
    for (const line of lines) checkDocument(line, args, run, watches)
    if (!watches) assert.notEqual(stdout, '', `the command printed no document\n${show(run)}`)
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
    assert.fail(`the document does not conform to its schema: ${String(error)}\n${show(run)}`)
  }
}

/** Sends a signal; SIGSTOP suspends the command for a short time. */
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

/** Whether a command runs until it is interrupted. */
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
const allowed: readonly (readonly [option: string, calls: RegExp])[] = [
  ['session-acl', /^(Access(Grant|Revoke)|Set (public_access|restrict_log_access))$/],
  ['--pause', /^Pause$/],
  ['--disconnect', /^Disconnect$/],
  ['--log-level=5', /^Set log_verbosity$/],
  ['session-auth', /^(Connect|UserInputProvide)$/],
  ['session-start', /^(Connect|Disconnect|Restart|UserInputProvide)$/],
  ['--resume', /^(Connect|Resume|UserInputProvide)$/],
  ['--restart', /^(Connect|Restart|UserInputProvide)$/],
]

/** Whether a command line requests this change of this session. */
function mayChange(args: readonly string[], member: string, session: Known): boolean {
  if (args.includes('--dry-run')) return false
  if (args.includes('--cleanup'))
    return member === 'Disconnect' && args.includes('--failed') && session.name === 'refused'
  // After its timeout, a command disconnects the session.
  if (member === 'Disconnect' && args.includes('--timeout') && !args.includes('--keep')) return selects(args, session)
  return allowed.some(([option, calls]) => args.includes(option) && calls.test(member)) && selects(args, session)
}

/** Faults after which session-start may leave sessions or profiles behind. */
const misleading = new Set(['error', 'ignore', 'replace', 'reply', 'twice'])

/** Whether a started session may remain after the command. */
function mayRemain({signal, status, stderr, stdout}: Run, args: readonly string[], {faults}: Scenario): boolean {
  if (args[0] !== 'session-start')
    return faults.some(([, fault]) => fault.kind === 'session' && fault.fault === 'replace')
  const hungUp = faults.some(([, fault]) => fault.kind === 'signal' && fault.signal === 'SIGHUP')
  return (
    status === 0 ||
    signal !== null ||
    hungUp ||
    args.includes('--keep') ||
    /may be left behind|could not be disconnected|not answered|left connected/.test(stdout + stderr)
  )
}

function show({signal, status, stderr, stdout}: Run): string {
  return `exit status ${status ?? signal}\nstdout: ${stdout}\nstderr: ${stderr}`
}
