import type {ErrorJson, SessionResult} from '@ovpn3/sessions'

import {Message, MessageType, sessionBus, Variant} from 'dbus-next'
import assert from 'node:assert/strict'
import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {closeSync, openSync} from 'node:fs'
import {after, afterEach, before, describe, it} from 'node:test'

import {PrivateBus} from '../simulator/bus'
import {notReady, ServiceError} from '../simulator/errors'
import {type Simulator, simulator, userPassword} from '../simulator/simulator'
import {asUser, cli, ovpn3, until} from '../support/cli'
import {fastClock} from '../support/clock'
import {document} from '../support/schemas'
import {onBus} from '../support/world'

interface Manage {
  readonly sessions: readonly SessionResult[]
}

/** Sends the followers of a session the status connected, as any user on the bus can. */
async function spoof(world: Simulator, path: string): Promise<void> {
  const bus = sessionBus({busAddress: world.busAddress})
  await once(bus, 'connect')
  for (const destination of world.subscribers(path))
    bus.send(
      new Message({
        body: [2, 7, ''],
        destination,
        interface: 'net.openvpn.v3.backends',
        member: 'StatusChange',
        path,
        signature: 'uus',
        type: MessageType.SIGNAL,
      }),
    )
  assert.ok(world.subscribers(path).length > 0)
  // when this call is answered, the signals have been sent
  await bus.call(
    new Message({
      destination: 'org.freedesktop.DBus',
      interface: 'org.freedesktop.DBus',
      member: 'GetId',
      path: '/org/freedesktop/DBus',
    }),
  )
  bus.disconnect()
}

