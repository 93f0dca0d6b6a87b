import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

import {type Simulator, simulator} from '../simulator/simulator'
import {ovpn3} from '../support/cli'

interface Case {
  readonly args: string
  /** The calls that the command is for; the last of them starts something that may be undone. */
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
/** Milliseconds from the signal to the end of the process. */
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

/** How many calls the command makes. */
async function countCalls(world: Simulator, name: string): Promise<number> {
  await world.reset()
  await cases[name]!.prepare(world)
  world.calls.reset()
  const {status, stderr} = await ovpn3(world, 'alice', argv(name), {input: cases[name]!.input})
  assert.equal(status, 0, `${name}: ${stderr}`)
  return world.calls.total
}

/** Runs a command, sends it a signal at one of its calls, and answers the milliseconds that it took to end. */
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
  // at its last call it may have ended by then
  const ended = status === 0 && stdout !== '' && !/^Error/m.test(stderr)
  assert.ok(ended || killer === signal || status === signals[signal], what)
  const started = made.includes(changes.at(-1)!)
  for (const member of made) {
    if (changes.includes(member)) continue
    assert.equal(member, 'Disconnect', what)
    // an attempt is undone where it was started, and never by a hang-up
    assert.ok(started && /--timeout/.test(cases[name]!.args) && signal !== 'SIGHUP', what)
  }

  if (/nothing was done/.test(stderr)) assert.deepEqual(made, [], what)
  if (/disconnected/.test(stdout + stderr) && name !== 'cleanup') assert.ok(made.includes('Disconnect'), what)
  return took
}

describe('an interruption at every call', () => {
  for (const silent of [false, true])
    it(`undoes nothing that was not started, and ends in time: the session manager ${silent ? 'falls silent' : 'answers'}`, async () => {
      const worlds = await Promise.all([1, 2, 3, 4, 5, 6].map(() => simulator()))
      try {
        const trials: Trial[] = []
        for (const name of Object.keys(cases)) {
          const calls = await countCalls(worlds[0]!, name)
          for (let call = 1; call <= calls; call++)
            for (const signal of Object.keys(signals) as (keyof typeof signals)[])
              trials.push({call, name, signal, silent})
        }

        const late: Trial[] = []
        const queue = [...trials]
        await Promise.all(
          worlds.map(async (world) => {
            for (let trial = queue.shift(); trial; trial = queue.shift())
              if ((await interrupt(world, trial)) > bound) late.push(trial)
          }),
        )
        // a busy machine takes its time: by themselves they have to be in time
        for (const trial of late) {
          const took = await interrupt(worlds[0]!, trial)
          assert.ok(took <= bound, `${JSON.stringify(trial)} took ${Math.round(took)} ms`)
        }
      } finally {
        await Promise.all(worlds.map((world) => world.close()))
      }
    })
})
