import type {ErrorJson} from '@ovpn3/sessions'
import type {TestContext} from 'node:test'

import assert from 'node:assert/strict'
import {beforeEach, describe, it} from 'node:test'

import type {UserName, World} from '../support/world'

import {ovpn3, type RunOptions, type RunResult, until} from '../support/cli'
import {document} from '../support/schemas'
import {idOf, isAlone, noSession, short} from '../support/world'

type Counters = Readonly<Record<string, number>>

interface All {
  readonly sessions: readonly {
    readonly path: string
    readonly config: null | string
    readonly statistics: Counters | null
    readonly error?: ErrorJson
  }[]
}

interface Sample {
  readonly path: string
  readonly config: null | string
  readonly statistics: Counters | null
  readonly rates: Counters | null
  readonly removed?: true
  readonly error?: ErrorJson
}

/** The layout of the reference: a dotted line between name and number, 37 columns wide, with blank lines around. */
const classic = /^\nConnection statistics:\n(?: {5}(?=.{32}\n)[A-Z_]+\.+\d+\n)+\n$/

/** `session-stats`, the same in every world. */
export function sessionStatsContract(title: string, world: () => World): void {
  const stats = (args: string, user: UserName = 'alice', options?: RunOptions): Promise<RunResult> =>
    ovpn3(world(), user, ['session-stats', ...args.split(' ').filter(Boolean)], options)

  const json = async (args: string, user?: UserName) => {
    const run = await stats(`${args} --json`, user)
    assert.equal(run.status, 0, run.stdout)
    return document<Counters | null>('session-stats', run.stdout)
  }

  const all = async (args = '', user?: UserName) => {
    const run = await stats(`--all --json ${args}`, user)
    return {...run, ...document<All>('session-stats-all', run.stdout)}
  }

  const errorOf = async (args: string, user?: UserName) => {
    const run = await stats(`${args} --json`, user)
    return {...run, ...document<{error: ErrorJson & {candidates?: unknown[]}}>('error', run.stdout)}
  }

  const samplesOf = (stdout: string) =>
    stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => document<Sample>('session-stats-watch', line))

  /** Watches while `act` runs and until that many more lines appear, then sends Ctrl-C. */
  const watch = async (
    args: string,
    lines: number,
    during?: (output: () => string) => Promise<unknown>,
    user?: UserName,
  ) =>
    stats(args, user, {
      async during(child, output) {
        await until('it watches', () => output().includes('\n'))
        await during?.(output)
        const so = output().split('\n').length
        await until(`${lines} lines more`, () => output().split('\n').length >= so + lines)
        child.kill('SIGINT')
      },
    })

  const needsUsers = (t: TestContext) => isAlone(world(), t)

  describe(`session-stats on ${title}`, () => {
    beforeEach(() => world().reset())

    describe('one session', () => {
      it('prints the layout of the reference with each selector', async () => {
        const path = await world().startSession('alice', 'cert')
        for (const args of [
          '--config cert',
          '-c cert',
          `--path ${path}`,
          `-o ${short(path)}`,
          '--format=text -c cert',
        ]) {
          const run = await stats(args)
          assert.deepEqual([run.status, run.stderr], [0, ''], args)
          assert.match(run.stdout, classic, args)
        }
      })

      it('is selected by interface', async () => {
        await world().startSession('alice', 'cert')
        const {stdout} = await ovpn3(world(), 'alice', ['session-manage', '-c', 'cert', '-R', '--wait', '--json'])
        assert.match(stdout, /already connected/)
        const runs = await Promise.all(['tun0', 'tun1', 'tun2'].map((device) => stats(`-I ${device}`)))
        assert.equal(runs.filter(({status}) => status === 0).length, 1)
        assert.match(runs.find(({status}) => status === 0)!.stdout, classic)
      })

      it('prints a flat object with --json', async () => {
        const path = await world().startSession('alice', 'cert')
        const counters = await json('--config cert')
        assert.ok(counters!.TUN_BYTES_IN !== 0 && counters!.BYTES_IN !== 0, 'what is 0 is left out')
        await world().carriesTraffic(path)
        for (const args of [['-j', '-c', 'cert'], ['-jc', 'cert'], ['-jccert'], ['--js', '--conf=cert']]) {
          const run = await ovpn3(world(), 'alice', ['session-stats', ...args])
          const again = document<Counters>('session-stats', run.stdout)
          for (const [name, value] of Object.entries(counters!)) assert.ok(again[name]! >= value, `${args} ${name}`)
        }
      })

      it('prints nothing, or null, without counters', async () => {
        await world().startSession('alice', 'pass', {until: 'new'})
        const run = await stats('-c pass')
        assert.deepEqual([run.status, run.stdout, run.stderr], [0, '', ''])
        assert.equal(await json('-c pass'), null)
      })

      it('has counters while it connects and while it is paused', async () => {
        await world().startSession('alice', 'dead', {until: 'started'})
        await until('it has sent something', async () => (await json('-c dead')) !== null)
        assert.match((await stats('-c dead')).stdout, classic)
        await world().startSession('alice', 'cert')
        await ovpn3(world(), 'alice', ['session-manage', '-c', 'cert', '--pause'])
        await until('the pause is counted', async () => (await json('-c cert'))?.N_PAUSE === 1)
      })
    })

    describe('all sessions', () => {
      it('prints each session under its name', async () => {
        const first = await world().startSession('alice', 'cert')
        const second = await world().startSession('alice', 'pass', {until: 'new'})
        const {sessions, status} = await all()
        assert.equal(status, 0)
        const byPath = new Map(sessions.map((session) => [session.path, session]))
        assert.deepEqual([byPath.size, byPath.get(first)?.config, byPath.get(second)?.statistics], [2, 'cert', null])
        assert.ok(byPath.get(first)!.statistics)
        const run = await stats('--all')
        assert.equal(run.status, 0)
        assert.match(
          run.stdout,
          new RegExp(String.raw`^cert \(${short(first)}\):\n( {5}(?=.{32}\n)[A-Z_]+\.+\d+\n)+(\n|$)`, 'm'),
        )
        assert.match(run.stdout, new RegExp(String.raw`^pass \(${short(second)}\): no traffic yet$`, 'm'))
      })

      it('succeeds without sessions', async () => {
        assert.deepEqual(await all().then(({sessions, status}) => [status, sessions]), [0, []])
        const run = await stats('--all')
        assert.deepEqual([run.status, run.stdout], [0, 'No sessions available\n'])
      })

      it('reports a stale session and prints the others', async () => {
        const stale = await world().startSession('alice', 'cert')
        const other = await world().startSession('alice', 'cert2')
        await world().killBackend(stale)
        const {sessions, status} = await all()
        assert.equal(status, 3)
        assert.equal(sessions.find(({path}) => path === stale)?.error?.code, 'session-stale')
        assert.ok(sessions.find(({path}) => path === other)?.statistics)
        assert.deepEqual(await world().sessions(), [other])
      })

      it("omits another user's public session", async (t) => {
        if (needsUsers(t)) return
        const path = await world().startSession('alice', 'cert')
        const own = await world().startSession('bob', 'cert')
        await world().setPublicAccess(path, true)
        const {sessions, status, stdout} = await all('', 'bob')
        assert.ok(sessions.find((session) => session.path === own)?.statistics, stdout)
        assert.deepEqual([status, sessions.some((session) => session.path === path)], [0, false])
        assert.equal(await world().carriesTraffic(path), true)
      })
    })

    describe('errors', () => {
      it('reports a stale session', async () => {
        for (const selector of ['--config cert', '--path']) {
          const path = await world().startSession('alice', 'cert')
          await world().killBackend(path)
          const {error, status} = await errorOf(selector === '--path' ? `--path ${path}` : selector)
          assert.deepEqual([status, error.code], [4, 'session-stale'])
          assert.match(error.message, new RegExp(`${short(path)}.*its backend process is gone`))
        }
      })

      const missing = {
        'a beginning that fits none': '--path 00000000',
        'an unknown interface': '--interface tun77',
        'an unknown path': `--path ${noSession}`,
        'an unknown profile': '--config nope',
      }
      for (const [what, selector] of Object.entries(missing)) {
        it(`reports no such session without delay: ${what}`, async () => {
          await world().startSession('alice', 'cert')
          for (const more of ['', '--watch', '--watch=0.5']) {
            const {error, status, time} = await errorOf(`${selector} ${more}`)
            assert.deepEqual([status, error.code], [4, 'session-not-found'])
            // waiting for a manager that is starting takes 5 s
            assert.ok(time < 10_000, `${time} ms`)
          }
        })
      }

      it('lists the sessions of an ambiguous name', async () => {
        await world().startSession('alice', 'cert')
        await world().startSession('alice', 'cert', {fresh: true})
        const {error, status} = await errorOf('-c cert')
        assert.deepEqual([status, error.code, error.candidates?.length], [4, 'session-ambiguous', 2])
      })

      it('rejects no selector, and two selectors', async () => {
        const path = await world().startSession('alice', 'cert')
        const none = await stats('')
        assert.deepEqual([none.status, none.stdout], [2, ''])
        assert.match(none.stderr, /no session selected\n.*--all/)
        assert.equal((await errorOf(`--path ${path} --config cert`)).status, 2)
        assert.equal((await errorOf('--all --config cert')).status, 2)
      })

      it('waits for a session manager that is not running yet', async () => {
        await world().coldStart()
        const {sessions, time} = await all()
        assert.deepEqual(sessions, [])
        assert.ok(time < 20_000)
      })
    })

    describe('access', () => {
      it('denies a stranger, but not a granted user and root', async (t) => {
        if (needsUsers(t)) return
        const path = await world().startSession('alice', 'cert')
        for (const more of ['', '--watch', '--format=prometheus']) {
          const {status, stdout, stderr} = await stats(`--path ${path} ${more}`, 'bob')
          assert.deepEqual([status, stdout], [5, ''])
          assert.match(stderr, new RegExp(`session ${short(path)}: permission denied\n.*owner`))
        }

        assert.equal((await errorOf(`--path ${path}`, 'bob')).error.code, 'access-denied')
        assert.equal((await errorOf('--config cert', 'bob')).error.code, 'session-not-found')
        await world().grant(path, 'bob')
        for (const args of [`--path ${path}`, '--config cert'])
          assert.ok((await json(args, 'bob'))?.BYTES_IN !== undefined)
        assert.match((await stats(`--path ${path}`, 'root')).stdout, classic)
        assert.ok(await json(`--path ${idOf(path)}`, 'root'))
      })
    })

    describe('--watch', () => {
      it('prints increasing counters and their rates', async () => {
        const path = await world().startSession('alice', 'cert')
        const run = await watch('-c cert --watch=0.2 --json', 1, async () => {
          for (let i = 0; i < 5; i++) await world().carriesTraffic(path)
        })
        assert.deepEqual([run.status, run.stderr], [130, ''])
        const samples = samplesOf(run.stdout)
        const [first, ...rest] = samples
        assert.equal(first!.rates, null)
        assert.deepEqual(new Set(samples.map((sample) => sample.path)), new Set([path]))
        for (const [i, sample] of rest.entries()) {
          assert.ok(sample.statistics!.BYTES_OUT! >= samples[i]!.statistics!.BYTES_OUT!)
          assert.equal(sample.rates!.bytesOut! > 0, sample.statistics!.BYTES_OUT! > samples[i]!.statistics!.BYTES_OUT!)
        }

        if (world().real) {
          assert.ok(rest.some(({rates}) => rates!.bytesIn! > 0 && rates!.packetsOut! > 0 && rates!.tunBytesIn! > 0))
          assert.ok(samples.at(-1)!.statistics!.PACKETS_IN! >= first!.statistics!.PACKETS_IN! + 4)
        }
      })

      it('prints a line per sample without a terminal', async () => {
        const path = await world().startSession('alice', 'cert')
        const run = await watch('-c cert --watch=0.3', 3)
        assert.deepEqual([run.status, run.stderr], [130, ''])
        const [first, ...rest] = run.stdout.split('\n').slice(0, -1)
        const start = String.raw`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  cert \(${short(path)}\): down `
        assert.match(first!, new RegExp(String.raw`${start}\S+ \w+, up \S+ \w+ in total$`))
        for (const line of rest)
          assert.match(
            line,
            new RegExp(String.raw`${start}\S+ \w+/s, [\d.]+ packets/s; up \S+ \w+/s, [\d.]+ packets/s$`),
          )
      })

      it('ends when the session is disconnected, and reports it', async () => {
        for (const how of ['text', 'json'] as const) {
          const path = await world().startSession('alice', 'cert')
          const run = await stats(`-c cert --watch=0.5 ${how === 'json' ? '--json' : ''}`, 'alice', {
            async during(_, output) {
              await until('it watches', () => output().includes('\n'))
              await ovpn3(world(), 'alice', ['session-manage', '-D', '--path', path])
            },
          })
          assert.equal(run.status, 0, run.stderr)
          if (how === 'text') assert.match(run.stderr, new RegExp(String.raw`^cert \(${short(path)}\): [^\n]+\n$`))
          else {
            const last = samplesOf(run.stdout).at(-1)
            assert.deepEqual([last?.removed, last?.statistics], [true, null])
            assert.equal(run.stderr, '')
          }
        }
      })

      it('ends when the backend is gone', async () => {
        const path = await world().startSession('alice', 'cert')
        const run = await stats('-c cert --watch=0.3', 'alice', {
          async during(_, output) {
            await until('it watches', () => output().includes('\n'))
            await world().killBackend(path)
          },
        })
        assert.equal(run.status, 0, run.stderr)
        assert.match(run.stderr, new RegExp(String.raw`^cert \(${short(path)}\): [^\n]+\n$`))
      })

      it('adds new sessions and drops those that are gone', async () => {
        const first = await world().startSession('alice', 'cert')
        let second = ''
        const run = await watch('--all --watch=0.2 --json', 1, async (output) => {
          second = await world().startSession('alice', 'cert2')
          await until('the new one is seen', () => output().includes(second))
          await ovpn3(world(), 'alice', ['session-manage', '-D', '--path', first])
          await until('the old one is gone', () => output().includes('"removed":true'))
        })
        assert.equal(run.status, 130)
        const samples = samplesOf(run.stdout)
        assert.equal(samples.find((sample) => sample.path === second)?.config, 'cert2')
        assert.deepEqual(
          samples.filter(({removed}) => removed).map(({path}) => path),
          [first],
        )
        assert.equal(samples.at(-1)?.path, second)
      })

      it('ignores new sessions of other users', async (t) => {
        if (needsUsers(t)) return
        await world().startSession('alice', 'cert')
        const run = await watch('--all --watch=0.2', 3, async () => {
          await world().startSession('bob', 'cert')
        })
        assert.deepEqual([run.status, run.stderr], [130, ''])
        assert.equal(new Set(run.stdout.match(/\(\w{8}\)/g)).size, 1)
      })
    })

    describe('--format=prometheus', () => {
      it('prints every session, connected or not', async () => {
        const first = await world().startSession('alice', 'cert')
        const second = await world().startSession('alice', 'pass', {until: 'new'})
        const run = await stats('--format=prometheus')
        assert.deepEqual([run.status, run.stderr], [0, ''])
        const labels = (path: string, config: string) =>
          `{session="${idOf(path)}",config="${config}",owner="${world().uid('alice')}"}`
        const lines = run.stdout.split('\n')
        for (const line of [
          'openvpn3_sessions 2',
          `openvpn3_session_connected${labels(first, 'cert')} 1`,
          `openvpn3_session_connected${labels(second, 'pass')} 0`,
          `openvpn3_session_status_minor${labels(first, 'cert')} 7`,
          `openvpn3_session_bytes_in_total${labels(second, 'pass')} 0`,
        ])
          assert.ok(lines.includes(line), `${line}\n${run.stdout}`)
        assert.match(run.stdout, new RegExp(`^openvpn3_session_bytes_in_total{session="${idOf(first)}".*} [1-9]`, 'm'))
        const one = await stats('--format=prometheus -c cert')
        assert.match(one.stdout, /^openvpn3_sessions 1$/m)
      })

      it('prints the other sessions if one cannot be read', async () => {
        const stale = await world().startSession('alice', 'cert')
        await world().startSession('alice', 'cert2')
        await world().killBackend(stale)
        const run = await stats('--format=prometheus --all')
        assert.equal(run.status, 0)
        assert.match(run.stderr, /its backend process is gone/)
        assert.match(run.stdout, new RegExp(`^openvpn3_session_readable{session="${idOf(stale)}"} 0$`, 'm'))
        assert.match(run.stdout, /^openvpn3_session_readable{.*config="cert2".*} 1$/m)
        assert.equal((await stats('--format=prometheus')).stderr, '')
      })
    })
  })
}
