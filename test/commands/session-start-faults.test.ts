import type {ErrorJson, SessionResult} from '@ovpn3/sessions'

import assert from 'node:assert/strict'
import {after, afterEach, before, describe, it} from 'node:test'

import {ServiceError, type Simulator, simulator} from '../simulator/simulator'
import {ovpn3, type RunOptions, until} from '../support/cli'
import {document} from '../support/schemas'

interface Start {
  readonly session: SessionResult
}

describe('session-start with faults', () => {
  let world: Simulator
  const start = (args: string, options?: RunOptions) =>
    ovpn3(world, 'alice', ['session-start', ...args.split(' ')], options)
  const errorOf = (stdout: string) => document<{error: ErrorJson}>('error', stdout).error
  const connected = (output: () => string) => until('it is connected', () => output().includes(': connected to'))

  before(async () => {
    world = await simulator()
  })
  afterEach(() => world.reset())
  after(() => world.close())

  it('exits in the foreground even if the session manager is silent', async () => {
    const run = await start('cert --foreground', {
      async during(child, output) {
        await connected(output)
        world.intercept(() => 'ignore')
        child.kill('SIGTERM')
      },
    })
    assert.equal(run.status, 143)
    assert.match(
      run.stderr,
      /^Error: cert \(\w{8}\): interrupted before there was an answer: it may still have taken effect$/m,
    )
    assert.ok(world.calls.byMember.has('Disconnect'))
  })

  it('exits in the foreground at once on a second signal', async () => {
    const run = await start('cert --foreground', {
      async during(child, output) {
        await connected(output)
        world.intercept(({message}) => (message.member === 'Disconnect' ? 'ignore' : undefined))
        child.kill('SIGTERM')
        await until('it disconnects', () => world.calls.byMember.has('Disconnect'))
        child.kill('SIGTERM')
      },
    })
    assert.deepEqual([run.status, run.signal], [null, 'SIGTERM'])
  })

  it('disconnects in the foreground if input is missing during a reconnect', async () => {
    const run = await start('web --foreground --json', {
      async during(_, output) {
        await until('the page is shown', () => output().includes('Open this page'))
        await world.grantWebAuthentication(true)
        await until('it is connected', () => output().includes('"started"'))
        const [session] = await world.sessions()
        await until('it listens', () => world.subscribers(session!).length > 1)
        world.intercept(({message: {member}}) =>
          member === 'Ready'
            ? new ServiceError('org.gtk.GDBus.UnmappedGError.Quark', 'GDBus.Error:net.openvpn.v3.error.ready: Missing')
            : member === 'UserInputQueueGetTypeGroup'
              ? {reply: ['a(uu)', [[1, 5]]]}
              : member === 'UserInputQueueCheck'
                ? {reply: ['au', [0]]}
                : member === 'UserInputQueueFetch'
                  ? {reply: ['uuussb', 1, 5, 0, 'dynamic_challenge', 'The code on your token', false]}
                  : undefined,
        )
        world.setStatus(session!, [2, 4, 'The code on your token'])
      },
      input: 'vpnuser\nsecret\n',
    })
    assert.equal(run.status, 8, run.stderr)
    const lines = run.stdout.trimEnd().split('\n')
    const {session} = document<Start>('session-start', lines.at(-1)!)
    assert.equal(session.error?.code, 'input-missing')
    assert.match(session.message, /^ended: input is missing: The code on your token \(dynamic_challenge\)$/)
    assert.deepEqual(await world.sessions(), [])
  })

  for (const [member, how, status, message] of [
    ['LookupConfigName', 'crash', 6, /configuration manager exited/],
    ['Validate', 'crash', 6, /configuration manager exited/],
    ['Validate', new ServiceError('net.example.Odd', ''), 1, /configuration manager answered: net\.example\.Odd/],
    ['LookupConfigName', {reply: ['s', 'x']}, 1, /invalid LookupConfigName from the service: expected type list/],
  ] as const)
    it(`reports a failing configuration manager: ${member}, ${typeof how === 'string' ? how : 'error'}`, async () => {
      world.interceptConfigurations((call) => (call.message.member === member ? (how as 'crash') : undefined))
      const run = await start('cert --json')
      assert.equal(run.status, status, run.stdout)
      assert.match(errorOf(run.stdout).message, message)
      assert.deepEqual(await world.sessions(), [])
    })

  for (const [member, how, status] of [
    ['NewTunnel', 'crash', 6],
    ['NewTunnel', new ServiceError('net.example.Odd', ''), 1],
    ['NewTunnel', {reply: ['o', '/net/openvpn/v3/sessions/nope']}, 1],
    ['Connect', 'crash', 6],
    ['Connect', new ServiceError('net.example.Odd', ''), 1],
  ] as const)
    it(`removes the imported profile if the session manager fails: ${member}, ${typeof how === 'string' ? how : 'error'}`, async () => {
      const profiles = world.profilePaths()
      world.intercept(({message}) => (message.member === member ? (how as 'crash') : undefined))
      const isSlow = typeof how === 'object' && 'reply' in how
      const run = await start(`cert --persist-tun${isSlow ? ' --timeout 2' : ''}`)
      assert.equal(run.status, isSlow ? 7 : status, run.stderr)
      world.intercept()
      assert.deepEqual(await world.sessions(), [])
      assert.deepEqual(world.profilePaths(), profiles)
    })

  it('starts the configuration manager on demand', async () => {
    await world.coldStartConfigurations()
    const {status, stderr} = await start('cert')
    assert.equal(status, 0, stderr)
    await world.reset()
    const saved = world.profilePath('alice', 'cert')
    await world.coldStartConfigurations()
    assert.equal((await start(`--config-path ${saved}`)).status, 0)
  })
})
