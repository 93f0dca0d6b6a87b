import assert from 'node:assert/strict'
import {chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {after, before, describe, it} from 'node:test'

import {type Call, type Simulator, simulator} from '../simulator/simulator'
import {ovpn3} from '../support/cli'

interface Case {
  readonly args: string
  /** The calls that the command makes on purpose; the last one starts an attempt that may be undone. */
  readonly changes: readonly string[]
  readonly input?: string
  prepare(world: Simulator): Promise<unknown> | unknown
}

const paused = async (world: Simulator) => world.pause(await world.startSession('alice', 'cert'))

const cases: Readonly<Record<string, Case>> = {
  resume: {args: '--resume --config cert --timeout 20', changes: ['Resume'], prepare: paused},
  'resume with input': {
    args: '--resume --config pass --timeout 20',
    changes: ['UserInputProvide', 'Connect'],
    input: 'vpnuser\nsecret\n',
    prepare: (world) => world.startSession('alice', 'pass', {until: 'new'}),
  },
  'resume in the background': {args: '--resume --config cert', changes: ['Resume'], prepare: paused},
  restart: {
    args: '--restart --config cert --timeout 20',
    changes: ['Restart'],
    prepare: (world) => world.startSession('alice', 'cert'),
  },
  pause: {args: '--pause --config cert', changes: ['Pause'], prepare: (world) => world.startSession('alice', 'cert')},
  disconnect: {
    args: '--disconnect --config cert',
    changes: ['Disconnect'],
    prepare: (world) => world.startSession('alice', 'cert'),
  },
  cleanup: {
    args: '--cleanup --failed',
    changes: ['Disconnect'],
    prepare(world) {
      const [refused] = world.createSessions(2)
      world.setStatus(refused!, [2, 11, 'no'])
    },
  },
  auth: {
    args: '--config pass --timeout 20',
    changes: ['UserInputProvide', 'Connect'],
    input: 'vpnuser\nsecret\n',
    prepare: (world) => world.startSession('alice', 'pass', {until: 'new'}),
  },
  log: {
    args: '--config cert --log-level 5 --until disconnected',
    changes: ['Set'],
    async prepare(world) {
      const path = await world.startSession('alice', 'cert')
      world.setStatus(path, [2, 9, ''])
    },
  },
  acl: {
    args: '--config cert --grant 0 --public-access true --allow-log-access yes',
    changes: ['AccessGrant', 'Set'],
    prepare: (world) => world.startSession('alice', 'cert'),
  },
}

const signals = {SIGHUP: 129, SIGINT: 130, SIGTERM: 143} as const
const changing = /^(Access|Connect|Disconnect|Pause|Restart|Resume|Set|UserInputProvide)/
/** Time limit in milliseconds from the signal to the end of the process. */
const bound = 2000

interface Trial {
  readonly call: number
  readonly name: string
  readonly signal: keyof typeof signals
  readonly silent: boolean
}

const argv = (name: string) => [
  `session-${['acl', 'auth', 'log'].includes(name) ? name : 'manage'}`,
  ...cases[name]!.args.split(' ').filter(Boolean),
]

/** Counts the calls that the command makes. */
async function countCalls(world: Simulator, name: string): Promise<number> {
  await world.reset()
  await cases[name]!.prepare(world)
  world.calls.reset()
  const {status, stderr} = await ovpn3(world, 'alice', argv(name), {input: cases[name]!.input})
  assert.equal(status, 0, `${name}: ${stderr}`)
  return world.calls.total
}

/** Runs a command, sends a signal at one of its calls, and returns the milliseconds until it ended. */
async function interrupt(world: Simulator, {call, name, signal, silent}: Trial): Promise<number> {
  const {changes, input, prepare} = cases[name]!
  await world.reset()
  await prepare(world)
  world.calls.reset()
  let kill = () => {}
  let sent = 0
  world.atCall(call, () => kill(), {silent})
  const {
    signal: killer,
    status,
    stderr,
    stdout,
  } = await ovpn3(world, 'alice', argv(name), {
    during(child) {
      kill = () => {
        sent = performance.now()
        child.kill(signal)
      }
    },
    input,
  })
  const took = performance.now() - sent
  world.intercept()
  const made = [...world.calls.byMember.keys()]
    .map((member) => member.split(' ')[0]!)
    .filter((each) => changing.test(each))
  const what = `${name}, ${signal} at call ${call}${silent ? ', silent' : ''}: ${status} ${killer}\n${stdout}${stderr}calls: ${made.join(', ')}`
  if (sent === 0) return 0
  // A signal at the last call may arrive too late.
  const ended = status === 0 && stdout !== '' && !/^Error/m.test(stderr)
  assert.ok(ended || killer === signal || status === signals[signal], what)
  const started = made.includes(changes.at(-1)!)
  for (const member of made) {
    if (changes.includes(member)) continue
    assert.equal(member, 'Disconnect', what)
    // Only a started attempt is undone, and never on SIGHUP.
    assert.ok(started && /--timeout/.test(cases[name]!.args) && signal !== 'SIGHUP', what)
  }

  if (/nothing was done/.test(stderr)) assert.deepEqual(made, [], what)
  // The output of a clean-up and of a log may include the word as a session's state.
  if (/disconnected/.test(stdout + stderr) && !['cleanup', 'log'].includes(name))
    assert.ok(made.includes('Disconnect'), what)
  return took
}

/** Runs all trials in parallel, and repeats the slow ones alone, because a busy machine may delay them. */
async function runAll<T>(
  worlds: readonly Simulator[],
  trials: readonly T[],
  run: (world: Simulator, trial: T) => Promise<number>,
) {
  const late: T[] = []
  const queue = [...trials]
  await Promise.all(
    worlds.map(async (world) => {
      for (let trial = queue.shift(); trial; trial = queue.shift())
        if ((await run(world, trial)) > bound) late.push(trial)
    }),
  )
  for (const trial of late) {
    const took = await run(worlds[0]!, trial)
    assert.ok(took <= bound, `${JSON.stringify(trial)} took ${Math.round(took)} ms`)
  }
}

const sixSimulators = () => Promise.all([1, 2, 3, 4, 5, 6].map(() => simulator()))

describe('interruption at every call', () => {
  for (const silent of [false, true])
    it(`undoes only what the command started, and ends it in time, while the session manager ${silent ? 'stops responding' : 'responds'}`, async () => {
      const worlds = await sixSimulators()
      try {
        const trials: Trial[] = []
        for (const name of Object.keys(cases)) {
          const calls = await countCalls(worlds[0]!, name)
          for (let call = 1; call <= calls; call++)
            for (const signal of Object.keys(signals) as (keyof typeof signals)[])
              trials.push({call, name, signal, silent})
        }

        await runAll(worlds, trials, interrupt)
      } finally {
        await Promise.all(worlds.map((world) => world.close()))
      }
    })
})

/** Ways to start a session; FILE stands for the path of a profile file. */
const starts: Readonly<Record<string, {readonly args: string; readonly input?: string}>> = {
  'a copy of a saved profile': {args: 'cert --persist-tun --timeout 20'},
  'a file, with input': {args: 'FILE --timeout 20', input: 'vpnuser\nsecret\n'},
  'a saved profile': {args: 'cert --dco false'},
  'in the background': {args: 'cert --background'},
}

describe('interruption of session-start at every call', () => {
  let folder: string
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'ovpn3-interruptions-'))
    chmodSync(folder, 0o755)
  })
  after(() => rmSync(folder, {force: true, recursive: true}))

  const line = (world: Simulator, name: string): string[] => {
    const file = path.join(folder, 'office.ovpn')
    // Another run may be reading the file.
    if (!existsSync(file)) writeFileSync(file, world.profileText('pass'))
    return ['session-start', ...starts[name]!.args.split(' ').map((each) => (each === 'FILE' ? file : each))]
  }

  /** Counts the calls that the command makes. */
  const count = async (world: Simulator, name: string): Promise<number> => {
    await world.reset()
    const {status, stderr} = await ovpn3(world, 'alice', line(world, name), {input: starts[name]!.input})
    assert.equal(status, 0, stderr)
    return world.calls.total + world.configurationCalls.total
  }

  const trial = async (world: Simulator, {call, name, signal, silent}: Trial): Promise<number> => {
    await world.reset()
    const profiles = world.profilePaths()
    let kill = () => {}
    let sent = 0
    const made: string[] = []
    const intercept = ({message: {member}}: Call) => {
      made.push(member)
      if (made.length === call) kill()
      return silent && made.length >= call ? 'ignore' : undefined
    }

    world.intercept(intercept)
    world.interceptConfigurations(intercept)
    const run = await ovpn3(world, 'alice', line(world, name), {
      during(child) {
        kill = () => {
          sent = performance.now()
          child.kill(signal)
        }
      },
      input: starts[name]!.input,
    })
    const took = performance.now() - sent
    world.intercept()
    world.interceptConfigurations()
    const what = `${name}, ${signal} at call ${call}${silent ? ', silent' : ''}: ${run.status} ${run.signal}\n${run.stdout}${run.stderr}calls: ${made.join(', ')}`
    if (sent === 0) return 0
    const {length} = await world.sessions()
    const answered = new Set(made.slice(0, silent ? call - 1 : made.length))
    // A signal at the last call may arrive too late.
    const ended = /: (connected|connecting in)/.test(run.stdout)
    assert.ok(ended || run.signal === signal || run.status === signals[signal], what)
    // SIGHUP means a closed terminal, not a request to undo the connection.
    const stays = ended || (signal === 'SIGHUP' && made.includes('Connect'))
    if (!silent) {
      assert.deepEqual(world.profilePaths(), profiles, what)
      assert.ok(length <= Number(stays), what)
    } else if (answered.has('NewTunnel')) {
      assert.ok(stays || made.includes('Disconnect'), what)
    } else {
      assert.equal(length, 0, what)
      assert.equal(/may be left behind/.test(run.stderr), ['Import', 'NewTunnel'].includes(made[call - 1]!), what)
      assert.equal(made.includes('Remove'), answered.has('Import'), what)
    }

    return took
  }

  for (const silent of [false, true])
    it(`leaves neither a session nor a profile, and ends the command in time, while the services ${silent ? 'stop responding' : 'respond'}`, async () => {
      const worlds = await sixSimulators()
      try {
        const trials: Trial[] = []
        for (const name of Object.keys(starts)) {
          const calls = await count(worlds[0]!, name)
          for (let call = 1; call <= calls; call++)
            for (const signal of Object.keys(signals) as (keyof typeof signals)[])
              trials.push({call, name, signal, silent})
        }

        await runAll(worlds, trials, trial)
      } finally {
        await Promise.all(worlds.map((world) => world.close()))
      }
    })
})
