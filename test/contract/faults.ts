import type {SessionResult} from '@ovpn3/sessions'

import assert from 'node:assert/strict'
import {beforeEach, describe, it} from 'node:test'

import type {World} from '../support/world'

import {ovpn3, type RunOptions, type RunResult, until} from '../support/cli'
import {document} from '../support/schemas'
import {short} from '../support/world'

/**
 * Every command on one session, with the exit statuses allowed when its backend dies during the
 * run.
 */
const commands: Readonly<Record<string, readonly number[]>> = {
  'sessions-list --json': [0],
  'session-stats --config cert --json': [0, 4],
  'session-stats --all --json': [0, 3],
  'session-acl --show --config cert --json': [0, 4],
  'session-auth --json': [0],
  'session-auth --config cert --json': [0, 4],
  'session-manage --pause --config cert --json': [0, 4],
  'session-manage --restart --config cert --json': [0, 4],
  'session-manage --log-level=4 --config cert --json': [0, 4],
  'session-manage --disconnect --config cert --json': [0, 4],
  'session-manage --cleanup --json': [0],
}

/** The commands when a backend or the session manager dies or hangs during the run. */
export function faultsContract(title: string, world: () => World): void {
  const run = (args: string, options?: RunOptions): Promise<RunResult> =>
    ovpn3(world(), 'alice', args.split(' '), options)
  const cleaned = ({stdout}: RunResult) =>
    document<{sessions: readonly SessionResult[]}>('session-manage', stdout).sessions

  describe(`faults on ${title}`, () => {
    beforeEach(() => world().reset())

    it('a backend killed at any moment of a command affects no other session', async () => {
      const bystander = await world().startSession('alice', 'cert2')
      let moment = 0
      for (const [args, statuses] of Object.entries(commands)) {
        const victim = await world().startSession('alice', 'cert')
        const {signal, status, stderr, stdout, time} = await run(args, {
          async during() {
            // a command takes 0.1 to 0.3 s
            await new Promise((resolve) => {
              setTimeout(resolve, (moment = (moment + 37) % 150))
            })
            // the command may have removed the session
            await world()
              .killBackend(victim)
              .catch(() => {})
          },
        })
        assert.ok(signal === null && statuses.includes(status!), `${args}: ${status} ${stdout}${stderr}`)
        assert.doesNotMatch(stdout + stderr, /^ +at |undefined/m)
        JSON.parse(stdout)
        assert.ok(time < 40_000)
        await run('session-manage --cleanup --json')
        assert.deepEqual(
          (await world().sessions()).filter((path) => path !== victim),
          [bystander],
          args,
        )
      }

      assert.equal(await world().carriesTraffic(bystander), true)
    })

    it('with a hung backend, every command names its session, reports the outcome and leaves other sessions alone', async () => {
      const hung = await world().startSession('alice', 'cert')
      const other = await world().startSession('alice', 'cert2')
      await world().stopBackend(hung)
      // in parallel, so that the session manager waits for the backend only once
      const runs = await Promise.all(
        [
          'sessions-list',
          'session-stats --config cert',
          'session-acl --show --config cert',
          'session-manage --pause --config cert',
          'session-manage --log-level --config cert',
        ].map(async (args) => ({args, ...(await run(args))})),
      )
      for (const {args, status, stderr, stdout, time} of runs) {
        assert.ok(time < 40_000, `${args}: ${time} ms`)
        assert.match(stderr, /Waiting for (session \w{8}|the session manager)/, args)
        assert.equal(status, args === 'sessions-list' ? 0 : 4, `${args}: ${stdout}${stderr}`)
      }

      assert.ok(runs.some(({stderr}) => stderr.includes(`Waiting for session ${short(hung)}`)))
      assert.deepEqual(await world().sessions(), [other])
      assert.equal(await world().carriesTraffic(other), true)
    })

    it('--watch names a session with a hung backend, then shows it as gone, and continues', async () => {
      const other = await world().startSession('alice', 'cert2')
      const hung = await world().startSession('alice', 'cert')
      const {status, stderr, stdout} = await run('session-stats --all --watch=0.5 --json', {
        async during(child, output) {
          const samples = (path: string) => output().split(`"path":"${path}"`).length - 1
          await until('it watches both', () => samples(hung) > 0 && samples(other) > 0)
          await world().stopBackend(hung)
          await until('it is gone', () => output().includes('"removed":true'), 20_000)
          const before = samples(other)
          await until('the other goes on', () => samples(other) > before + 1)
          child.kill('SIGINT')
        },
      })
      assert.equal(status, 130)
      assert.match(stderr, new RegExp(`^Waiting for session ${short(hung)}: [^\n]*\n$`))
      for (const line of stdout.trimEnd().split('\n')) document('session-stats-watch', line)
      assert.deepEqual(await world().sessions(), [other])
    })

    it('two concurrent clean-ups succeed and remove each stale session once', async () => {
      const kept = await world().startSession('alice', 'cert2')
      const stale = [
        await world().startSession('alice', 'cert'),
        await world().startSession('alice', 'dead', {until: 'started'}),
      ]
      for (const path of stale) await world().killBackend(path)
      const runs = await Promise.all([1, 2].map(() => run('session-manage --cleanup --json')))
      for (const each of runs) {
        assert.equal(each.status, 0, each.stdout)
        for (const {outcome, path} of cleaned(each)) assert.equal(outcome, path === kept ? 'kept' : 'removed')
      }

      const removals = runs.flatMap((each) => cleaned(each).filter(({changed}) => changed))
      assert.deepEqual(new Set(removals.map(({path}) => path)), new Set(stale))
      assert.equal(removals.length, 2)
      assert.deepEqual(await world().sessions(), [kept])
      assert.equal(await world().carriesTraffic(kept), true)
    })

    it('reports a session manager that ends during the wait for a connection', async () => {
      await world().startSession('alice', 'dead', {until: 'started'})
      const {status, stdout, time} = await run('session-manage --restart --config dead --timeout 60 --json', {
        env: {DEBUG: 'ovpn3:*'},
        async during(_, output) {
          await until('it waits', () => / -> \S+ Restart\b/.test(output()))
          await world().coldStart()
        },
      })
      assert.ok(status === 4 || status === 6, `${status} ${stdout}`)
      assert.ok(time < 40_000, `${time} ms`)
      const [session] = cleaned({stdout} as RunResult)
      assert.match(
        session!.message,
        /removed while connecting|exited before it answered|no such session|backend process is gone/,
      )
    })

    it('--watch polls the statuses after the log service is killed', async () => {
      const path = await world().startSession('alice', 'cert')
      const {status, stderr} = await run('sessions-list --watch --json', {
        async during(child, output) {
          await until('it listens', () => output().includes('"event":"present"'))
          await world().killLogService()
          await run('session-manage --pause --config cert')
          await until('it is reported', () => /"event":"changed".*"minor":14/.test(output()))
          child.kill('SIGINT')
        },
      })
      assert.equal(status, 130, stderr)
      assert.deepEqual(await world().sessions(), [path])
    })

    it('the wait for a connection survives a killed log service', async () => {
      await world().startSession('alice', 'dead', {until: 'started'})
      const {status, stderr} = await run('session-manage --restart --config dead --timeout 4 --keep', {
        async during(_, output) {
          await until('it waits', () => output().includes('Restarting session:'))
          await world().killLogService()
        },
      })
      assert.equal(status, 7, stderr)
      assert.match(stderr, /not connected within 4 s \(\w+\): still connecting in the background/)
    })
  })
}
