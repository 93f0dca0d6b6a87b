import type {ErrorJson, SessionResult} from '@ovpn3/sessions'

import assert from 'node:assert/strict'
import {spawnSync} from 'node:child_process'
import {chmodSync, mkdtempSync, rmSync} from 'node:fs'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {after, afterEach, before, describe, it} from 'node:test'

import {ServiceError, type Simulator, simulator} from '../simulator/simulator'
import {ovpn3, type RunOptions, until} from '../support/cli'
import {clockThatJumps, fastClock} from '../support/clock'
import {FakeBus} from '../support/fake-bus'
import {document} from '../support/schemas'
import {nowhere, onBus} from '../support/world'

/** Every command in its simplest form. */
const commands = [
  'sessions-list',
  'session-stats --config load-1',
  'session-stats --all',
  'session-stats --format=prometheus',
  'session-acl --show --config load-1',
  'session-auth',
  'session-auth --config load-1',
  'session-log --config load-1 --until connected',
  'session-manage --pause --config load-1',
  'session-manage --resume --config load-1',
  'session-manage --restart --config load-1 --timeout 5',
  'session-manage --disconnect --config load-1',
  'session-manage --log-level --config load-1',
  'session-manage --cleanup',
  'session-start cert2',
] as const

describe('faults of the bus and the session manager', () => {
  let world: Simulator
  const run = (args: string, options?: RunOptions) => ovpn3(world, 'alice', args.split(' '), options)
  const runOn = (busAddress: string, args: string, options?: RunOptions) =>
    ovpn3(onBus(world, busAddress), 'alice', args.split(' '), options)
  /** The error in a document, either of the command or of one session. */
  const errorIn = (stdout: string) => {
    const value = JSON.parse(stdout) as {error?: ErrorJson; sessions?: readonly {error?: ErrorJson}[]}
    return value.error ?? value.sessions?.find(({error}) => error)?.error
  }

  const assertNoInternals = (text: string) => assert.doesNotMatch(text, /^ +at |TypeError|undefined|\[object/m)
  const onlyJson = commands.filter((args) => !args.includes('prometheus'))

  const folder = mkdtempSync(path.join(tmpdir(), 'ovpn3-faults-'))
  /** A socket whose owner is dead. */
  const abandoned = path.join(folder, 'bus')

  before(async () => {
    world = await simulator()
    const script = `require('net').createServer().listen('${abandoned}', () => process.kill(process.pid, 'SIGKILL'))`
    spawnSync(process.execPath, ['-e', script])
    chmodSync(folder, 0o755)
    chmodSync(abandoned, 0o777)
  })
  afterEach(() => world.reset())
  after(async () => {
    rmSync(folder, {recursive: true})
    await world.close()
  })

  for (const args of commands) {
    it(`reports the address of a bus that does not exist or refuses the connection: ${args}`, async () => {
      for (const [socket, code] of [
        [`${abandoned}-not`, 'no such socket'],
        [abandoned, 'ECONNREFUSED'],
      ]) {
        const {status, stderr} = await runOn(`unix:path=${socket}`, args)
        assert.equal(status, 6)
        assert.match(stderr, new RegExp(`^Error: cannot connect to the system bus: .*${code}`))
        assert.ok(stderr.includes(`\nCheck DBUS_SYSTEM_BUS_ADDRESS: unix:path=${socket}\n`), stderr)
      }
    })

    it(`exits at once on Ctrl-C while the bus does not respond: ${args}`, async () => {
      let connected = false
      const bus = await FakeBus.open(() => {
        connected = true
      })
      try {
        const {signal, status, stderr, time} = await ovpn3(onBus(nowhere, bus.address), 'alice', args.split(' '), {
          async during(child) {
            await until('the command connects', () => connected)
            child.kill('SIGINT')
          },
        })
        assert.deepEqual([status, signal], [130, null])
        assert.match(stderr, /^Error: interrupted(: no session was started)?\n$/)
        assert.ok(time < 20_000, `${time} ms`)
      } finally {
        bus.close()
      }
    })

    it(`reports a bus that dies during a call: ${args}`, async () => {
      const own = await simulator()
      try {
        own.createSessions(3)
        own.intercept(({message}) => (message.member === 'Get' ? 'ignore' : undefined))
        const {status, stderr} = await runOn(own.busAddress, args, {
          async during() {
            await until('the command reads a property', () =>
              [...own.calls.byMember.keys()].some((member) => member.startsWith('Get ')),
            )
            await own.killBus()
          },
        })
        assert.ok(status === 6 || (status === 3 && args.includes('cleanup')), `${status} ${stderr}`)
        assert.match(stderr, /the connection to the message bus was lost/)
        assertNoInternals(stderr)
      } finally {
        await own.close()
      }
    })

    it(`reports an error reply without a text: ${args}`, async () => {
      world.createSessions(1)
      world.intercept(() => new ServiceError('net.example.Odd', ''))
      const {status, stderr, stdout} = await run(args)
      assert.equal(status, 1, stderr)
      assert.match(stderr, /the session manager answered: net\.example\.Odd/)
      assertNoInternals(stderr + stdout)
    })

    it(`accepts replies that arrive twice or in another order: ${args}`, async () => {
      for (const fault of ['twice', {overtaken: 60}] as const) {
        world.createSessions(1, {name: () => 'load-1'})
        if (args.includes('--resume')) world.pause((await world.sessions())[0]!)
        let calls = 0
        world.intercept(({message}) => (message.member !== 'LogForward' && calls++ % 2 === 0 ? fault : undefined))
        const {status, stderr, stdout} = await run(args)
        assert.equal(status, 0, stderr)
        assertNoInternals(stderr + stdout)
        await world.reset()
      }
    })
  }

  for (const args of onlyJson)
    for (const reply of [[''], ['s', 'x'], ['au', [1, 2]], ['a{sv}', {}]] as [string, ...unknown[]][])
      it(`reports a reply of the wrong type (${reply[0] || 'empty'}): ${args}`, async () => {
        world.createSessions(1)
        world.intercept(({message}) =>
          /^(FetchAvailableSessions|LookupConfigName)$/.test(message.member) ? {reply} : undefined,
        )
        const {status, stderr, stdout} = await run(`${args} --json`)
        assert.equal(status, 1, stdout)
        assert.match(errorIn(stdout)!.message, /^invalid \w+ from the service: expected type (list|path)$/)
        assert.equal(errorIn(stdout)!.code, 'failed')
        assertNoInternals(stderr + stdout)
      })

  for (const args of ['sessions-list', 'session-manage --cleanup', 'session-acl --show --config load-1'])
    it(`reports a session manager that does not start: ${args}`, async () => {
      await world.coldStart()
      world.timings.objects = 60_000
      const {status, stdout, time} = await run(`${args} --json`, {env: fastClock(4)})
      assert.equal(status, 6, stdout)
      assert.equal(errorIn(stdout)!.code, 'service-unavailable')
      assert.match(errorIn(stdout)!.message, /did not start/)
      assert.ok(time < 30_000, `${time} ms`)
    })

  // session-log continues with the profile's next session.
  for (const args of onlyJson.filter((each) => !each.includes('session-log')))
    it(`reports a stale session if the backend exits during a call: ${args}`, async () => {
      // The errors that the real session manager passes on.
      const reasons = [
        'Message recipient disconnected from message bus without replying',
        'The name net.openvpn.v3.backends.be27432 was not provided by any .service files',
      ]
      const cases = [/./, /^(Disconnect|Pause|Restart)$/].flatMap((asked) => reasons.map((reason) => ({asked, reason})))
      for (const {asked, reason} of cases) {
        const lost = new ServiceError('org.gtk.GDBus.UnmappedGError.Quark._g_2dio_2derror_2dquark.Code0', reason)
        const [session] = world.createSessions(1)
        let killed = false
        world.intercept(({message: {member, path: which}}) => {
          if (killed || which !== session || !asked.test(member)) return
          killed = true
          void world.killBackend(session)
          return lost
        })
        const {status, stdout} = await run(`${args} --json`)
        if (killed) {
          const {error, sessions} = JSON.parse(stdout) as {
            error?: ErrorJson
            sessions?: readonly {error?: ErrorJson; outcome?: string; state?: string}[]
          }
          const reported = error ?? sessions![0]!.error
          assert.ok(reported?.code === 'session-stale' || sessions?.[0]?.outcome === 'removed', stdout)
          assert.ok([0, 3, 4].includes(status!), `${status} ${stdout}`)
          assert.deepEqual(await world.sessions(), [])
        }

        await world.reset()
      }
    })

  it('reports an outcome for each session and disconnects none if the session manager exits during a clean-up', async () => {
    world.createSessions(20)
    let reads = 0
    world.intercept(({message}) => (message.member === 'Get' && reads++ === 8 ? 'crash' : undefined))
    const {status, stdout} = await run('session-manage --cleanup --json')
    const {sessions} = document<{sessions: readonly SessionResult[]}>('session-manage', stdout)
    assert.equal(sessions.length, 20)
    // The sessions end with the manager. Which of them fail and which are found to be removed depends on the timing.
    const failed = sessions.filter(({outcome}) => outcome === 'failed')
    assert.equal(status, failed.length > 0 ? 3 : 0)
    for (const {error} of failed) assert.equal(error!.code, 'service-unavailable')
    for (const {changed, message, outcome} of sessions) {
      assert.equal(changed, false)
      if (outcome === 'removed') assert.match(message, /ended before it was checked/)
    }

    assert.ok(sessions.some(({outcome}) => outcome !== 'kept'))
    assert.equal(world.calls.byMember.has('Disconnect'), false)
  })

  it("skips another user's session with --all, even if only one property is denied", async (t) => {
    if (!world.canBecome) return t.skip('requires root to switch users')
    const [theirs] = world.createSessions(1, {name: () => 'theirs', user: 'bob'})
    await world.setPublicAccess(theirs!, true)
    for (const action of ['disconnect', 'pause', 'restart', 'resume'])
      for (const denied of ['config_name', 'status']) {
        world.calls.reset()
        world.intercept(({message: {body, member, path: which}}) =>
          which === theirs && member === 'Get' && body[1] !== denied ? {reply: ['b', true]} : undefined,
        )
        const {status, stdout} = await run(`session-manage --${action} --all --json`)
        assert.equal(status, 0, stdout)
        const {sessions} = document<{sessions: readonly SessionResult[]}>('session-manage', stdout)
        assert.deepEqual(
          sessions.map(({message}) => message),
          ['kept (not readable by you, owned by another user)'],
        )
        for (const member of ['Connect', 'Disconnect', 'Pause', 'Restart', 'Resume'])
          assert.equal(world.calls.byMember.has(member), false, `${member}, ${denied} denied`)
      }
  })

  it('reports no such session if a session vanishes before the action, and leaves others unchanged', async () => {
    for (const member of ['Pause', 'Restart']) {
      const [first, second] = world.createSessions(2)
      world.intercept(({message}) => {
        if (message.member === member) world.vanish(first!)
      })
      const action = member.toLowerCase()
      const one = await run(`session-manage --${action} --config load-1 --json`)
      assert.equal(one.status, 4, one.stdout)
      assert.equal(errorIn(one.stdout)!.code, 'session-not-found')
      assert.deepEqual(await world.sessions(), [second])
      assert.deepEqual(world.status(second!), [2, 7, ''])
      await world.reset()
    }
  })

  it('does not act on another session that reuses the path', async () => {
    const [first] = world.createSessions(1)
    world.intercept(({message}) => {
      // The path is replaced after the lookup by name and before the first read.
      if (message.member === 'Get') {
        world.intercept()
        world.replaceSession(first!, 'precious')
      }
    })
    for (const action of ['--disconnect', '--pause', '--restart']) {
      const one = await run(`session-manage ${action} --config load-1 --json`)
      assert.equal(one.status, 4, one.stdout)
      assert.equal(errorIn(one.stdout)!.code, 'session-not-found')
    }

    assert.deepEqual(await world.sessions(), [first])
    for (const member of ['Disconnect', 'Pause', 'Restart']) assert.equal(world.calls.byMember.has(member), false)
  })

  it('removes each session once in two concurrent clean-ups, which both succeed', async () => {
    const paths = world.createSessions(10)
    for (const dead of paths.slice(0, 5)) await world.killBackend(dead)
    const runs = await Promise.all([1, 2].map(() => run('session-manage --cleanup --json')))
    for (const {status, stdout} of runs) {
      assert.equal(status, 0, stdout)
      const {sessions} = document<{sessions: readonly SessionResult[]}>('session-manage', stdout)
      for (const {outcome, path: which} of sessions)
        assert.equal(outcome, paths.indexOf(which) < 5 ? 'removed' : 'kept', stdout)
    }

    const removed = runs.flatMap(
      ({stdout}) => document<{sessions: readonly SessionResult[]}>('session-manage', stdout).sessions,
    )
    assert.equal(removed.filter(({changed}) => changed).length, 5)
    assert.deepEqual(new Set(await world.sessions()), new Set(paths.slice(5)))
  })

  describe('clock jumps', () => {
    it('do not change the duration of a wait', async () => {
      const dead = await world.startSession('alice', 'dead', {until: 'started'})
      const {env, jump} = clockThatJumps(86_400)
      const {status, time} = await run('session-manage --restart --config dead --timeout 3 --keep', {
        async during(child, output) {
          await until('the command waits', () => output().includes('Restarting session:'))
          jump(child)
        },
        env,
      })
      assert.equal(status, 7)
      assert.ok(time > 3000, `${time} ms`)
      assert.deepEqual(await world.sessions(), [dead])
    })

    it('do not stop a watch or change its rates', async () => {
      const [watched] = world.createSessions(1)
      world.setTraffic(watched!, {in: 100_000, out: 100_000})
      const {env, jump} = clockThatJumps(-86_400)
      const {status, stdout} = await run('session-stats --config load-1 --watch=0.3 --json', {
        async during(child, output) {
          const lines = (n: number) => until(`there are ${n} lines`, () => output().split('\n').length > n)
          await lines(2)
          jump(child)
          await lines(6)
          child.kill('SIGINT')
        },
        env,
      })
      assert.equal(status, 130)
      const samples = stdout
        .trimEnd()
        .split('\n')
        .map((line) => document<{rates: {bytesIn: number} | null; time: string}>('session-stats-watch', line))
      const times = samples.map(({time}) => Date.parse(time))
      assert.ok(Math.min(...times) < times[0]! - 80_000_000, 'the clock should have jumped')
      for (const {rates} of samples.slice(1)) assert.ok(rates!.bytesIn > 10_000 && rates!.bytesIn < 1_000_000)
    })

    it('do not make a clean-up remove a new session as one that never loaded a profile', async () => {
      const [fresh, stray] = world.createSessions(2)
      for (const each of [fresh, stray]) world.setStatus(each!, [0, 0, ''])
      const {env} = clockThatJumps(86_400, {atOnce: true})
      const {status, stdout} = await run('session-manage --cleanup --json', {
        async during() {
          await until('the age of a session is read', () => world.calls.byMember.has('Get session_created'))
          world.setStatus(fresh!, [2, 2, ''])
        },
        env,
      })
      assert.equal(status, 0, stdout)
      const {sessions} = document<{sessions: readonly SessionResult[]}>('session-manage', stdout)
      const outcomes = new Map(sessions.map(({message, path: which}) => [which, message]))
      assert.equal(outcomes.get(fresh!), 'kept (no status)')
      assert.equal(outcomes.get(stray!), 'removed (it never loaded a profile)')
      assert.deepEqual(await world.sessions(), [fresh])
    })

    it('do not lead to negative ages in a list', async () => {
      world.createSessions(1)
      const {env} = clockThatJumps(-86_400, {atOnce: true})
      assert.match((await run('sessions-list --columns age', {env})).stdout, /^0s$/m)
    })
  })

  it('does not time out after a suspension if the session connected in the meantime', async () => {
    const paused = await world.startSession('alice', 'cert')
    world.pause(paused)
    world.timings.connecting = 1500
    const {status, stdout} = await run('session-manage --resume --config cert --timeout 2', {
      async during(child, output) {
        await until('the command resumes the session', () => output().includes('Resuming session:'))
        child.kill('SIGSTOP')
        const stopped = performance.now()
        await until(
          'the time limit has passed',
          () => performance.now() - stopped > 3000 && world.status(paused)[1] === 7,
        )
        child.kill('SIGCONT')
      },
    })
    assert.equal(status, 0, stdout)
    assert.match(stdout, /cert \(\w{8}\): connected to/)
    assert.deepEqual(await world.sessions(), [paused])
  })

  it('refuses an answer with a NUL, for which the bus would close the connection', async () => {
    const waiting = await world.startSession('alice', 'pass', {until: 'new'})
    const {status, stderr} = await run('session-manage --resume --config pass --timeout 5', {
      input: 'vpnuser\nsec\0ret\n',
    })
    assert.equal(status, 8)
    assert.match(stderr, /"Auth Password" cannot contain a NUL character/)
    assert.doesNotMatch(stderr, /sec|ret/)
    assert.deepEqual(world.answers(waiting), {})
  })
})
