import assert from 'node:assert/strict'
import {spawn} from 'node:child_process'
import {after, afterEach, before, describe, it} from 'node:test'

import {ServiceError, type Simulator, simulator} from '../../../test/simulator/simulator'
import {asUser, cli, ovpn3, ovpn3Shared, piped, type RunOptions, until} from '../../../test/support/cli'
import {document} from '../../../test/support/schemas'

interface Sample {
  readonly path: string
  readonly time: string
  readonly rates: null | Readonly<Record<string, number>>
  readonly statistics: null | Readonly<Record<string, number>>
  readonly error?: {readonly code: string; readonly message: string}
}

const skipUsers = process.getuid?.() !== 0 && 'needs root, to become several users'

describe('session-stats on the simulator', () => {
  let world: Simulator
  const stats = (args: string, options?: RunOptions) =>
    ovpn3(world, 'alice', ['session-stats', ...args.split(' ')], options)
  const samplesOf = (stdout: string) =>
    stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => document<Sample>('session-stats-watch', line))

  before(async () => {
    world = await simulator({cost: 2})
  })
  afterEach(() => world.reset())
  after(() => world.close())

  /** Watches a session; `next` is called with the lines so far and ends the watch by answering true. */
  const watch = (args: string, next: (lines: number) => boolean | Promise<boolean | void> | void) =>
    stats(args, {
      async during(child, output) {
        let seen = 0
        await until('it has seen enough', async () => {
          const lines = output().split('\n').length - 1
          if (lines === seen) return false
          seen = lines
          return Boolean(await next(lines))
        })
        child.kill('SIGINT')
      },
    })

  /** Calls a function right before the nth read of the statistics. */
  const onRead = (acts: Readonly<Record<number, () => void>>) => {
    let reads = 0
    world.intercept(({message}) => {
      if (message.body[1] === 'statistics') acts[++reads]?.()
    })
  }

  describe('what it reads', () => {
    const reads = () => [...world.calls.byMember].filter(([member]) => member.startsWith('Get '))

    it('is the counters and the owner for one session', async () => {
      const [path] = world.createSessions(10)
      for (const args of ['--config load-01', `--path ${path}`, `--path ${path} --json`]) {
        world.calls.reset()
        assert.equal((await stats(args)).status, 0)
        assert.deepEqual(
          reads(),
          [
            ['Get statistics', 1],
            ['Get owner', 1],
          ],
          args,
        )
      }
    })

    it('is three properties of each session with --all, four for Prometheus', async () => {
      world.createSessions(20)
      world.calls.reset()
      assert.equal((await stats('--all --json')).status, 0)
      assert.deepEqual(reads(), [
        ['Get statistics', 20],
        ['Get config_name', 20],
        ['Get owner', 20],
      ])
      assert.equal(world.calls.total, 61)
      world.calls.reset()
      await stats('--format=prometheus')
      assert.deepEqual(new Map(reads()).size, 4)
      assert.equal(world.calls.total, 81)
    })

    it('is the name once, and one property per sample with --watch', async () => {
      world.createSessions(1)
      world.calls.reset()
      const run = await watch('--config load-1 --watch=0.2 --json', (lines) => lines >= 4)
      assert.equal(world.calls.byMember.get('Get config_name'), 1)
      assert.ok(world.calls.byMember.get('Get statistics')! <= samplesOf(run.stdout).length + 1)
    })
  })

  it('rates match the traffic', async () => {
    const [path] = world.createSessions(1)
    world.setTraffic(path!, {in: 1_000_000, out: 50_000})
    const run = await watch('--all --watch=0.5 --json', (lines) => lines >= 6)
    const samples = samplesOf(run.stdout)
    assert.ok(samples.length >= 6)
    // samples may be late, so the time between them is measured
    const seconds = (i: number) => (Date.parse(samples[i]!.time) - Date.parse(samples[i - 1]!.time)) / 1000
    const mean = (name: string) =>
      samples.slice(1).reduce((sum, {rates}, i) => sum + rates![name]! * seconds(i + 1), 0) /
      samples.slice(1).reduce((sum, _, i) => sum + seconds(i + 1), 0)
    assert.ok(Math.abs(mean('bytesIn') / 1_000_000 - 1) < 0.3, `${mean('bytesIn')}`)
    assert.ok(Math.abs(mean('bytesOut') / 50_000 - 1) < 0.3, `${mean('bytesOut')}`)
  })

  it('64-bit counters keep all digits', async () => {
    const [path] = world.createSessions(1)
    world.setStatistics(path!, {BYTES_IN: 9_223_372_036_854_775_807n, BYTES_OUT: 9_007_199_254_740_993n})
    assert.match((await stats('-c load-1')).stdout, /^ {5}BYTES_IN\.{5}9223372036854775807$/m)
    assert.match((await stats('-c load-1 -j')).stdout, /"BYTES_IN": 9223372036854775807,/)
    assert.match((await stats('--all -j')).stdout, /"BYTES_OUT": 9007199254740993\b/)
    assert.match(
      (await stats('--format=prometheus')).stdout,
      /^openvpn3_session_bytes_in_total{.*} 9223372036854775807$/m,
    )
    const run = await watch('-c load-1 --watch=0.2 --json', (lines) => lines >= 2)
    assert.match(run.stdout, /"BYTES_OUT":9007199254740993\b/)
  })

  it('a counter that shrinks has no negative rate', async () => {
    const [path] = world.createSessions(1)
    world.setStatistics(path!, {BYTES_IN: 9_000_000, BYTES_OUT: 500, PACKETS_IN: 10})
    onRead({2: () => world.setStatistics(path!, {BYTES_IN: 1000, BYTES_OUT: 700})})
    const run = await watch('-c load-1 --watch=0.5 --json', (lines) => lines >= 2)
    const {rates} = samplesOf(run.stdout)[1]!
    // a rate is per second, and the samples are at least half a second apart
    assert.ok(rates!.bytesIn! > 0 && rates!.bytesIn! <= 2100, JSON.stringify(rates))
    assert.ok(Math.abs(rates!.bytesIn! / rates!.bytesOut! - 5) < 0.01, JSON.stringify(rates))
    assert.equal(rates!.packetsIn, 0)
  })

  it('a closed pipe ends it without output', async () => {
    world.createSessions(1)
    for (const more of ['', '--json']) {
      const args = ['session-stats', '--all', '--watch=0.2', ...(more ? [more] : [])]
      const child = spawn(process.execPath, [cli(), ...args], {
        ...asUser(world, 'alice'),
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      let stderr = ''
      child.stderr.on('data', (data: Buffer) => {
        stderr += data
      })
      child.stdout.once('data', () => child.stdout.destroy())
      const status = await new Promise((resolve) => {
        child.on('close', resolve)
      })
      assert.deepEqual([status, stderr], [0, ''])
    }
  })

  // with an hour between samples, it must detect the exit without writing
  for (const [what, count, reader, expected] of [
    ['has read enough', 1, 'head -1', /^[^\n]*load-1[^\n]*\n0 0\n$/],
    ['reads nothing, and there is nothing to read', 0, 'head -c 0', /^0 0\n$/],
  ] as const)
    for (const more of [[], ['--json']])
      it(`ends when its reader ${what} ${more.join('')}`.trim(), async () => {
        world.createSessions(count)
        const {stderr, stdout} = await piped(world, ['session-stats', '--all', '--watch=3600', ...more], reader)
        assert.equal(stderr, '')
        assert.match(stdout, expected)
      })

  for (const [what, args] of [
    ['one session', '-c load-1'],
    ['all of them', '--all'],
  ] as const) {
    it(`exits with 6 if the bus is killed while it watches ${what}`, async () => {
      const own = await simulator()
      try {
        own.createSessions(2)
        const run = await ovpn3(own, 'alice', ['session-stats', ...args.split(' '), '--watch=0.3', '--json'], {
          async during(_, output) {
            await until('it watches', () => output().includes('\n'))
            await own.killBus()
          },
        })
        assert.equal(run.status, 6, run.stderr)
        const last = run.stdout.trimEnd().split('\n').at(-1)!
        assert.equal(document<{error: {code: string}}>('error', last).error.code, 'disconnected')
      } finally {
        await own.close()
      }
    })
  }

  it('exits with 6 if the session manager exits while it watches', async () => {
    world.createSessions(1)
    const run = await stats('-c load-1 --watch=0.3', {
      async during(_, output) {
        await until('it watches', () => output().includes('\n'))
        world.intercept(({message}) => (message.member === 'Get' ? 'crash' : undefined))
      },
    })
    assert.equal(run.status, 6, run.stderr)
    assert.match(run.stderr, /exited before it answered/)
  })

  it('Ctrl-C ends it at once, even if the service hangs', async () => {
    const [path] = world.createSessions(1)
    const run = await stats('-c load-1 --watch=0.2', {
      async during(child, output) {
        await until('it watches', () => output().includes('\n'))
        await world.stopBackend(path!)
        await until('the hung one is named', () => /Waiting for session \w{8}/.test(output()))
        child.kill('SIGINT')
      },
    })
    assert.equal(run.status, 130)
    assert.equal((await world.sessions()).length, 1, 'before the manager gave up')
  })

  it('a read that fails repeatedly is reported once, and the watch continues', async () => {
    const [path] = world.createSessions(1)
    onRead({
      2: () => world.failProperty(path!, 'statistics', 'not \u001B[31mnow'),
      3: () => world.breakProperty(path!, 'statistics'),
    })
    const run = await watch('-c load-1 --watch=0.2 --json', (lines) => lines >= 4)
    const samples = samplesOf(run.stdout)
    assert.deepEqual(
      samples.slice(0, 4).map(({error}) => error?.code),
      [undefined, 'failed', undefined, undefined],
    )
    assert.ok(samples[2]!.rates, 'against the sample before')
  })

  it('a first read that fails is an error with safe text', async () => {
    const [path] = world.createSessions(1)
    world.breakProperty(path!, 'statistics', new ServiceError('org.freedesktop.DBus.Error.Failed', 'no \u001B[31m way'))
    for (const more of ['', '--watch']) {
      const run = await stats(`-c load-1 ${more}`.trim())
      assert.deepEqual([run.status, run.stdout], [1, ''])
      // eslint-disable-next-line no-control-regex
      assert.doesNotMatch(run.stderr, /\u001B\[31m/)
      assert.match(run.stderr, /load-1 \(\w{8}\): the session manager answered: no {1,2}way/)
    }
  })

  it('--watch --all leaves out sessions that cannot be read', {skip: skipUsers}, async () => {
    const [theirs] = world.createSessions(1, {name: () => 'theirs', user: 'bob'})
    await world.setPublicAccess(theirs!, true)
    world.createSessions(1, {name: () => 'ours'})
    const run = await watch('--all --watch=0.2', (lines) => lines >= 4)
    assert.equal(run.stderr, '')
    assert.match(run.stdout, /ours/)
    assert.equal(run.status, 130)
  })

  it('--all reports every failed session except public ones', {skip: skipUsers}, async () => {
    const statuses = async () => {
      const [stale] = world.createSessions(1, {name: () => 'stale'})
      await world.killBackend(stale!)
      return (await stats('--all')).status
    }

    assert.equal(await statuses(), 4, 'the only one')
    const [theirs] = world.createSessions(1, {name: () => 'theirs', user: 'bob'})
    await world.setPublicAccess(theirs!, true)
    assert.equal(await statuses(), 4, "somebody else's beside it")
    assert.equal((await stats('--all')).status, 0, "somebody else's alone")
    world.createSessions(1, {name: () => 'ours'})
    assert.equal(await statuses(), 3, 'one of two')
  })

  describe('wrong usage is rejected before any read', () => {
    for (const [args, message] of [
      ['-c load-1 --watch=soon', /--watch: "soon" is not a duration/],
      ['-c load-1 --watch=0', /--watch: "0"/],
      ['-c load-1 --watch=-1', /--watch: "-1"/],
      ['-c load-1 --watch=0.1', /out of range: 0\.2 s/],
      ['-c load-1 --watch=1e3', /--watch/],
      ['-c load-1 --watch=9999999999', /--watch/],
      ['--watch 5 -c load-1', /"5" and --config cannot be used together/],
      ['--format=prometheus --watch', /--watch and --format=prometheus cannot be used together/],
      ['--format=prometheus --json', /--json and --format cannot be used together/],
      ['--format=xml', /invalid value for --format: xml/],
      ['-c load-1 --all', /--config and --all cannot be used together/],
    ] as const) {
      it(args, async () => {
        world.createSessions(1)
        world.calls.reset()
        const run = await ovpn3Shared(world, 'alice', ['session-stats', ...args.split(' ')])
        assert.equal(run.status, 2, run.stderr)
        assert.match(run.stderr + run.stdout, message)
        assert.equal(world.calls.total, 0)
      })
    }
  })
})
