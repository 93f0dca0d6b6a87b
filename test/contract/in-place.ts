import assert from 'node:assert/strict'
import {spawn} from 'node:child_process'
import {readFileSync} from 'node:fs'
import path from 'node:path'
import {after, before, describe, it} from 'node:test'

import type {UserName, World} from '../support/world'

import {referenceCommand} from '../real/reference'
import {forEachLimited, ovpn3, until} from '../support/cli'
import {repository} from '../support/repository'
import {noSession} from '../support/world'

/** The sessions that exist when a command runs; returns the path of the first. */
const states = {
  connected: (world: World) => world.startSession('alice', 'cert'),
  connecting: (world: World) => world.startSession('alice', 'dead', {until: 'started'}),
  needy: (world: World) => world.startSession('alice', 'pass', {until: 'new'}),
  none: () => Promise.resolve(noSession),
  async paused(world: World) {
    const session = await states.connected(world)
    await ovpn3(world, 'alice', ['session-manage', '--pause', '--path', session])
    return session
  },
  async public(world: World) {
    const session = await states.connected(world)
    await world.setPublicAccess(session, true)
    return session
  },
  async stale(world: World) {
    const session = await states.connected(world)
    await world.killBackend(session)
    return session
  },
  async two(world: World) {
    await states.connected(world)
    return world.startSession('alice', 'cert', {fresh: true})
  },
}

interface Situation {
  /** PATH stands for the path of the session. */
  readonly args: string
  /** True if neither tool changes the state. */
  readonly changesNothing?: boolean
  /** session-manage by default. */
  readonly command?: string
  readonly input?: string
  /** Sends Ctrl-C as soon as this is printed. */
  readonly interruptAt?: RegExp
  readonly state: keyof typeof states
  readonly user?: UserName
}

const auth = (args: string, state: Situation['state']): Situation => ({
  args,
  changesNothing: true,
  command: 'session-auth',
  state,
})

const start = (args: string, more: Partial<Situation> = {}): Situation => ({
  args,
  command: 'session-start',
  state: 'none',
  ...more,
})
const wrong = (args: string): Situation => ({args, changesNothing: true, state: 'connected'})

/** The rows of the table in docs/in-place-of-openvpn3.md, by their first column. */
const situations: Readonly<Record<string, Situation>> = {
  '`--pause` of a paused session': {args: '--pause --path PATH', changesNothing: true, state: 'paused'},
  '`--resume` of a connected session': {args: '--resume --path PATH', changesNothing: true, state: 'connected'},
  '`--resume` of a session that waits for input': {
    args: '--resume --timeout 20 --path PATH',
    input: 'vpnuser\nsecret\n',
    state: 'needy',
  },
  '`--disconnect` of a stale session': {args: '--disconnect --path PATH', state: 'stale'},
  '`--pause` of a stale session': {args: '--pause --path PATH', state: 'stale'},
  '`--resume` of a stale session': {args: '--resume --path PATH', state: 'stale'},
  '`--log-level` of a stale session': {args: '--log-level --path PATH', state: 'stale'},
  'No session of this path': {args: `--pause --path ${noSession}`, changesNothing: true, state: 'none'},
  'No session of this profile': {args: '--pause --config nope', changesNothing: true, state: 'none'},
  'No session of this interface': {args: '--pause --interface tun77', changesNothing: true, state: 'none'},
  'Several sessions of this profile': {args: '--pause --config cert', changesNothing: true, state: 'two'},
  "`--pause` of another user's session": {
    args: '--pause --path PATH',
    changesNothing: true,
    state: 'connected',
    user: 'bob',
  },
  "`--cleanup` where another user's session is public": {args: '--cleanup', state: 'public', user: 'bob'},
  '`--timeout` expires': {args: '--restart --timeout 1 --path PATH', state: 'connecting'},
  'Ctrl-C during `--timeout`': {
    args: '--restart --timeout 30 --path PATH',
    interruptAt: /Restarting session/,
    state: 'connecting',
  },
  'No action': wrong('--path PATH'),
  'No session selected': wrong('--pause'),
  'Two actions': wrong('--pause --resume --path PATH'),
  'An unknown option': wrong('--path PATH --bogus'),
  'An option without its value': wrong('--pause --path'),
  'A surplus argument': wrong('--log-level --path PATH /net/openvpn/v3/sessions/other'),
  'A value after a space: `--log-level 4`': wrong('--path PATH --log-level 4'),
  '`--log-level=99`': wrong('--path PATH --log-level=99'),
  '`--log-level=high`': {args: '--path PATH --log-level=high', state: 'connected'},
  '`--timeout soon`': {args: '--path PATH --resume --timeout soon', state: 'connected'},
  '`--pause=yes`': {args: '--path PATH --pause=yes', state: 'connected'},
  'Two selectors': wrong('--log-level --path PATH --config cert'),
  '`--cleanup` with a selector': wrong('--cleanup --path PATH'),
  '`session-start` of a profile': start('--config cert'),
  '`session-start` of an unknown profile': start('--config nope'),
  '`session-start` of a refused login': start('--config pass', {input: 'vpnuser\nwrong\n'}),
  '`session-start --timeout 2`': start('--config dead --timeout 2'),
  'Ctrl-C during `session-start`': start('--config dead', {interruptAt: /Session path/}),
  '`session-start --dco maybe`': start('--config cert --dco maybe'),
  '`session-start` without a profile': start(''),
  '`session-auth` where no session waits': auth('', 'connected'),
  '`session-auth` where one session is stale': {args: '', command: 'session-auth', state: 'stale'},
  '`session-auth --auth-req` with an ID of no session': auth('--auth-req 4194304', 'none'),
  '`session-auth --auth-req` with a word': auth('--auth-req soon', 'needy'),
}

