import {Variant} from 'dbus-next'
import assert from 'node:assert/strict'
import {type ChildProcess} from 'node:child_process'
import {readFileSync} from 'node:fs'
import {after, afterEach, before, describe, it} from 'node:test'

import {type Simulator, simulator} from '../../../test/simulator/simulator'
import {ovpn3, ovpn3Shared, piped, type RunOptions, until} from '../../../test/support/cli'
import {document} from '../../../test/support/schemas'

interface Listed {
  readonly path: string
  readonly state: string
  readonly config?: string | null
  readonly device?: string | null
  readonly status?: {readonly minor: number; readonly text: string} | null
}

interface ListEvent {
  readonly event: string
  readonly session: Listed
}

/** The processor time of a process in seconds. */
function processorTime({pid}: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

const eventsOf = (output: string) =>
  output
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as ListEvent)

describe('sessions-list with faults', () => {
  let world: Simulator
  const list = (args: string, options?: RunOptions) =>
    ovpn3(world, 'alice', ['sessions-list', ...args.split(' ').filter(Boolean)], options)
  const shared = (args: string) => ovpn3Shared(world, 'alice', ['sessions-list', ...args.split(' ')])
  const sessionsOf = (stdout: string) => document<{sessions: Listed[]}>('sessions-list', stdout).sessions
  const errorOf = (stdout: string) => document<{error: {code: string; message: string}}>('error', stdout).error
  const reads = () =>
    Object.fromEntries(
      [...world.calls.byMember]
        .filter(([member]) => member.startsWith('Get '))
        .map(([member, n]) => [member.slice(4), n]),
    )

  before(async () => {
    world = await simulator()
  })
  afterEach(() => world.reset())
  after(() => world.close())

  it('prints each record as soon as it is read', async () => {
    // the second in the list
    const [, hung] = world.createSessions(3).sort()
    world.timings.hung = 500
    await world.stopBackend(hung!)
    let first = ''
    const {status, stdout} = await list('', {
      async during(_, output) {
        await until('the first record is there', () => /Status: +Connection, Client connected/.test(output()))
        first = output()
        await world.reset()
      },
    })
    assert.equal(status, 0)
    assert.match(first, /^-+\n +Path: /)
    assert.equal(stdout.match(/ Path: /g)?.length, 3)
  })

  describe('reads', () => {
    const table = {config_name: 20, connected_to: 20, device_name: 20, owner: 20, session_created: 20, status: 20}
    const everything = {...table, backend_pid: 20, config_path: 20}
    for (const [args, expected] of Object.entries({
      '--columns id,path': {},
      '--columns id,status': {status: 20},
      '--columns age,created': {session_created: 20},
      '--columns profile': {config_path: 20},
      '--columns id --filter config=load*': {config_name: 20},
      '--columns id --sort device': {device_name: 20, status: 20},
      '--format=table': table,
      '--format=classic': everything,
      '--json': everything,
      '--json --columns message,status': {status: 20},
    })) {
      it(`each property that the output needs, once: ${args}`, async () => {
        world.createSessions(20)
        world.calls.reset()
        const run = await shared(args)
        assert.equal(run.status, 0, run.stderr)
        assert.deepEqual(reads(), expected)
        assert.equal(world.calls.byMember.get('FetchAvailableSessions'), 1)
      })
    }

    for (const args of [
      '--columns id,nope',
      '--sort nope',
      '--filter nope=1',
      '--filter status',
      '--format=xml',
      'more',
      '--format=classic --watch',
      '--format=table --json',
      '--columns=',
    ]) {
      it(`nothing on wrong usage: ${args}`, async () => {
        world.createSessions(1)
        world.calls.reset()
        const run = await shared(`${args} --json`)
        assert.equal(run.status, 2)
        assert.equal(errorOf(run.stdout).code, 'usage')
        assert.equal(world.calls.total, 0)
      })
    }

    it('1,000 sessions in seconds', async () => {
      const times = []
      for (const count of [100, 900]) {
        world.createSessions(count)
        const run = await list('--format=table')
        assert.equal(run.stdout.split('\n').length, (times.length > 0 ? 1000 : 100) + 2)
        times.push(run.time)
      }

      assert.ok(times[1]! < 20_000, `${times.join(', ')} ms`)
    })
  })

  for (const args of ['', '--sort config', '--format=table'])
    it(`distinguishes no match from no sessions: ${args || 'records'}`, async () => {
      const none = `--filter config=nosuch ${args}`
      assert.equal((await list(none)).stdout, 'No sessions available\n')
      world.createSessions(1)
      assert.equal((await list(none)).stdout, 'No matching sessions\n')
    })

  it('a malformed filter is a usage error that shows the form', async () => {
    assert.match((await list('--filter status')).stderr, /--filter: expected COLUMN=VALUE, not "status"/)
    assert.match((await list('--help')).stdout, /--filter=COLUMN=VALUE/)
  })

  describe('one session', () => {
    it('shows its other properties if one fails', async () => {
      const [path] = world.createSessions(1)
      world.failProperty(path!, 'device_name')
      world.breakProperty(path!, 'status', new Variant('s', 'fine'))
      const [session] = sessionsOf((await list('--json')).stdout)
      assert.deepEqual(
        [session?.state, session?.config, session?.device, session?.status],
        ['ok', 'load-1', null, null],
      )
      assert.match((await list('--columns config,status,device')).stdout, /^load-1 +- +-$/m)
      const {stdout} = await list('')
      assert.match(stdout, /Device: \(None\)\n Config name: load-1\nConnected to: .*\n {6}Status: \(No status\)\n/)
    })

    it('of a service without a property is listed', async () => {
      const [path] = world.createSessions(1)
      world.breakProperty(path!, 'connected_to', 'missing')
      const {stdout} = await list('')
      assert.match(stdout, / Config name: load-1\n {6}Status: Connection, Client connected\n/)
    })

    it('shows an unknown status as a number', async () => {
      const [path] = world.createSessions(1)
      world.setStatus(path!, [7, 99, 'brand new'])
      assert.match((await list('')).stdout, /^ {6}Status: 7, 99: brand new$/m)
      assert.match((await list('--columns status')).stdout, /^status 7\/99$/m)
    })

    it('shows its profile after the configuration manager was started', async () => {
      await world.startSession('alice', 'cert')
      await world.coldStartConfigurations()
      assert.match((await list('')).stdout, /^ Config name: cert$/m)
    })

    it('is shown without the control sequences in its name', async () => {
      const name = 'evil\u001B]0;owned\u0007\u001B[31m\u202Egpj.exe\u0085end'
      world.createSessions(1, {name: () => name})
      for (const args of ['--format=table', '', '--watch']) {
        const run = await list(args, {
          async during(child, output) {
            await until('it is listed', () => output().includes('evil'))
            child.kill('SIGINT')
          },
        })
        assert.match(run.stdout, /evil gpj\.exe end/)
      }

      const {stdout} = await list('--json')
      // eslint-disable-next-line no-control-regex
      assert.doesNotMatch(stdout, /[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u202E]/)
      assert.equal(sessionsOf(stdout)[0]?.config, name)
    })
  })

  describe('the service', () => {
    for (const member of ['FetchAvailableSessions', 'Get'])
      it(`that exits during ${member}: exit status 6`, async () => {
        world.createSessions(3)
        world.intercept(({message}) => (message.member === member ? 'crash' : undefined))
        const run = await list('--json')
        assert.equal(run.status, 6, run.stdout)
        assert.equal(errorOf(run.stdout).code, 'service-unavailable')
      })

    it('whose bus is gone: exit status 6', async () => {
      const own = await simulator()
      await own.close()
      const run = await ovpn3(own, 'alice', ['sessions-list', '--json'])
      assert.equal(run.status, 6)
      assert.equal(errorOf(run.stdout).code, 'bus-unreachable')
    })
  })

  describe('a watch', () => {
    it('exits with 6 and one error line when the bus goes away', async () => {
      const own = await simulator()
      try {
        own.createSessions(1)
        const run = await ovpn3(own, 'alice', ['sessions-list', '--watch', '--json'], {
          async during(_, output) {
            await until('it watches', () => output().includes('present'))
            await own.killBus()
          },
        })
        assert.equal(run.status, 6)
        assert.equal(run.stderr, '')
        assert.equal(errorOf(run.stdout.split('\n').at(-2)!).code, 'disconnected')
      } finally {
        await own.close()
      }
    })

    for (const format of ['--json', ''])
      it(`ends when the reader of its output exits ${format}`, async () => {
        world.createSessions(1)
        const {stderr, stdout} = await piped(
          world,
          ['sessions-list', '--watch', ...(format ? [format] : [])],
          'head -1',
        )
        assert.equal(stderr, '')
        assert.match(stdout, /^[^\n]*load-1[^\n]*\n0 0\n$/)
      })

    for (const [signal, status] of [
      ['SIGHUP', 129],
      ['SIGINT', 130],
      ['SIGTERM', 143],
    ] as const)
      it(`${signal} ends it without output, and cancels its subscriptions`, async () => {
        const paths = world.createSessions(5)
        const run = await list('-w', {
          async during(child, output) {
            await until('it follows', () => paths.every((path) => world.subscribers(path).length === 1))
            await until('it has reported it', () => output().split('\n').length > paths.length)
            child.kill(signal)
          },
        })
        assert.deepEqual([run.status, run.stderr], [status, ''])
        assert.match(
          run.stdout,
          /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}present {2}\w{8} {2}load-\d {2}connected .*\n){5}$/,
        )
        assert.equal(world.calls.byMember.get('LogForward'), 10)
        // the bus reports the end of a connection with a delay
        await until('nobody follows', () => paths.every((path) => world.subscribers(path).length === 0))
      })

    it('survives a session manager that crashes', async () => {
      world.createSessions(3)
      const run = await list('--watch --json', {
        async during(child, output) {
          const events = (kind: string) => eventsOf(output()).filter(({event}) => event === kind).length
          await until('it watches', () => events('present') === 3)
          await world.crashManager()
          await until('they are gone', () => events('removed') === 3)
          await world.startSession('alice', 'cert')
          await until('the next one', () => events('created') === 1)
          child.kill('SIGINT')
        },
      })
      assert.deepEqual([run.status, run.stderr], [130, ''])
    })

    it('reports the session that the session manager waits for, and continues', async () => {
      const [hung] = world.createSessions(2)
      const run = await list('--watch --json', {
        async during(child, output) {
          await until('it watches', () => output().split('present').length === 3)
          await world.stopBackend(hung!)
          await until('it is named', () => output().includes('Waiting for session'))
          await world.killBackend(hung!)
          await until('it is gone', () => output().includes('"removed"'), 20_000)
          child.kill('SIGINT')
        },
      })
      const lines = run.stdout.split('\n').slice(0, -1)
      for (const line of lines) document('sessions-list-event', line)
      assert.match(run.stderr, /^Waiting for session \w{8}: [^\n]*\n$/)
      const last = eventsOf(run.stdout).at(-1)!
      assert.deepEqual([last.session.path, last.session.state, last.session.config], [hung, 'hung', 'load-1'])
    })

    it('reports only sessions that match the filters', async () => {
      const [first, second] = world.createSessions(2)
      const run = await list('--watch --json --columns status --filter status=paused', {
        async during(child, output) {
          await until('it follows both', () => [first, second].every((path) => world.subscribers(path!).length === 1))
          world.setStatus(second!, [2, 14, ''])
          await until('it reports it', () => output().includes('paused'))
          world.setStatus(second!, [2, 7, ''])
          await until('it reports it', () => output().includes('connected'))
          world.setStatus(first!, [2, 6, ''])
          world.setStatus(first!, [2, 14, ''])
          await until('it reports it', () => output().includes(first!))
          child.kill('SIGINT')
        },
      })
      assert.deepEqual(
        eventsOf(run.stdout).map(({session}) => [session.path, session.status?.text]),
        [
          [second, 'paused'],
          [second, 'connected'],
          [first, 'paused'],
        ],
      )
    })

    it('of 1,000 sessions with 1,000 changes per second uses little processor time', async () => {
      const paths = world.createSessions(1000)
      let used = 0
      let status = 0
      const run = await list('--watch --json --columns status,device', {
        async during(child, output) {
          await until('it follows all', () => paths.every((path) => world.subscribers(path).length === 1), 90_000)
          world.calls.reset()
          const before = processorTime(child)
          for (let round = 0; round < 30; round++) {
            for (let i = 0; i < 100; i++) world.setStatus(paths[(round * 100 + i) % 1000]!, [2, 12, `round ${round}`])
            await new Promise((resolve) => {
              setTimeout(resolve, 100)
            })
          }

          await until('it saw the last', () => output().split('round 29').length === 101, 30_000)
          used = processorTime(child) - before
          status = reads().status ?? 0
          child.kill('SIGINT')
        },
        limit: 180_000,
      })
      assert.equal(eventsOf(run.stdout).filter(({event}) => event === 'changed').length, 3000)
      assert.ok(used < 6, `${used} s of processor time for 3 s`)
      assert.ok(status <= 1000, `${status} reads`)
      process.stdout.write(`# watch under load: ${used.toFixed(2)} s of processor time for 3,000 changes\n`)
    })
  })
})
