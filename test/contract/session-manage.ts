import type {ErrorJson, SessionResult} from '@ovpn3/sessions'
import type {TestContext} from 'node:test'

import assert from 'node:assert/strict'
import path from 'node:path'
import {beforeEach, describe, it} from 'node:test'

import type {UserName, World} from '../support/world'

import {BusClient} from '../support/bus-client'
import {ovpn3, type RunOptions, type RunResult, until, userFile} from '../support/cli'
import {document} from '../support/schemas'
import {idOf, isAlone, noSession, short} from '../support/world'

interface Manage {
  readonly action: string
  readonly dryRun: boolean
  readonly sessions: readonly SessionResult[]
}

const nothingToCheck = [
  'Cleaning up stale sessions - Found 0 open sessions to check',
  'No sessions to check.',
  '0 sessions removed',
]

/** `session-manage`, the same in every world. */
export function sessionManageContract(title: string, world: () => World): void {
  const manage = (args: string, options?: RunOptions, user: UserName = 'alice'): Promise<RunResult> =>
    ovpn3(world(), user, ['session-manage', ...args.split(' ').filter(Boolean)], options)

  const json = async (args: string, options?: RunOptions, user?: UserName) => {
    const run = await manage(`${args} --json`, options, user)
    return {...run, ...document<Manage>('session-manage', run.stdout)}
  }

  const errorOf = async (args: string, options?: RunOptions, user?: UserName) => {
    const run = await manage(`${args} --json`, options, user)
    return {...run, ...document<{error: ErrorJson & {candidates?: unknown[]}}>('error', run.stdout)}
  }

  /** The command succeeds with exactly these lines on stdout. */
  const expectOutput = (run: RunResult, ...lines: readonly string[]) => {
    const {status, stderr, stdout} = run
    assert.deepEqual(
      {status, stderr, stdout},
      {status: 0, stderr: '', stdout: lines.map((line) => `${line}\n`).join('')},
    )
  }

  const statusOf = async (path: string) => {
    const {sessions} = await json(`--disconnect --dry-run --path ${path}`)
    return sessions[0]?.status?.minor
  }

  const needsUsers = (t: TestContext) => isAlone(world(), t)

  describe(`session-manage on ${title}`, () => {
    beforeEach(() => world().reset())

    describe('pause and resume', () => {
      it('stop traffic and restore it', async () => {
        const path = await world().startSession('alice', 'cert')
        assert.equal(await world().carriesTraffic(path), true)
        const label = `cert (${short(path)}):`
        expectOutput(await manage('--config cert --pause'), `Initiated session pause: ${path}`, `${label} paused`)
        assert.equal(await world().carriesTraffic(path), false)
        expectOutput(await manage('--config cert --pause'), `${label} already paused`)
        expectOutput(await manage('--config cert --resume --dry-run'), `${label} would be resumed (paused)`)
        expectOutput(
          await manage(`--path ${path} --resume`),
          `Resuming session: ${path}`,
          'Session is running in the background',
          `${label} resuming in the background`,
        )
        await until('connected', async () => (await statusOf(path)) === 7)
        assert.equal(await world().carriesTraffic(path), true)
        expectOutput(
          await manage(`-o ${path} -R --timeout 30`),
          `Resuming session: ${path}`,
          `${label} already connected`,
        )
      })

      it('end connected with a wait', async () => {
        const path = await world().startSession('alice', 'cert')
        await manage(`-c cert -P`)
        const run = await json(`-c cert --resume --timeout 30`)
        assert.equal(run.status, 0)
        assert.equal(run.sessions[0]?.outcome, 'done')
        assert.equal(run.sessions[0]?.status?.minor, 7)
        assert.match(run.sessions[0].message, /^connected to \S+ on tun\d+, address [\d.]+$/)
        assert.equal(await world().carriesTraffic(path), true)
      })

      it('print the lines of the reference, without progress if there is no terminal', async () => {
        const path = await world().startSession('alice', 'cert')
        await manage('-c cert -P')
        const {status, stderr, stdout} = await manage('-c cert -R --wait')
        assert.deepEqual([status, stderr], [0, ''])
        const [server, label] = [String.raw`\d+\.\d+\.\d+\.\d+`, String.raw`cert \(${short(path)}\)`]
        const lines = [
          `Resuming session: ${path}`,
          String.raw`Connected to ${server} \(${server}\)`,
          String.raw`${label}: connected to ${server} on tun\d+, address ${server}`,
        ]
        assert.match(stdout, new RegExp(`^${lines.join('\n')}\n$`))
      })

      it('can be replaced by a restart, which connects a paused session, too', async () => {
        const path = await world().startSession('alice', 'cert')
        for (const before of ['', '--pause']) {
          if (before) await manage(`-c cert ${before}`)
          const run = await json('-c cert --restart --timeout 30')
          assert.equal(run.status, 0, run.stderr)
          assert.match(run.sessions[0]!.message, /^connected/)
          assert.equal(await world().carriesTraffic(path), true)
        }

        expectOutput(
          await manage('-c cert --restart'),
          `Restarting session: ${path}`,
          'Session is running in the background',
          `cert (${short(path)}): restarting in the background`,
        )
      })

      it('disconnect on timeout', async () => {
        const path = await world().startSession('alice', 'dead', {until: 'started'})
        await manage('-c dead --pause')
        const run = await json('-c dead --resume --timeout 1')
        assert.equal(run.status, 7)
        assert.equal(run.sessions[0]?.error?.code, 'timeout')
        assert.match(run.sessions[0].message, /not connected within 1 s \(\w+\): gave up and disconnected it/)
        assert.equal(run.sessions[0].changed, true)
        assert.deepEqual(await world().sessions(), [], path)
      })

      it('keep connecting on timeout with --keep', async () => {
        const path = await world().startSession('alice', 'dead', {until: 'started'})
        const run = await manage('-c dead --restart --timeout 1 --keep')
        assert.equal(run.status, 7)
        assert.match(run.stderr, /still connecting in the background/)
        assert.deepEqual(await world().sessions(), [path])
      })

      it('disconnect on Ctrl-C and report it', async () => {
        await world().startSession('alice', 'dead', {until: 'started'})
        const run = await manage('-c dead --restart --wait', {
          async during(child, output) {
            await until('it waits', () => output().includes('Restarting session:'))
            child.kill('SIGINT')
          },
        })
        assert.equal(run.status, 130)
        assert.match(run.stderr, /interrupted: gave up and disconnected it/)
        assert.deepEqual(await world().sessions(), [])
      })

      it('keep connecting on SIGTERM with --keep', async () => {
        const path = await world().startSession('alice', 'dead', {until: 'started'})
        const run = await manage('-c dead --restart --wait --keep', {
          async during(child, output) {
            await until('it waits', () => output().includes('Restarting session:'))
            child.kill('SIGTERM')
          },
        })
        assert.equal(run.status, 143)
        assert.match(run.stderr, /interrupted: still connecting in the background/)
        assert.deepEqual(await world().sessions(), [path])
      })
    })

    describe('a wait for a session that was already connecting', () => {
      for (const [what, args, signal, status] of [
        ['an interruption', '--wait', 'SIGINT', 130],
        ['a timeout', '--timeout 2', undefined, 7],
      ] as const)
        it(`leaves it unchanged on ${what}`, async () => {
          const path = await world().startSession('alice', 'dead', {until: 'started'})
          const run = await manage(`-c dead --resume ${args}`, {
            async during(child, output) {
              await until('it waits', () => output().includes('Resuming session:'))
              if (signal) child.kill(signal)
            },
          })
          assert.equal(run.status, status, run.stderr)
          assert.match(run.stderr, /: still connecting in the background$/m)
          assert.deepEqual(await world().sessions(), [path])
        })
    })

    describe('required input', () => {
      const inputs = {chal: 'vpnuser\nsecret\n123456\n', key: 'opensesame\n', pass: 'vpnuser\nsecret\n'} as const
      for (const [profile, input] of Object.entries(inputs) as [keyof typeof inputs, string][]) {
        it(`is read from standard input, one line per question: ${profile}`, async () => {
          const path = await world().startSession('alice', profile, {until: 'new'})
          const run = await json(`-c ${profile} --resume --timeout 30`, {input})
          assert.equal(run.status, 0, run.stderr)
          assert.match(run.sessions[0]!.message, /^connected/)
          assert.equal(await world().carriesTraffic(path), true)
        })
      }

      it('is requested again after a pause before the first answer', async () => {
        const path = await world().startSession('alice', 'pass', {until: 'new'})
        await manage('-c pass --pause')
        const run = await json('-c pass --resume --timeout 30', {input: inputs.pass})
        assert.equal(run.status, 0, run.stderr)
        assert.equal(await world().carriesTraffic(path), true)
      })

      it('is not requested for a profile without questions, paused or not', async () => {
        const path = await world().startSession('alice', 'cert', {until: 'new'})
        await manage('-c cert --pause')
        const run = await json('-c cert --resume --timeout 30')
        assert.equal(run.status, 0, run.stderr)
        assert.equal(await world().carriesTraffic(path), true)
      })

      it('is reported as missing if standard input ends, and the session stays unchanged', async () => {
        const path = await world().startSession('alice', 'chal', {until: 'new'})
        for (const input of ['', 'vpnuser\n']) {
          const run = await json('-c chal --resume --timeout 30', {input})
          assert.equal(run.status, 8)
          assert.equal(run.sessions[0]?.error?.code, 'input-missing')
          const missing = 'Auth Password (password), Enter the PIN (static_challenge)'
          const all = input ? missing : `Auth User name (username), ${missing}`
          assert.equal(run.sessions[0].message, `input is missing: ${all}`)
          assert.ok(run.time < 20_000)
          assert.equal(await statusOf(path), 4)
        }

        const run = await json('-c chal --resume --timeout 30', {input: inputs.chal})
        assert.equal(run.status, 0, run.stderr)
      })

      it('reports a wrong password as a refusal, with the reason', async () => {
        await world().startSession('alice', 'pass', {until: 'new'})
        const run = await json('-c pass --resume --wait', {input: 'vpnuser\nwrong\n'})
        assert.equal(run.status, 8)
        assert.equal(run.sessions[0]?.error?.code, 'refused')
        assert.match(run.sessions[0].message, /authentication failed/i)
        assert.match(run.sessions[0].error.hint!, /^Run `ovpn3 start --config pass --if-running=restart`$/)
        for (const again of ['--resume --wait', '--restart --wait', '--pause']) {
          const run = await json(`-c pass ${again}`)
          assert.equal(run.status, 8)
          assert.match(run.sessions[0]!.message, /no longer running: authentication failed/)
        }
      })

      it('reports a wrong password as a refusal even without a wait', async () => {
        await world().startSession('alice', 'pass', {until: 'new'})
        const run = await json('-c pass --resume', {input: 'vpnuser\nwrong\n'})
        assert.equal(run.status, 8)
        assert.equal(run.sessions[0]?.error?.code, 'refused')
        assert.match(run.sessions[0].message, /authentication failed/i)
      })

      it('can be given with --background', async () => {
        const path = await world().startSession('alice', 'pass', {until: 'new'})
        const run = await manage('-c pass --resume --background', {input: inputs.pass})
        assert.equal(run.status, 0, run.stderr)
        assert.match(run.stdout, /resuming in the background/)
        await until('connected', async () => (await statusOf(path)) === 7)
      })

      it('can come from another client that connects while the prompt is open', async () => {
        const path = await world().startSession('alice', 'pass', {until: 'new'})
        const other = new BusClient(world().uid('alice'), world().busAddress)
        const call = (member: string, signature = '', ...body: unknown[]) =>
          other.call({
            body,
            destination: 'net.openvpn.v3.sessions',
            interface: 'net.openvpn.v3.sessions',
            member,
            path,
            signature,
          })
        try {
          const run = await manage('-c pass --resume --timeout 30', {
            async during(child, output) {
              await until('it asks', () => output().includes('Auth User name: '))
              await call('UserInputProvide', 'uuus', 1, 1, 0, 'vpnuser')
              await call('UserInputProvide', 'uuus', 1, 1, 1, 'secret')
              await call('Connect')
              child.stdin!.end('vpnuser\nsecret\n')
            },
            openStdin: true,
          })
          assert.equal(run.status, 0, run.stderr)
          assert.match(run.stdout, /: connected to /)
          assert.equal(await world().carriesTraffic(path), true)
        } finally {
          other.close()
        }
      })

      it('shows the URL of a web authentication and waits', async () => {
        const path = await world().startSession('alice', 'web', {until: 'new'})
        const run = await manage('-c web --resume --timeout 30', {
          async during(_, output) {
            await until('the URL is shown', () => output().includes('https://vpn.lab.example/auth?id=42'))
            await world().grantWebAuthentication(true)
          },
          input: 'anybody\nanything\n',
        })
        assert.equal(run.status, 0, run.stderr)
        assert.equal(await world().carriesTraffic(path), true)
      })

      it('never appears in output or traces', async () => {
        await world().startSession('alice', 'chal', {until: 'new'})
        const run = await manage('-c chal --resume --timeout 30', {
          env: {DEBUG: '*'},
          input: 'vpnuser\nsecret\n123456\n',
        })
        assert.equal(run.status, 0, run.stderr)
        assert.match(run.stderr, /UserInputProvide \(secret\)/)
        assert.doesNotMatch(run.stdout + run.stderr, /"secret"|123456/)
      })
    })

    describe('credentials', () => {
      const file = (text: string, mode?: number) => userFile(world(), 'alice', 'credentials', text, mode)
      const code = (status: SessionResult | undefined) => status?.error?.code
      const forms = {
        chal: '{"username": "vpnuser", "password": "secret", "static_challenge": "123456", "pk_passphrase": "x"}',
        key: '{"pk_passphrase": "opensesame"}',
        pass: 'vpnuser\nsecret\n',
      } as const
      for (const [profile, text] of Object.entries(forms) as [keyof typeof forms, string][])
        it(`are read from a file: ${profile}`, async () => {
          const session = await world().startSession('alice', profile, {until: 'new'})
          const action = profile === 'key' ? 'restart' : 'resume'
          const run = await json(`-c ${profile} --${action} --timeout 30 --credentials ${file(text)}`)
          assert.equal(run.status, 0, run.stderr)
          assert.match(run.sessions[0]!.message, /^connected/)
          assert.equal(await world().carriesTraffic(session), true)
        })

      it('are read from standard input, or from a file, systemd and lines in turn', async () => {
        const directory = path.dirname(
          userFile(world(), 'alice', 'systemd/ovpn3.chal', '{"password": "secret"}', 0o440),
        )
        for (const [credentials, env, input] of [
          ['-', {}, forms.chal],
          [file('vpnuser\n'), {CREDENTIALS_DIRECTORY: directory}, '123456\n'],
        ] as const) {
          const session = await world().startSession('alice', 'chal', {fresh: true, until: 'new'})
          const run = await json(`--path ${session} --resume --timeout 30 --credentials ${credentials}`, {env, input})
          assert.equal(run.status, 0, run.stdout)
          assert.equal(await world().carriesTraffic(session), true)
        }
      })

      it('in a file that others can read, or that is invalid, change nothing', async () => {
        const session = await world().startSession('alice', 'pass', {until: 'new'})
        for (const [status, text, mode] of [
          [2, '{"password": secret}', 0o600],
          [8, forms.pass, 0o644],
        ] as const) {
          const run = await errorOf(`-c pass --resume --timeout 30 --credentials ${file(text, mode)}`)
          assert.equal(run.status, status)
          assert.doesNotMatch(run.stdout + run.stderr, /secret/)
        }

        const run = await json(`-c pass --resume --timeout 30 --credentials ${file('vpnuser\n')}`)
        assert.equal(run.sessions[0]?.message, 'input is missing: Auth Password (password)')
        assert.equal(await statusOf(session), 4)
      })

      it('are refused if wrong', async () => {
        await world().startSession('alice', 'pass', {until: 'new'})
        const run = await json(`-c pass --resume --credentials ${file('vpnuser\nwrong\n')}`, {input: 'secret\n'})
        assert.deepEqual([run.status, code(run.sessions[0])], [8, 'refused'])
      })

      it('may be empty if the server requires none, and are refused otherwise', async () => {
        const empty = file('{"username": "", "password": ""}')
        await world().grantWebAuthentication(true)
        const session = await world().startSession('alice', 'web', {until: 'new'})
        const run = await json(`-c web --resume --timeout 30 --credentials ${empty}`)
        assert.equal(run.status, 0, run.stdout)
        assert.equal(await world().carriesTraffic(session), true)
        await world().startSession('alice', 'pass', {until: 'new'})
        const refused = await json(`-c pass --resume --timeout 30 --credentials ${empty}`)
        assert.deepEqual([refused.status, code(refused.sessions[0])], [8, 'refused'])
      })
    })

    describe('disconnect', () => {
      it('removes the session and prints its final statistics', async () => {
        const path = await world().startSession('alice', 'cert')
        const run = await manage('-c cert -D')
        assert.equal(run.status, 0)
        assert.match(
          run.stdout,
          new RegExp(
            String.raw`^Initiated session shutdown\.\n\nConnection statistics:\n( {5}[A-Z_]+\.+\d+\n)+\ncert \(${short(path)}\): disconnected\n$`,
          ),
        )
        for (const line of run.stdout.split('\n').slice(3, -3)) assert.equal(line.length, 37)
        assert.deepEqual(await world().sessions(), [])
        assert.equal(await world().carriesTraffic(path), false)
        assert.equal((await errorOf(`-o ${path} -D`)).status, 4)
      })

      it('returns the counters as JSON numbers', async () => {
        await world().startSession('alice', 'cert')
        const {sessions} = await json('-c cert -D')
        assert.ok(sessions[0]!.statistics!.BYTES_IN! > 0)
      })

      it('returns no counters for a session that never started', async () => {
        const path = await world().startSession('alice', 'pass', {until: 'new'})
        expectOutput(await manage('-c pass -D'), 'Initiated session shutdown.', `pass (${short(path)}): disconnected`)
      })

      it('counts a stale session as removed', async () => {
        for (const selector of ['--config cert', '--path']) {
          const path = await world().startSession('alice', 'cert')
          await world().killBackend(path)
          const run = await json(selector === '--path' ? `--path ${path} -D` : `${selector} -D`)
          assert.equal(run.status, 0)
          assert.deepEqual(
            [run.sessions[0]?.outcome, run.sessions[0]?.changed],
            ['removed', false],
            JSON.stringify(run.sessions),
          )
          assert.deepEqual(await world().sessions(), [])
        }
      })

      it('disconnects all sessions with --yes', async () => {
        await world().startSession('alice', 'cert')
        await world().startSession('alice', 'cert2')
        const refused = await errorOf('-D --all')
        assert.equal(refused.status, 2)
        assert.match(refused.error.message, /--all selects 2 sessions: pass --yes to confirm/)
        assert.equal((await world().sessions()).length, 2)
        const run = await json('-D --all --yes')
        assert.equal(run.status, 0)
        assert.deepEqual(
          run.sessions.map(({outcome}) => outcome),
          ['done', 'done'],
        )
        assert.deepEqual(await world().sessions(), [])
        const none = await json('-D --all')
        assert.deepEqual([none.status, none.sessions], [0, []])
      })
    })

    it("--all keeps another user's public session", async (t) => {
      if (needsUsers(t)) return
      const path = await world().startSession('alice', 'cert')
      await world().setPublicAccess(path, true)
      for (const action of ['--disconnect', '--pause', '--restart']) {
        const run = await json(`${action} --all --yes`, {}, 'carol')
        assert.deepEqual([run.status, run.sessions.map(({outcome}) => outcome)], [0, ['kept']], action)
      }

      assert.equal(await world().carriesTraffic(path), true)
    })

    describe('an action on a stale session', () => {
      for (const action of ['--pause', '--resume', '--restart', '--log-level']) {
        it(`reports it: ${action}`, async () => {
          const path = await world().startSession('alice', 'cert')
          await world().killBackend(path)
          const run = await json(`-c cert ${action}`)
          assert.equal(run.status, 4)
          assert.equal(run.sessions[0]?.error?.code, 'session-stale')
          assert.match(run.sessions[0].message, /its backend process is gone/)
        })
      }
    })

    describe('clean-up', () => {
      it('removes stale sessions and names them', async () => {
        const [first, second, third] = [
          await world().startSession('alice', 'cert'),
          await world().startSession('alice', 'cert2'),
          await world().startSession('alice', 'pass'),
        ]
        await world().killBackend(first)
        await world().killBackend(third)
        const plan = await json('--cleanup --dry-run')
        assert.deepEqual(new Set(plan.sessions.map(({outcome}) => outcome)), new Set(['planned']))
        assert.equal((await world().sessions()).length, 3, 'a dry run looks at nothing')
        const run = await manage('--cleanup')
        assert.equal(run.status, 0)
        const lines = run.stdout.split('\n')
        assert.equal(lines[0], 'Cleaning up stale sessions - Found 3 open sessions to check')
        assert.deepEqual(lines.slice(-2), ['2 sessions removed', ''])
        assert.deepEqual(
          lines.slice(1, -2).sort(),
          [
            'Removed',
            'Removed',
            `Checking:  cert2 - ${second} ... Valid, keeping it`,
            `cert (${short(first)}): removed (its backend process is gone)`,
            `cert2 (${short(second)}): kept (connected)`,
            `pass (${short(third)}): removed (its backend process is gone)`,
          ].sort(),
        )
        assert.deepEqual(await world().sessions(), [second])
        assert.equal(await world().carriesTraffic(second), true)
      })

      it('gives the reason for each session it keeps, and removes failed ones with --failed', async () => {
        await world().startSession('alice', 'dead', {until: 'started'})
        const failed = await world().startSession('alice', 'pass', {input: ['vpnuser', 'wrong'], until: 'started'})
        await until('refused', async () => (await statusOf(failed)) === 11)
        const kept = await json('--cleanup')
        assert.deepEqual(
          new Set(kept.sessions.map(({config, message}) => `${config} ${message}`)),
          new Set(['dead kept (connecting)', 'pass kept (authentication failed; pass --failed to remove it)']),
        )
        const run = await json('--cleanup --failed')
        assert.deepEqual(
          new Set(run.sessions.map(({config, outcome}) => `${config} ${outcome}`)),
          new Set(['dead kept', 'pass removed']),
        )
        assert.match(
          run.sessions.find(({config}) => config === 'pass')!.message,
          /^removed \(authentication failed\)$/i,
        )
      })

      it("keeps another user's public session", async (t) => {
        if (needsUsers(t)) return
        const path = await world().startSession('alice', 'cert')
        await world().setPublicAccess(path, true)
        const run = await json('--cleanup', {}, 'carol')
        assert.deepEqual(
          run.sessions.map(({message, outcome}) => [outcome, message]),
          [['kept', 'kept (not readable by you, owned by another user)']],
        )
        assert.equal(await world().carriesTraffic(path), true)
      })

      it('succeeds without sessions', async () => {
        expectOutput(await manage('--cleanup'), ...nothingToCheck)
      })
    })

    describe('a backend that hangs', () => {
      it('is named during the wait, and other sessions are not affected', async () => {
        const hung = await world().startSession('alice', 'cert')
        const other = await world().startSession('alice', 'cert2')
        await world().stopBackend(hung)
        let named = 0
        const started = performance.now()
        const run = await manage('--cleanup', {
          async during(_, output) {
            await until('it is named', () => /Waiting for session \w{8}/.test(output()))
            named = performance.now() - started
          },
        })
        assert.ok(named < 900 * world().patience, `named after ${named} ms`)
        assert.equal(run.status, 0, run.stderr)
        assert.match(run.stderr, new RegExp(`Waiting for session ${short(hung)}`))
        assert.match(run.stdout, new RegExp(String.raw`cert \(${short(hung)}\): removed`))
        assert.match(run.stdout, new RegExp(String.raw`cert2 \(${short(other)}\): kept \(connected\)`))
        assert.ok(run.time < 40_000)
      })
    })

    describe('log level', () => {
      it('is shown without a value and set with one', async () => {
        const path = await world().startSession('alice', 'cert')
        const label = `cert (${short(path)}): log level`
        expectOutput(await manage('-c cert --log-level'), 'Current log level: 3', `${label} is 3`)
        expectOutput(await manage('-c cert --log-level=6 --dry-run'), `${label} would be set to 6 (it is 3)`)
        expectOutput(
          await manage('--log-level=6 -c cert'),
          'Current log level: 3',
          'New log level: 6',
          `${label} set to 6 (it was 3)`,
        )
        expectOutput(await manage('-c cert --log-level=6'), 'Current log level: 6', `${label} is 6`)
        const {sessions} = await json('--log-level -c cert')
        assert.deepEqual(sessions[0]?.logLevel, {current: 6, previous: 6})
      })
    })

    describe('selectors', () => {
      it('accept an interface, an ID, an ID prefix and shortened options', async () => {
        const path = await world().startSession('alice', 'cert')
        const {sessions} = await json('--conf cert --restart --timeout 30')
        const device = sessions[0]!.connection!.device!
        for (const selector of [
          `--interface ${device}`,
          `-I ${device}`,
          `--path ${idOf(path)}`,
          `--path ${idOf(path).slice(0, 5)}`,
          `--session-path ${path}`,
          `--inter ${device}`,
        ]) {
          const run = await json(`${selector} --paus --dry-run`)
          assert.equal(run.status, 0, selector)
          assert.equal(run.sessions[0]?.path, path)
          assert.equal(run.sessions[0].outcome, 'planned')
        }

        assert.equal(await world().carriesTraffic(path), true)
      })

      it('list the sessions of an ambiguous name', async () => {
        const paths = [
          await world().startSession('alice', 'cert'),
          await world().startSession('alice', 'cert', {fresh: true}),
        ]
        const {error, status} = await errorOf('-c cert --disconnect')
        assert.equal(status, 4)
        assert.equal(error.code, 'session-ambiguous')
        assert.deepEqual(
          new Set(error.candidates!.map((candidate) => (candidate as {path: string}).path)),
          new Set(paths),
        )
        const {stderr} = await manage('-c cert --disconnect')
        for (const path of paths)
          assert.match(stderr, new RegExp(String.raw`^ {2}${short(path)} {2}cert .*tun\d+ +connected +\d+s$`, 'm'))
        assert.equal((await world().sessions()).length, 2)
      })

      const missing = {
        'a beginning that fits none': '--path 00000000',
        'an unknown interface': '--interface tun77',
        'an unknown path': `--path ${noSession}`,
        'an unknown profile': '--config nope',
      }
      for (const [what, selector] of Object.entries(missing)) {
        it(`report no such session without delay: ${what}`, async () => {
          const path = await world().startSession('alice', 'cert')
          const {error, status, time} = await errorOf(`${selector} --pause`)
          assert.deepEqual([status, error.code], [4, 'session-not-found'])
          // waiting for a manager that is starting takes 5 s
          assert.ok(time < 10_000, `${time} ms`)
          assert.equal(await world().carriesTraffic(path), true)
        })
      }
    })

    describe('a session manager that is not running', () => {
      it('is started and awaited', async () => {
        await world().coldStart()
        const run = await manage('--cleanup')
        expectOutput(run, ...nothingToCheck)
        assert.ok(run.time < 20_000)
        await world().coldStart()
        assert.equal((await errorOf(`-o ${noSession} -P`)).status, 4)
      })
    })
  })
}