interface Expected {
  readonly status: number
  readonly text: string
}

interface Difference {
  readonly ours: Expected
  readonly situation: string
  readonly theirs: Expected
}

function differences(): Difference[] {
  const text = readFileSync(path.join(repository, 'docs', 'in-place-of-openvpn3.md'), 'utf8')
  const cell = String.raw`(\d+) \`([^\`]+)\``
  return [...text.matchAll(new RegExp(String.raw`^\| (.*?) +\| ${cell} +\| ${cell} +\|$`, 'gm'))].map(
    ([, situation = '', theirStatus, theirs = '', ourStatus, ours = '']) => ({
      ours: {status: Number(ourStatus), text: ours},
      situation,
      theirs: {status: Number(theirStatus), text: theirs},
    }),
  )
}

interface Outcome {
  readonly output: string
  readonly status: number | null
}

function reference(world: World, user: UserName, args: readonly string[], situation: Situation): Promise<Outcome> {
  const [program = '', ...rest] = referenceCommand(world, user, args)
  return new Promise((resolve, reject) => {
    const child = spawn(program, rest, {timeout: 30_000})
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data: Buffer) => {
        output += String(data)
        if (situation.interruptAt?.test(output)) setTimeout(() => child.kill('SIGINT'), 500)
      })
    child.on('error', reject)
    child.on('close', (status) => resolve({output, status}))
    // the command may exit without reading its input
    child.stdin.on('error', () => {}).end(situation.input ?? '')
  })
}

async function ours(world: World, user: UserName, args: readonly string[], situation: Situation): Promise<Outcome> {
  const {interruptAt, input} = situation
  const {status, stderr, stdout} = await ovpn3(world, user, args, {
    async during(child, output) {
      if (!interruptAt) return
      await until('it waits', () => interruptAt.test(output()))
      child.kill('SIGINT')
    },
    input,
  })
  return {output: stdout + stderr, status}
}

/** Each documented difference from `openvpn3`; with the real service, both tools run. */
export function inPlaceContract(title: string, world: () => World): void {
  describe(`in place of openvpn3 on ${title}`, () => {
    let present: {path: string; state: string} | undefined

    const pathIn = async ({state}: Situation): Promise<string> => {
      if (present?.state === state) return present.path
      await world().reset()
      present = {path: await states[state](world()), state}
      return present.path
    }

    before(() => world().reset())
    after(() => world().reset())

    it('the documentation has a row for each difference', () => {
      assert.deepEqual(
        differences().map(({situation}) => situation),
        Object.keys(situations),
      )
    })

    for (const difference of differences()) {
      const situation = situations[difference.situation]
      if (!situation) continue
      it(difference.situation, async (t) => {
        const {args, changesNothing, command = 'session-manage', user = 'alice'} = situation
        if (user !== 'alice' && !world().canBecome) {
          t.skip('needs root, to become several users')
          return
        }

        const tools = world().real ? (['ours', 'theirs'] as const) : (['ours'] as const)
        // both tools can share a session that they do not change
        const shared = changesNothing ? await pathIn(situation) : undefined
        await forEachLimited(tools, changesNothing ? 2 : 1, async (tool) => {
          const session = shared ?? (await pathIn(situation))
          const words = args
            .split(' ')
            .filter(Boolean)
            .map((word) => (word === 'PATH' ? session : word))
          const expected = difference[tool]
          const run = {ours, theirs: reference}[tool]
          const {output, status}: Outcome = await run(world(), user, [command, ...words], situation)
          if (!changesNothing) present = undefined
          assert.equal(status, expected.status, `${tool}: ${output}`)
          assert.ok(output.includes(expected.text), `${tool}: ${expected.text}\n${output}`)
        })
      })
    }
  })
}