describe('session-manage with faults', () => {
  let world: Simulator
  const manage = (args: string, options?: Parameters<typeof ovpn3>[3]) =>
    ovpn3(world, 'alice', ['session-manage', ...args.split(' ')], options)
  const sessionsOf = (stdout: string) => document<Manage>('session-manage', stdout).sessions
  const errorOf = (stdout: string) =>
    document<{error: ErrorJson & {candidates?: readonly {created: string; path: string}[]}}>('error', stdout).error

  /** The error on a bus without a working service. */
  const unavailable = async (services: 'broken' | 'none') => {
    const bus = await PrivateBus.start({services})
    try {
      const run = await ovpn3(onBus(world, bus.address), 'alice', ['session-manage', '--cleanup', '--json'])
      assert.equal(run.status, 6)
      const error = errorOf(run.stdout)
      assert.equal(error.code, 'service-unavailable')
      return error
    } finally {
      await bus.stop()
    }
  }

  before(async () => {
    world = await simulator()
  })
  afterEach(() => world.reset())
  after(() => world.close())

  it('a failed session gets a hint to start it again, with its name quoted for the shell', async () => {
    const names: Readonly<Record<string, string>> = {
      "it's": String.raw`'it'\''s'`,
      'my vpn\u001B[31m\u202E': "'my vpn'",
      office: 'office',
    }
    const sessions = world.createSessions(Object.keys(names).length, {name: (i) => Object.keys(names)[i]!})
    for (const session of sessions) world.setStatus(session, [2, 11, ''])
    for (const [i, word] of Object.values(names).entries())
      for (const action of ['--pause', '--restart']) {
        const {status, stderr} = await manage(`${action} --path ${sessions[i]}`)
        assert.equal(status, 8)
        const hint = `\nRun \`ovpn3 start --config ${word} --if-running=restart\`\n`
        assert.ok(stderr.endsWith(hint), stderr)
      }
  })

  it('a denial names an owner without an account by uid, once', async () => {
    const [session] = world.createSessions(1)
    world.breakProperty(session!, 'owner', new Variant('u', 3_999_999_999))
    world.intercept(({message}) =>
      message.member === 'Pause'
        ? new ServiceError('org.freedesktop.DBus.Error.AccessDenied', 'Access denied')
        : undefined,
    )
    const {status, stderr} = await manage(`--pause --path ${session}`)
    assert.equal(status, 5)
    assert.match(stderr, /\nAsk its owner, uid 3999999999, to grant you access\n$/)
  })

  it('a bus without the service ends with exit status 6 and a package to install', async () => {
    assert.match((await unavailable('none')).hint!, /openvpn3-client/)
  })

  it('a service that exits during its start ends with exit status 6 and is not reported as missing', async () => {
    assert.match((await unavailable('broken')).message, /^the session manager did not start: .*exited/)
  })

  for (const [type, text, status, message] of [
    [
      'TimedOut',
      "Failed to activate service 'net.openvpn.v3.sessions': timed out (service_start_timeout=25000ms)",
      6,
      /^the session manager did not start: Failed to activate/,
    ],
    [
      'AccessDenied',
      'Rejected send message, 1 matched rules; type="method_call", sender=":1.2" (uid=1000 pid=1)',
      5,
      /^permission to call the session manager denied by the bus policy: /,
    ],
  ] as const)
    it(`reports the bus's own error ${type}`, async () => {
      world.intercept(() => new ServiceError(`org.freedesktop.DBus.Error.${type}`, text))
      const run = await manage('--cleanup --json')
      assert.equal(run.status, status, run.stdout)
      assert.match(errorOf(run.stdout).message, message)
    })

  for (const [member, args] of [
    ['Pause', '--pause --config load-1'],
    ['FetchAvailableSessions', '--cleanup'],
    ['LookupConfigName', '--pause --config load-1'],
    ['Disconnect', '--disconnect --config load-1'],
  ] as const) {
    it(`a manager that ends during ${member} causes exit status 6`, async () => {
      world.createSessions(1)
      world.intercept(({message}) => (message.member === member ? 'crash' : undefined))
      const run = await manage(`${args} --json`)
      assert.equal(run.status, 6, run.stdout)
      assert.match(run.stdout, /"code": "service-unavailable"/)
      assert.match(run.stdout, /exited before it answered/)
    })
  }

  it('a bus that is killed during a call causes exit status 6', async () => {
    const own = await simulator()
    try {
      own.createSessions(1)
      own.intercept(({message}) => (message.member === 'Pause' ? 'ignore' : undefined))
      const run = await ovpn3(own, 'alice', ['session-manage', '--pause', '--config', 'load-1', '--json'], {
        async during() {
          await until('it pauses', () => own.calls.byMember.has('Pause'))
          await own.killBus()
        },
      })
      assert.equal(run.status, 6, run.stderr)
      assert.equal(sessionsOf(run.stdout)[0]?.error?.code, 'disconnected')
    } finally {
      await own.close()
    }
  })

  it('a session that ends during its disconnect counts as removed', async () => {
    const [path] = world.createSessions(2)
    world.intercept(({message}) => {
      if (message.member === 'Disconnect' && message.path === path) world.vanish(path!)
    })
    const run = await manage('--disconnect --all --yes --json')
    assert.equal(run.status, 0, run.stdout)
    const gone = sessionsOf(run.stdout).find((session) => session.path === path)
    assert.deepEqual([gone!.outcome, gone!.changed, gone!.message], ['removed', false, 'was already gone'])
  })

  it('disconnecting a session that vanishes succeeds with any selector; one that never existed is an error', async () => {
    for (const how of ['config', 'id', 'interface', 'path'] as const) {
      const [path = ''] = world.createSessions(1)
      const id = path.slice(path.lastIndexOf('/') + 1)
      const selector = {
        config: '--config load-1',
        id: `--path ${id}`,
        interface: '--interface tun0',
        path: `--path ${path}`,
      }[how]
      world.intercept(({message}) => {
        if (message.member === 'Disconnect') world.vanish(path)
      })
      const {status, stderr, stdout} = await manage(`--disconnect ${selector}`)
      assert.deepEqual([status, stderr], [0, ''], how)
      assert.match(stdout, /^Initiated session shutdown\.$[^]*^load-1 \(\w{8}\): was already gone$/m)
      const again = await manage(`--disconnect ${selector}`)
      assert.deepEqual([again.status, again.stdout], [4, ''], how)
      assert.match(again.stderr, /^Error: no session matches --/)
      await world.reset()
    }
  })

  it('disconnecting a session that vanishes between list and read succeeds, too', async () => {
    const [path = ''] = world.createSessions(1)
    const id = path.slice(path.lastIndexOf('/') + 1)
    world.intercept(({message}) => {
      if (message.member === 'Get') world.vanish(path)
    })
    const {status, stderr, stdout} = await manage(`--disconnect --path ${id.slice(0, 8)}`)
    assert.deepEqual([status, stderr], [0, ''])
    assert.match(stdout, /: was already gone$/m)
  })

  it('an ambiguous name does not match stale sessions', async () => {
    const create = (n: number) => world.createSessions(n, {name: () => 'same'})
    const [first, second] = create(2)
    await world.killBackend(first!)
    const one = await manage('--pause --config same --json')
    assert.equal(one.status, 0, one.stdout)
    assert.deepEqual(
      sessionsOf(one.stdout).map((session) => session.path),
      [second],
    )
    await world.reset()

    const paths = create(3)
    await world.killBackend(paths[0]!)
    const two = await manage('--pause --config same --json')
    assert.equal(two.status, 4)
    assert.deepEqual(new Set(errorOf(two.stdout).candidates!.map((session) => session.path)), new Set(paths.slice(1)))
    for (const {created} of errorOf(two.stdout).candidates!)
      assert.ok(Math.abs(Date.parse(created) - Date.now()) < 60_000, created)
    assert.match(errorOf(two.stdout).message, /matches 2 sessions/)
    await world.reset()

    for (const path of create(2)) await world.killBackend(path)
    const none = await manage('--pause --config same --json')
    assert.equal(none.status, 4)
    assert.equal(errorOf(none.stdout).code, 'session-stale')
  })

  it('a clean-up keeps a session without a status if its second read fails', async () => {
    const [stray] = world.createSessions(1)
    world.setStatus(stray!, [0, 0, ''])
    // as old as a session that never loaded a profile
    world.breakProperty(stray!, 'session_created', new Variant('t', 1_700_000_000n))
    let reads = 0
    world.intercept(({message: {body, member}}) =>
      member === 'Get' && body[1] === 'status' && reads++ > 0
        ? new ServiceError('org.freedesktop.DBus.Error.Failed', 'not now')
        : undefined,
    )
    const run = await manage('--cleanup --json')
    const [session] = sessionsOf(run.stdout)
    assert.deepEqual([run.status, session!.outcome, session!.error?.code], [1, 'failed', 'failed'], run.stdout)
    assert.deepEqual(await world.sessions(), [stray])
  })

  it('a dry run of a clean-up reports what --failed adds', async () => {
    world.createSessions(1)
    for (const [option, end] of [
      ['', 'if it is stale'],
      [' --failed', 'if it is stale or has failed'],
    ]) {
      const run = await manage(`--cleanup --dry-run${option}`)
      assert.ok(run.stdout.trimEnd().endsWith(`would be checked, and removed ${end}`), run.stdout)
    }
  })

  it('a call without an answer times out', async () => {
    world.createSessions(1)
    world.intercept(({message}) => (message.member === 'Pause' ? 'ignore' : undefined))
    // 25 s of the child's clock
    const run = await manage('--pause --config load-1 --json', {env: fastClock(5)})
    assert.equal(run.status, 7)
    assert.equal(sessionsOf(run.stdout)[0]?.error?.code, 'timeout')
    assert.ok(run.time > 4800 && run.time < 15_000, `${run.time} ms`)
  })

  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    it(`${signal} during a hanging call exits soon with ${status} and reports the unknown outcome`, async () => {
      world.createSessions(1)
      world.intercept(({message}) => (message.member === 'Pause' ? 'ignore' : undefined))
      const run = await manage('--pause --config load-1 --json', {
        async during(child) {
          await until('it pauses', () => world.calls.byMember.has('Pause'))
          child.kill(signal)
        },
      })
      assert.equal(run.status, status)
      const [session] = sessionsOf(run.stdout)
      assert.deepEqual([session!.config, session!.error?.code], ['load-1', 'interrupted'])
      assert.match(session!.message, /^interrupted before there was an answer/)
      assert.ok(run.time < 20_000)
    })
  }

  for (const [how, args] of [
    ['prints', '--disconnect --all --yes'],
    ['puts in its document', '--disconnect --all --yes --json'],
  ] as const)
    it(`SIGINT during several disconnects ${how} the finished sessions and the unknown outcomes`, async () => {
      world.createSessions(6)
      let called = 0
      // each call waits for the answer to the previous one
      world.intercept(({message}) => (message.member === 'Disconnect' && ++called > 3 ? 'ignore' : undefined))
      const {status, stderr, stdout, time} = await manage(args, {
        async during(child) {
          await until('three are done', () => called > 3)
          child.kill('SIGINT')
        },
      })
      assert.equal(status, 130, stderr)
      assert.ok(time < 10_000, `${time} ms`)
      assert.doesNotMatch(stderr, /connection to the message bus is closed/)
      const left = (await world.sessions()).map((path) => path.slice(path.lastIndexOf('/') + 1))
      assert.equal(left.length, 3)
      const unknown = 'interrupted before there was an answer: it may still have taken effect'
      if (!args.includes('--json')) {
        assert.equal(
          stdout.match(/^load-\d \(\w{8}\): disconnected, received \S+ \w+, sent \S+ \w+$/gm)?.length,
          3,
          stdout,
        )
        assert.match(stderr, /^3 disconnected, 3 failed$/m)
        for (const id of left)
          assert.match(stderr, new RegExp(`^Error: load-\\d \\(${id.slice(0, 8)}\\): ${unknown}$`, 'm'))
        return
      }

      for (const {changed, error, id, outcome, statistics} of sessionsOf(stdout)) {
        const isLeft = left.includes(id)
        assert.deepEqual([outcome, changed], isLeft ? ['failed', false] : ['done', true])
        if (isLeft) assert.deepEqual(error, {code: 'interrupted', message: unknown})
        else assert.ok(statistics)
      }
    })

  it('SIGINT during many actions starts no further one', async () => {
    world.createSessions(60)
    world.intercept(({message}) => (message.member === 'Pause' ? 'ignore' : undefined))
    const paused = () => world.calls.byMember.get('Pause') ?? 0
    const {status, stdout} = await manage('--pause --all --yes --json', {
      async during(child) {
        await until('it has the most calls pending', () => paused() === 50)
        child.kill('SIGINT')
      },
    })
    assert.equal(status, 130)
    assert.equal(paused(), 50)
    const messages = sessionsOf(stdout).map(({message}) => message)
    assert.equal(messages.filter((message) => message === 'interrupted: nothing was done').length, 10)
    assert.equal(messages.filter((message) => message.startsWith('interrupted before')).length, 50)
  })

  it('SIGINT during a prompt for standard input leaves the session unchanged', async () => {
    const path = await world.startSession('alice', 'pass', {until: 'new'})
    const run = await manage('--resume --config pass --timeout 10', {
      async during(child, output) {
        await until('it asks', () => output().includes('Auth User name: '))
        child.kill('SIGINT')
      },
      input: 'vpnuser\n',
      openStdin: true,
    })
    assert.equal(run.status, 130)
    assert.deepEqual(world.status(path).slice(0, 2), [2, 4])
    assert.deepEqual(world.answers(path), {})
  })

  it('SIGINT after the last answer starts nothing', async () => {
    const path = await world.startSession('alice', 'pass', {until: 'new'})
    let given = 0
    world.intercept(({message: {member}}) => {
      if (member === 'UserInputProvide') given++
      return member === 'Ready' && given === 2 ? {delay: 500} : undefined
    })
    const run = await manage('--resume --config pass --timeout 30', {
      async during(child) {
        await until('it checks for more questions', () => given === 2 && world.calls.byMember.get('Ready') === 2)
        child.kill('SIGINT')
      },
      input: 'vpnuser\nsecret\n',
    })
    assert.equal(run.status, 130, run.stderr)
    assert.equal(world.calls.byMember.has('Connect'), false)
    assert.deepEqual(world.status(path).slice(0, 2), [2, 4])
  })

  it('SIGINT with --keep exits soon even if a backend hangs', async () => {
    const path = await world.startSession('alice', 'dead', {until: 'started'})
    let sent = 0
    const run = await manage('--restart --config dead --wait --keep', {
      async during(child, output) {
        await until('it waits', () => output().includes('Restarting session:'))
        await world.stopBackend(path)
        const reads = () => world.calls.byMember.get('Get status') ?? 0
        const before = reads()
        await until('it reads the session', () => reads() > before)
        child.kill('SIGINT')
        sent = performance.now()
      },
    })
    assert.equal(run.status, 130)
    assert.ok(performance.now() - sent < 4000)
    assert.match(run.stderr, /^Error: dead \(\w{8}\): interrupted: still connecting in the background$/m)
    assert.deepEqual(await world.sessions(), [path], 'before the manager gave up')
  })

  for (const silent of ['LookupConfigName', 'Get', 'LogForward', 'Restart'])
    it(`--timeout is kept, whatever call the session manager does not answer: ${silent}`, async () => {
      await world.startSession('alice', 'dead', {until: 'started'})
      let isSilent = false
      world.intercept(({message}) => {
        isSilent ||= message.member === silent
        return isSilent ? 'ignore' : undefined
      })
      const {status, stderr, time} = await manage('--restart --config dead --timeout 2')
      assert.equal(status, 7, stderr)
      assert.ok(time < 10_000, `${time} ms`)
      if (silent === 'Restart')
        assert.match(stderr, /a disconnect was sent, but not answered; it may still be connecting/)
      else assert.doesNotMatch(stderr, /disconnect/)
      assert.equal(world.calls.byMember.has('Disconnect'), silent === 'Restart')
    })

  it('a session that is not ready and has no questions is rarely polled', async () => {
    const path = await world.startSession('alice', 'dead', {until: 'started'})
    world.setStatus(path, [2, 12, ''])
    world.intercept(({message}) => {
      if (message.member === 'LogForward') world.setStatus(path, [2, 4, ''])
      return message.member === 'Ready' ? notReady('Missing user credentials') : undefined
    })
    const run = await manage('--resume --config dead --timeout 3')
    assert.equal(run.status, 7, run.stderr)
    assert.ok(run.time < 10_000, `${run.time} ms`)
    assert.ok(world.calls.total < 25, `${world.calls.total} calls`)
    assert.ok(run.stderr.length < 2000)
  })

  it('a wait for many sessions causes no warning', async () => {
    const paths = world.createSessions(30)
    for (const path of paths) world.pause(path)
    const run = await manage('--resume --all --yes --timeout 20')
    assert.equal(run.status, 0, run.stderr)
    assert.doesNotMatch(run.stderr, /Warning/)
  })

  it('subscribes again to a restarted log service', async () => {
    const path = await world.startSession('alice', 'dead', {until: 'started'})
    const run = await manage('--restart --config dead --wait', {
      async during(_, output) {
        await until('it waits', () => output().includes('Restarting session:'))
        assert.equal(world.subscribers(path).length, 1)
        await world.restartLogService()
        await until('it listens again', () => world.subscribers(path).length === 1)
        world.setStatus(path, [2, 11, 'no'])
      },
    })
    assert.equal(run.status, 8, run.stderr)
  })

  it('ignores a connection from before a restart', async () => {
    const path = await world.startSession('alice', 'dead', {until: 'started'})
    world.intercept(({message: {member}}) => {
      if (member !== 'Ready') return
      world.setStatus(path, [2, 7, ''])
      world.setStatus(path, [2, 12, ''])
      return {delay: 300}
    })
    const run = await manage('--restart --config dead --timeout 2')
    assert.equal(run.status, 7, run.stdout)
    assert.match(run.stderr, /not connected within 2 s \(reconnecting\)/)
  })

  it('a session disconnected on timeout counts as changed', async () => {
    world.pause(await world.startSession('alice', 'dead', {until: 'started'}))
    const run = await manage('--resume --config dead --timeout 1 --json')
    assert.equal(run.status, 7)
    const [session] = sessionsOf(run.stdout)
    assert.deepEqual([session!.outcome, session!.changed, session!.status?.minor], ['failed', true, 16])
  })

  it('a closed stdout does not stop the action', async () => {
    world.createSessions(20)
    const child = spawn(process.execPath, [cli(), 'session-manage', '--disconnect', '--all', '--yes'], {
      ...asUser(world, 'alice'),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child.stdout.destroy()
    let stderr = ''
    child.stderr.on('data', (data: Buffer) => {
      stderr += data
    })
    const status = await new Promise((resolve) => {
      child.on('close', resolve)
    })
    assert.doesNotMatch(stderr, /EPIPE| {2}at /)
    assert.equal(status, 0, stderr)
    assert.deepEqual(await world.sessions(), [])
  })

  it('one unreadable property does not hide the others', async () => {
    const [path] = world.createSessions(1)
    world.failProperty(path!, 'statistics')
    const run = await manage(`--disconnect --path ${path} --json`)
    assert.equal(run.status, 0)
    assert.deepEqual(
      sessionsOf(run.stdout).map(({config, statistics}) => [config, statistics]),
      [['load-1', undefined]],
    )
  })

  it('reports a property with a wrong type by name', async () => {
    const [path] = world.createSessions(1)
    world.breakProperty(path!, 'status', new Variant('s', 'fine'))
    const run = await manage(`--pause --path ${path} --json`)
    assert.equal(run.status, 1)
    assert.match(sessionsOf(run.stdout)[0]!.message, /invalid status from the service: expected type list/)
  })

  it('shows an unknown status code as a number', async () => {
    const [path] = world.createSessions(1)
    world.setStatus(path!, [7, 99, 'brand new'])
    const run = await manage('--cleanup')
    assert.match(run.stdout, /kept \(status 7\/99\)/)
  })

  it('64-bit counters keep all their digits', async () => {
    const [path] = world.createSessions(1)
    world.setStatistics(path!, {BYTES_IN: 9_223_372_036_854_775_807n, BYTES_OUT: 9_007_199_254_740_993n})
    const run = await manage(`--disconnect --path ${path} --json`)
    assert.match(run.stdout, /"BYTES_IN": 9223372036854775807,/)
    assert.match(run.stdout, /"BYTES_OUT": 9007199254740993\b/)
  })

  it('partial failure ends with exit status 3 and completes the rest', async () => {
    const [first] = world.createSessions(3)
    await world.killBackend(first!)
    const run = await manage('--pause --all --yes --json')
    assert.equal(run.status, 3)
    assert.deepEqual(
      sessionsOf(run.stdout)
        .map(({outcome}) => outcome)
        .sort(),
      ['done', 'done', 'failed'],
    )
  })

  it('a dynamic challenge during the connection is requested', async () => {
    world.addProfile('alice', 'dyn', {
      ...userPassword('vpnuser', 'secret'),
      challenge: {answer: '987', question: 'The code on your token'},
    })
    const path = await world.startProfile('alice', 'dyn', {until: 'new'})
    const run = await manage('--resume --config dyn --timeout 10 --json', {input: 'vpnuser\nsecret\n987\n'})
    assert.equal(run.status, 0, run.stdout + run.stderr)
    assert.equal(await world.carriesTraffic(path), true)
  })

  it('ignores the status from before a restart', async () => {
    const path = await world.startSession('alice', 'cert')
    world.pause(path)
    let old: 'from Restart on' | 'read' | 'to be read' = 'from Restart on'
    world.intercept(({message: {body, member}}) => {
      if (member === 'LogForward') return new ServiceError('org.freedesktop.DBus.Error.AccessDenied', 'Access denied')
      if (member === 'Restart') old = 'to be read'
      if (old !== 'to be read' || body[1] !== 'status') return
      old = 'read'
      return {reply: ['v', new Variant('(uus)', [2, 14, ''])]}
    })
    const run = await manage('--restart --config cert --timeout 10 --json')
    assert.equal(old, 'read')
    assert.equal(run.status, 0, run.stdout)
    assert.match(sessionsOf(run.stdout)[0]!.message, /^connected to/)
  })

  it('reports a pending web authentication without a wait', async () => {
    const path = await world.startSession('alice', 'web', {until: 'new'})
    const first = await manage('--resume --config web --background', {input: 'anybody\nanything\n'})
    assert.equal(first.status, 0, first.stderr)
    assert.match(first.stdout, /: resuming in the background; if it needs more input, run `ovpn3 auth`$/m)
    await until('it needs web authentication', () => world.status(path)[1] === 22)
    const again = await manage('--resume --config web')
    const lines = [
      `Resuming session: ${path}`,
      'Web based authentication required.',
      'Open this URL to complete the connection: ',
      '     https://vpn.lab.example/auth?id=42',
      '',
      `web (${path.split('/').at(-1)!.slice(0, 8)}): already needs web authentication`,
      '',
    ]
    assert.deepEqual([again.status, again.stderr, again.stdout.split('\n')], [0, '', lines])
    const planned = await manage('--resume --config web --dry-run')
    assert.deepEqual([planned.stderr, planned.stdout.includes('https:')], ['', false])
  })

  it('prints the statistics of a disconnected session after the line that names it', async () => {
    const path = await world.startSession('alice', 'dead', {until: 'started'})
    const run = await manage('--restart --config dead --timeout 1')
    assert.equal(run.status, 7)
    assert.equal(run.stdout, `Restarting session: ${path}\n`)
    assert.match(
      run.stderr,
      /^Error: dead \(\w{8}\): not connected within [^]*\n\nConnection statistics:\n( {5}\S+\n)+$/m,
    )
  })

  it('a failure reports whether the session was changed', async () => {
    await world.startSession('alice', 'dead', {until: 'new'})
    const unheard = '--resume --config dead --timeout 1 --keep --json'
    await world.startSession('alice', 'pass', {until: 'new'})
    const refused = '--resume --config pass --wait --json'
    for (const [args, input, status, changed] of [
      [unheard, '', 7, true],
      // it is already connecting, so nothing changes
      [unheard, '', 7, false],
      [refused, 'vpnuser\n', 8, false],
      [refused, 'vpnuser\nwrong\n', 8, true],
    ] as const) {
      const run = await manage(args, {input})
      assert.equal(run.status, status, run.stdout)
      assert.equal(sessionsOf(run.stdout)[0]!.changed, changed, run.stdout)
    }
  })

  const whatFailed = (stdout: string) =>
    sessionsOf(stdout).flatMap(({config, error}) => (error ? [`${config}: ${error.code}: ${error.message}`] : []))
  const oneOnly = 'input-missing: input is missing: standard input and --credentials can answer for one session only'
  const withChallenge = {challenge: {answer: '987', question: 'The code'}, inputs: [], port: 1195}

  it('standard input is for one session: if several need input, none gets it, and the others continue', async () => {
    const needy = [
      await world.startSession('alice', 'pass', {until: 'new'}),
      await world.startSession('alice', 'key', {until: 'new'}),
    ]
    const paused = await world.startSession('alice', 'cert')
    for (const action of ['resume', 'restart']) {
      world.pause(paused)
      for (const waits of ['', '--timeout 10']) {
        const input = 'vpnuser\nsecret\nopensesame\n'
        const run = await manage(`--${action} --all --yes --json ${waits}`.trim(), {input})
        assert.equal(run.status, 3, run.stdout)
        assert.deepEqual(whatFailed(run.stdout).sort(), [
          `key: ${oneOnly}: Private key passphrase (pk_passphrase)`,
          `pass: ${oneOnly}: Auth User name (username), Auth Password (password)`,
        ])
        for (const {changed, error} of sessionsOf(run.stdout).filter(({outcome}) => outcome === 'failed')) {
          assert.equal(changed, false)
          assert.match(error!.hint!, /^Select one session/)
        }

        for (const path of needy) {
          assert.deepEqual(world.answers(path), {})
          assert.equal(world.status(path)[1], 4)
        }
      }

      await until('it is connected', () => world.carriesTraffic(paused))
    }
  })

  it('one session among several gets its input', async () => {
    const needy = await world.startSession('alice', 'pass', {until: 'new'})
    const refused = await world.startSession('alice', 'pass', {fresh: true, input: ['vpnuser', 'wrong']})
    const paused = await world.startSession('alice', 'cert')
    world.pause(paused)
    const run = await manage('--resume --all --yes --timeout 10 --json', {input: 'vpnuser\nsecret\n'})
    assert.equal(run.status, 3, run.stdout)
    assert.match(whatFailed(run.stdout).join('; '), /^pass: refused: it is no longer running[^;]*$/)
    assert.equal(world.status(refused)[1], 11)
    for (const path of [needy, paused]) assert.equal(await world.carriesTraffic(path), true)
  })

  it('a session that needs input later gets no line meant for another session', async () => {
    world.addProfile('alice', 'dyn', withChallenge)
    const needy = await world.startSession('alice', 'pass', {until: 'new'})
    const later = await world.startProfile('alice', 'dyn', {until: 'new'})
    const run = await manage('--resume --all --yes --timeout 10 --json', {input: 'vpnuser\nsecret\n987\n'})
    assert.equal(run.status, 3, run.stdout)
    assert.deepEqual(whatFailed(run.stdout), [`dyn: ${oneOnly}: The code (dynamic_challenge)`])
    assert.deepEqual(world.answers(later), {})
    assert.equal(await world.carriesTraffic(needy), true)
  })

  it('two sessions that need input later get no line', async () => {
    const paths: string[] = []
    for (const name of ['dyn-1', 'dyn-2']) {
      world.addProfile('alice', name, withChallenge)
      paths.push(await world.startProfile('alice', name, {until: 'new'}))
    }

    const run = await manage('--resume --all --yes --timeout 10 --json', {input: '987\n987\n'})
    assert.equal(run.status, 3, run.stdout)
    assert.deepEqual(whatFailed(run.stdout).sort(), [
      `dyn-1: ${oneOnly}: The code (dynamic_challenge)`,
      `dyn-2: ${oneOnly}: The code (dynamic_challenge)`,
    ])
    for (const path of paths) assert.deepEqual(world.answers(path), {})
  })

  it('ignores signals of a stranger', async () => {
    const path = await world.startSession('alice', 'dead', {until: 'started'})
    const run = await manage('--restart --config dead --wait --keep', {
      async during(_, output) {
        await until('it waits', () => output().includes('Restarting session:'))
        await spoof(world, path)
        // the true status, sent after it
        world.setStatus(path, [2, 11, 'no'])
      },
    })
    assert.equal(run.status, 8, run.stdout)
  })

  it('SIGINT during the lookup of the sessions changes nothing and exits at once', async () => {
    const [hung, other] = world.createSessions(2)
    await world.stopBackend(hung!)
    const run = await manage('--disconnect --all --yes', {
      async during(child, output) {
        await until('it waits', () => output().includes('Waiting for session'))
        child.kill('SIGINT')
      },
    })
    assert.equal(run.status, 130)
    assert.equal((await world.sessions()).length, 2, 'before the manager gave up')
    await world.killBackend(hung!)
    await until('the manager is free again', async () => (await world.sessions()).length === 1)
    assert.deepEqual(await world.sessions(), [other])
    assert.equal(world.calls.byMember.has('Disconnect'), false)
  })

  it('removes control characters of a server from the output', async () => {
    // its server never answers by itself
    world.addProfile('alice', 'evil', {inputs: []})
    const path = await world.startProfile('alice', 'evil', {until: 'started'})
    world.pause(path)
    const run = await manage(`--resume --path ${path} --timeout 10`, {
      async during(_, output) {
        await until('it resumes', () => output().includes('Resuming'))
        world.setStatus(path, [2, 11, '\u001B]0;owned\u0007 evil\u001B[31m \u009B2J \u202E'])
      },
    })
    assert.match(run.stderr, /evil/)
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(run.stdout + run.stderr, /[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u202A-\u202E]/)
  })

  it('removes control characters from a hint, too', async () => {
    world.createSessions(1)
    const text = 'Rejected send message \u001B]0;owned\u0007 evil\u001B[31m'
    world.intercept(({message}) =>
      message.member === 'Pause' ? new ServiceError('org.freedesktop.DBus.Error.AccessDenied', text) : undefined,
    )
    const run = await manage('--pause --config load-1')
    assert.equal(run.status, 5)
    assert.match(run.stderr, /denied by the bus policy: Rejected send message .*evil/m)
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(run.stderr, /[\u0000-\u0009\u000B-\u001F]/)
  })

  it('a manager that ends during the lookup of an interface is not reported as a missing interface', async () => {
    world.createSessions(1)
    world.intercept(({message}) => (message.body[1] === 'device_name' ? 'crash' : undefined))
    const run = await manage('--pause --interface tun0 --json')
    assert.equal(run.status, 6)
    assert.equal(errorOf(run.stdout).code, 'service-unavailable')
  })

  it('reports a full disk behind stdout in one line', async () => {
    const [path] = world.createSessions(1)
    const full = openSync('/dev/full', 'w')
    try {
      const child = spawn(process.execPath, [cli(), 'session-manage', '--pause', '--path', path!], {
        ...asUser(world, 'alice'),
        stdio: ['ignore', full, 'pipe'],
      })
      let stderr = ''
      child.stderr!.on('data', (data: Buffer) => {
        stderr += data
      })
      const [status] = (await once(child, 'close')) as [number]
      assert.equal(status, 1)
      assert.match(stderr, /^Error: cannot write the output: .*ENOSPC.*\n$/)
    } finally {
      closeSync(full)
    }
  })

  it('DEBUG=ovpn3:* shows the traffic', async () => {
    world.createSessions(1)
    const run = await manage('--pause --config load-1', {env: {DEBUG: 'ovpn3:*'}})
    assert.equal(run.status, 0)
    assert.match(run.stderr, /^ovpn3:bus -> \S+ Pause/m)
  })
})
