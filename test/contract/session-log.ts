import assert from 'node:assert/strict'
import {after, beforeEach, describe, it} from 'node:test'

import type {UserName, World} from '../support/world'

import {ovpn3, type RunOptions, type RunResult, until} from '../support/cli'
import {document} from '../support/schemas'
import {idOf, isAlone, noSession, short} from '../support/world'
import {Stage} from './service-stage'

/** A line of `session-log --json`. */
interface Line {
  readonly event?: string
  readonly level?: string
  readonly message?: string
  readonly session: {readonly config: string; readonly path: string} | null
  readonly status?: {readonly minor: number; readonly text: string}
  readonly type: 'log' | 'session' | 'status'
}

const LOCAL_TIME = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}`

/** `session-log`, the same in every world. */
export function sessionLogContract(title: string, world: () => World): void {
  const stage = new Stage(world)
  const log = (args: string, options?: RunOptions, user: UserName = 'alice'): Promise<RunResult> =>
    ovpn3(world(), user, ['session-log', ...args.split(' ')], options)
  const lines = ({stdout}: Pick<RunResult, 'stdout'>): Line[] =>
    stdout
      .trimEnd()
      .split('\n')
      .filter(Boolean)
      .map((line) => document<Line>('session-log', line))
  const attached = (output: () => string, path: string) =>
    until('it is followed', async () => {
      const isToldOf = output().includes(`"path":"${path}"`)
      return isToldOf && (await stage.alice.get<string[]>(path, 'log_forwards')).length === 1
    })

  /** Pauses a session and waits until the command reports it. */
  const pause = async (path: string, output: () => string) => {
    await stage.alice.call(path, 'Pause', 's', '')
    await until('paused', () => output().includes('"minor":14'))
  }

  describe(`session-log on ${title}`, () => {
    beforeEach(() => stage.reset())
    after(() => stage.close())

    it('prints lines and statuses as they arrive, and ends with the session', async () => {
      const path = await stage.begin('alice', 'cert')
      const run = await log(`--path ${path} --json`, {
        async during(_, output) {
          await attached(output, path)
          await pause(path, output)
          await stage.alice.call(path, 'Disconnect')
        },
      })
      assert.deepEqual([run.status, run.stderr], [0, ''])
      const all = lines(run)
      assert.deepEqual(
        all.map(({session}) => session?.path),
        all.map(() => path),
      )
      assert.deepEqual([all[0]!.event, all[0]!.status?.minor, all.at(-1)!.event], ['attached', 7, 'ended'])
      const words = all.map(({level, message, status}) => (level ? `${level} ${message}` : status?.text))
      const [logged, told] = [words.indexOf('info Pausing connection'), words.indexOf('paused')]
      assert.ok(logged !== -1 && told !== -1, words.join('\n'))
    })

    it('prints local time, level and text by default', async () => {
      const path = await stage.begin('alice', 'cert')
      const {status, stdout} = await log(`-o ${short(path)}`, {
        async during(_, output) {
          await until('it follows', async () => output().includes(' found: '))
          await until('it listens', async () => (await stage.alice.get<string[]>(path, 'log_forwards')).length === 1)
          await stage.alice.call(path, 'Pause', 's', '')
          await until('paused', () => output().includes('paused'))
          await stage.alice.call(path, 'Disconnect')
        },
      })
      assert.equal(status, 0)
      const line = (text: string) => new RegExp(`^${LOCAL_TIME} ${text}`, 'm')
      assert.match(stdout, line(String.raw`session cert \(${short(path)}\) found: connected$`))
      assert.match(stdout, line('info    Pausing connection$'))
      assert.match(stdout, line('status  paused$'))
      assert.match(stdout, line(String.raw`session cert \(${short(path)}\) ended$`))
    })

    it('restores LogForward on Ctrl-C', async () => {
      const path = await stage.begin('alice', 'cert')
      const {status, stderr} = await log(`--path ${path} --json`, {
        async during(child, output) {
          await attached(output, path)
          child.kill('SIGINT')
        },
      })
      assert.deepEqual([status, stderr], [130, ''])
      assert.deepEqual(await stage.alice.get(path, 'log_forwards'), [])
      assert.equal((await stage.alice.status(path))[1], 7)
    })

    it('waits for a session with --config, then for the next one', async () => {
      let paths: string[] = []
      const {status, stdout} = await log('--config cert --json', {
        async during(child, output) {
          await until('it waits', () => output().includes('"event":"waiting"'))
          for (const n of [1, 2]) {
            const path = await world().startSession('alice', 'cert')
            paths = [...paths, path]
            await attached(output, path)
            const isConnected = (line: string) => line.includes(path) && line.includes('"minor":7')
            await until('it is connected', () => output().split('\n').some(isConnected))
            await stage.alice.call(path, 'Disconnect')
            await until('it waits again', () => output().split('"event":"waiting"').length === n + 2)
          }

          child.kill('SIGINT')
        },
      })
      assert.equal(status, 130)
      const events = lines({stdout}).flatMap(({event, session}) => (event ? `${event} ${session?.path}` : []))
      const [first, second] = paths
      assert.deepEqual(events, [
        'waiting undefined',
        `attached ${first}`,
        `ended ${first}`,
        'waiting undefined',
        `attached ${second}`,
        `ended ${second}`,
        'waiting undefined',
      ])
    })

    it('ends with the session with --once', async () => {
      const {status, stdout} = await log('-c cert --once --json', {
        async during(_, output) {
          await until('it waits', () => output().includes('"event":"waiting"'))
          const path = await world().startSession('alice', 'cert')
          await attached(output, path)
          await stage.alice.call(path, 'Disconnect')
        },
      })
      assert.equal(status, 0)
      assert.equal(lines({stdout}).at(-1)!.event, 'ended')
    })

    it('follows the session manager across a restart', async () => {
      const path = await stage.begin('alice', 'cert')
      const {status, stdout} = await log('--config cert --json', {
        async during(child, output) {
          await attached(output, path)
          await world().coldStart()
          await until('it waits', () => output().includes('"event":"waiting"'))
          const next = await world().startSession('alice', 'cert')
          await attached(output, next)
          await pause(next, output)
          child.kill('SIGINT')
        },
      })
      assert.equal(status, 130, stdout)
      assert.ok(lines({stdout}).some(({message}) => message === 'Pausing connection'))
    })

    it('follows all sessions with --all, including new ones, each labelled with its name', async () => {
      const path = await stage.begin('alice', 'cert')
      const {status, stdout} = await log('--all', {
        async during(child, output) {
          await until('it follows', () => output().includes(`cert (${short(path)}) found`))
          const other = await world().startSession('alice', 'cert2')
          await until('both', () => output().includes(`cert2 (${short(other)}) found`))
          await until('listens', async () => (await stage.alice.get<string[]>(other, 'log_forwards')).length === 1)
          for (const each of [path, other]) await stage.alice.call(each, 'Pause', 's', '')
          await until('paused', () => output().split('status  ').length > 2 && /cert2 .*: paused/.test(output()))
          child.kill('SIGINT')
        },
      })
      assert.equal(status, 130)
      assert.match(stdout, new RegExp(`^${LOCAL_TIME} info    cert \\(${short(path)}\\): Pausing connection$`, 'm'))
      assert.match(stdout, /info {4}cert2 \(\w{8}\): Pausing connection/)
    })

    it('omits log lines with --level, but no status', async () => {
      const path = await stage.begin('alice', 'cert')
      for (const level of ['warn', '2']) {
        const run = await log(`--path ${path} --level ${level} --json`, {
          async during(child, output) {
            await attached(output, path)
            await pause(path, output)
            await stage.alice.call(path, 'Resume')
            await until('connected', () => output().split('"minor":7').length > 2)
            child.kill('SIGINT')
          },
        })
        assert.equal(run.status, 130)
        assert.deepEqual(
          lines(run).filter(({type}) => type === 'log'),
          [],
        )
      }
    })

    it('sets log_verbosity with --log-level, like openvpn3 log, without changing the lines', async () => {
      const path = await stage.begin('alice', 'cert')
      const logged: (string | undefined)[][] = []
      for (const level of [0, 6]) {
        const run = await log(`--path ${path} --log-level ${level} --json`, {
          async during(child, output) {
            await attached(output, path)
            await until('it is set', async () => (await stage.alice.get(path, 'log_verbosity')) === level)
            await pause(path, output)
            await stage.alice.call(path, 'Resume')
            await until('connected', () => output().split('"minor":7').length > 2)
            child.kill('SIGINT')
          },
        })
        assert.deepEqual([run.status, run.stderr], [130, ''])
        logged.push(lines(run).flatMap(({level: name, type}) => (type === 'log' ? name : [])))
      }

      assert.ok(logged[0]!.length > 1)
      assert.deepEqual(logged[1], logged[0])
    })

    describe('--until', () => {
      it('ends at once if the session is in that state', async () => {
        const path = await stage.begin('alice', 'cert')
        const {status, stderr, stdout} = await log(`--path ${path} --until connected`)
        assert.deepEqual([status, stderr], [0, ''])
        assert.match(stdout, /cert \(\w{8}\) found: connected\n$/)
      })

      it('connected: waits for the connection', async () => {
        const path = await stage.begin('alice', 'cert', {until: 'new'})
        const run = await log('-c cert --until connected --timeout 40 --json', {
          async during(_, output) {
            await attached(output, path)
            await stage.alice.call(path, 'Connect')
          },
        })
        assert.deepEqual([run.status, run.stderr], [0, ''])
        assert.equal(lines(run).at(-1)!.status?.minor, 7)
      })

      it('connected: waits for a session of the profile', async () => {
        const run = await log('-c cert --until connected --timeout 40 --json', {
          async during(_, output) {
            await until('it waits', () => output().includes('"event":"waiting"'))
            await world().startSession('alice', 'cert')
          },
        })
        assert.deepEqual([run.status, run.stderr], [0, ''])
        assert.equal(lines(run).at(-1)!.status?.minor, 7)
      })

      it('connected: a refused login ends with exit status 8 and the reason', async () => {
        const {status, stderr} = await log('-c pass --until connected --timeout 40', {
          async during(_, output) {
            await until('it waits', () => output().includes('Waiting for a session of pass.'))
            await world()
              .startSession('alice', 'pass', {input: ['vpnuser', 'wrong'], until: 'started'})
              .catch(() => {})
          },
        })
        assert.equal(status, 8, stderr)
        assert.match(stderr, /\nError: pass \(\w{8}\): authentication failed/)
      })

      it('connected: a session that ends instead ends with exit status 8', async () => {
        const path = await stage.begin('alice', 'dead', {until: 'started'})
        const {status, stderr, stdout} = await log(`--path ${path} --until connected --json`, {
          async during(_, output) {
            await attached(output, path)
            await stage.alice.call(path, 'Disconnect')
          },
        })
        assert.equal(status, 8, stderr)
        assert.match(stdout, /\n\{"error":\{"code":"refused","message":"dead \(\w{8}\): [^\n]*\n$/)
      })

      it('connected: times out and leaves the session connecting', async () => {
        const path = await stage.begin('alice', 'dead', {until: 'started'})
        const {status, stderr, time} = await log('-c dead --until connected --timeout 2')
        assert.equal(status, 7)
        assert.match(stderr, /^Error: not connected within 2 s: dead \(\w{8}\) is (re)?connecting\n$/)
        assert.ok(time > 2000 && time < 10_000, `${time} ms`)
        assert.deepEqual(await world().sessions(), [path])
        const none = await log('-c cert --until connected --timeout 1')
        assert.equal(none.status, 7)
        assert.match(none.stderr, /\nError: not connected within 1 s: no session\n$/)
      })

      it('disconnected: waits for the end, and succeeds at once without a session', async () => {
        const path = await stage.begin('alice', 'cert')
        const run = await log('-c cert --until disconnected --timeout 40', {
          async during(_, output) {
            await until('it follows', () => output().includes(' found: '))
            await stage.alice.call(path, 'Disconnect')
          },
        })
        assert.deepEqual([run.status, run.stderr], [0, ''])
        for (const args of ['-c cert', `--path ${path}`]) {
          const {status, stderr, stdout} = await log(`${args} --until disconnected`)
          assert.deepEqual([status, stderr], [0, ''])
          assert.match(stdout, /^\S+: no session, so already disconnected\n$/)
        }

        const typo = await log('-c nosuch --until connected --timeout 1')
        assert.equal(typo.status, 7)
        assert.match(typo.stderr, /^No saved profile is named nosuch\.\n/)
        assert.deepEqual(
          lines(await log('-c cert --until disconnected --json')).map(({event}) => event),
          ['none'],
        )
      })
    })

    it('does not wait if nothing can come, and reports an ambiguous name', async () => {
      for (const args of [`--path ${noSession}`, '--interface tun9', `--path ${noSession} --until connected`]) {
        const {status, stderr} = await log(args)
        assert.equal(status, 4, stderr)
        assert.match(stderr, /^Error: no session matches/)
      }

      assert.equal((await log('--json')).status, 2)
      const first = await stage.begin('alice', 'cert')
      const second = await world().startSession('alice', 'cert', {fresh: true})
      const {status, stdout} = await log('--config cert --json')
      assert.equal(status, 4)
      const {error} = document<{error: {candidates: {path: string}[]}}>('error', stdout)
      assert.deepEqual(new Set(error.candidates.map(({path}) => path)), new Set([first, second]))
    })

    it('shows another user the log if the owner allows it, otherwise only the status', async (t) => {
      if (isAlone(world(), t)) return
      const path = await stage.begin('alice', 'cert')
      await world().grant(path, 'bob')
      const follow = (wait: (output: () => string) => Promise<unknown>) =>
        log(
          '--config cert',
          {
            async during(child, output) {
              await wait(output)
              await stage.alice.call(path, 'Pause', 's', '')
              await until('paused', () => /status {2}paused/.test(output()))
              await stage.alice.call(path, 'Resume')
              await stage.alice.reaches(path, 7)
              child.kill('SIGINT')
            },
          },
          'bob',
        )
      const denied = await follow((output) => until('it reports it', () => output().includes(': permission denied')))
      assert.equal(denied.status, 130)
      assert.match(denied.stdout, /session no log of cert \(\w{8}\) of [^:]+: permission denied/)
      assert.ok(denied.stderr.includes(`ovpn3 acl --path ${short(path)} --allow-log-access true`), denied.stderr)
      assert.doesNotMatch(denied.stdout, /info/)
      await stage.alice.set(path, 'restrict_log_access', 'b', false)
      const allowed = await follow(() =>
        until('it listens', async () => (await stage.alice.get<string[]>(path, 'log_forwards')).length === 1),
      )
      assert.match(allowed.stdout, /info {4}Pausing connection/)
      assert.equal(allowed.stderr, '')
    })

    it('shows a stranger nothing, and root the status by path', async (t) => {
      if (isAlone(world(), t)) return
      const path = await stage.begin('alice', 'cert')
      await world().setPublicAccess(path, true)
      const {status, stderr} = await log(`--path ${path}`, {}, 'bob')
      assert.equal(status, 5, stderr)
      for (const user of ['bob', 'root'] as const) {
        const waiting = await log('-c cert --until connected --timeout 1', {}, user)
        assert.equal(waiting.status, 7, `${user}: ${waiting.stdout}${waiting.stderr}`)
      }

      const root = await log(`--path ${idOf(path)} --until connected`, {}, 'root')
      assert.equal(root.status, 0, root.stderr)
    })

    it('reports a killed log service and continues with the status', async () => {
      const path = await stage.begin('alice', 'cert')
      const {status, stdout} = await log(`--path ${path} --json`, {
        async during(child, output) {
          await attached(output, path)
          await world().killLogService()
          await until('it reports it', () => output().includes('"event":"log-lost"'))
          await stage.alice.call(path, 'Pause', 's', '')
          await until('paused', () => output().includes('"minor":14'))
          child.kill('SIGINT')
        },
      })
      assert.equal(status, 130)
      assert.equal(lines({stdout}).filter(({event}) => event === 'log-lost').length, 1)
    })

    it('explains after a while that there is no history, and how to get more', async () => {
      const path = await stage.begin('alice', 'cert')
      const {stderr, stdout} = await log(`--path ${path}`, {
        async during(child, output) {
          await until('it reports it', () => output().includes('config-manage'))
          child.kill('SIGINT')
        },
      })
      assert.match(stderr, /^No log lines yet: .*\n {2}openvpn3 config-manage --config cert --log-level 6\n$/)
      assert.equal(stdout.split('\n').length, 2)
    })
  })
}
