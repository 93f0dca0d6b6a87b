import type {ErrorJson, ProfileSummary, SessionResult} from '@ovpn3/sessions'
import type {ChildProcess} from 'node:child_process'

import assert from 'node:assert/strict'
import {chmodSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {after, afterEach, before, beforeEach, describe, it} from 'node:test'

import type {Profile, UserName, World} from '../support/world'

import {ovpn3, type RunOptions, type RunResult, until} from '../support/cli'
import {document} from '../support/schemas'
import {isAlone, short} from '../support/world'
import {retryUntilReady, Stage} from './service-stage'

interface Start {
  readonly action: 'start'
  readonly session: SessionResult
}

interface Line {
  readonly type: 'ended' | 'started' | 'status'
  readonly session?: SessionResult
  readonly status?: {readonly minor: number}
}

const service = 'net.openvpn.v3.configuration'
const manager = '/net/openvpn/v3/configuration'
const properties = 'org.freedesktop.DBus.Properties'
const login = 'vpnuser\nsecret\n'
const connected = /^connected to 10\.99\.0\.1 on tun\d+, address \d+\.\d+\.\d+\.\d+$/

/** `session-start`, the same in every world. */
export function sessionStartContract(title: string, world: () => World): void {
  const stage = new Stage(world)
  let folder: string
  const imported: string[] = []

  const start = (args: string, options?: RunOptions, user: UserName = 'alice'): Promise<RunResult> =>
    ovpn3(world(), user, ['session-start', ...args.split(' ').filter(Boolean)], options)

  const json = async (args: string, options?: RunOptions) => {
    const run = await start(`${args} --json`, options)
    return {...run, ...document<Start>('session-start', run.stdout)}
  }

  const errorOf = async (args: string, options?: RunOptions) => {
    const run = await start(`${args} --json`, options)
    return {...run, ...document<{error: ErrorJson & {profiles?: ProfileSummary[]}}>('error', run.stdout)}
  }

  const send = async (object: string, member: string, signature = '', ...body: unknown[]) => {
    const [answer] = await retryUntilReady(() => stage.alice.send(service, object, service, member, signature, body))
    return answer
  }

  const get = async (object: string, property: string): Promise<unknown> => {
    const [variant] = await stage.alice.send(service, object, properties, 'Get', 'ss', [service, property])
    return (variant as {value: unknown}).value
  }

  const profiles = async () => [...((await send(manager, 'FetchAvailableConfigs')) as string[])].sort()
  const named = async (name: string) => (await send(manager, 'LookupConfigName', 's', name)) as string[]
  const add = async (name: string, text = world().profileText('cert')) => {
    const added = String(await send(manager, 'Import', 'ssbb', name, text, false, false))
    imported.push(added)
    return added
  }

  /** Writes a profile to a file that alice can read. */
  const file = (name: string, profile: Profile | {text: string}): string => {
    const at = path.join(folder, name)
    writeFileSync(at, typeof profile === 'string' ? world().profileText(profile) : profile.text)
    return at
  }

  const singleSession = async (): Promise<string> => {
    const [session, ...others] = await world().sessions()
    assert.deepEqual(others, [])
    assert.ok(session)
    return session
  }

  /** Starts a session in the foreground and acts on it once it is connected. */
  const foreground = async (
    args: string,
    act: (child: ChildProcess, session: string, output: () => string) => Promise<unknown> | unknown,
    options: RunOptions = {},
  ) => {
    const run = await start(`${args} --foreground --json`, {
      ...options,
      async during(child, output) {
        await until(output, () => output().includes('"started"') || output().includes('"ended"'))
        const session = await singleSession()
        // from now on it receives signals
        await until('it stays', async () => (await stage.alice.get<string[]>(session, 'log_forwards')).length > 0)
        await act(child, session, output)
      },
    })
    const lines = run.stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => document<Line>(line.startsWith('{"error"') ? 'error' : 'session-start', line))
    return {...run, ended: lines.at(-1)?.session, lines}
  }

  describe(`session-start on ${title}`, () => {
    let present: string[]
    before(() => {
      folder = mkdtempSync(path.join(tmpdir(), 'ovpn3-session-start-'))
      chmodSync(folder, 0o755)
    })
    beforeEach(async () => {
      await stage.reset()
      present = await profiles()
    })
    /** No test leaves a profile behind, however its session ended. */
    afterEach(async () => {
      const added = imported.splice(0)
      const now = await profiles()
      for (const each of added) await send(each, 'Remove')
      await stage.reset()
      assert.deepEqual(now, [...present, ...added].sort())
    })
    after(() => {
      rmSync(folder, {force: true, recursive: true})
      stage.close()
    })

    describe('a profile', () => {
      for (const args of ['--config cert', '-c cert', 'cert'])
        it(`is selected by name: ${args}`, async () => {
          const {session, status, stderr} = await json(args)
          assert.equal(status, 0, stderr)
          assert.equal(session.outcome, 'done')
          assert.match(session.message, connected)
          assert.match(session.connection!.address!, /^10\./)
          assert.equal(session.path, await singleSession())
          assert.equal(await world().carriesTraffic(session.path), true)
        })

      it('is selected by path', async () => {
        const [saved] = await named('cert')
        const {session} = await json(`--config-path ${saved}`)
        assert.match(session.message, connected)
        assert.equal(await stage.alice.get(session.path, 'config_path'), saved)
        for (const wrong of [`${manager}/nope`, saved + 'x']) {
          const {error, status} = await errorOf(`-p ${wrong}`)
          assert.deepEqual([status, error.code], [4, 'profile-not-found'])
        }

        assert.equal((await errorOf('--config-path cert')).status, 2)
      })

      for (const name of ['office.ovpn', 'München.ovpn'])
        it(`is read from a file and leaves nothing behind: ${name}`, async () => {
          const {session, status, stderr} = await json(file(name, 'cert'))
          assert.equal(status, 0, stderr)
          assert.match(session.message, connected)
          assert.equal(await world().carriesTraffic(session.path), true)
          assert.deepEqual(await profiles(), present)
          const {error, ...again} = await errorOf(path.join(folder, name))
          assert.deepEqual([again.status, error.code], [4, 'session-running'])
          assert.match(error.message, /^a session of this profile already exists: .+ \(\w{8}\), connected$/)
          await world().killBackend(session.path)
          assert.equal((await start(path.join(folder, name))).status, 0)
          assert.equal((await world().sessions()).length, 1)
        })

      it('prints the lines of the reference, then its own', async () => {
        const {status, stderr, stdout} = await start('cert')
        assert.deepEqual([status, stderr], [0, ''])
        const session = await singleSession()
        const lines = stdout.split('\n')
        assert.deepEqual(lines.slice(0, 3), [
          "Using pre-loaded configuration profile 'cert'",
          `Session path: ${session}`,
          'Connected to 10.99.0.1 (10.99.0.1)',
        ])
        assert.ok(lines[3]!.startsWith(`cert (${short(session)}): connected to 10.99.0.1 on tun`))
        const from = file('office.ovpn', 'cert2')
        assert.ok((await start(from)).stdout.startsWith(`Using configuration profile from file: ${from}\n`))
      })

      it('is listed with the others if its name is ambiguous', async () => {
        const paths = [await add('twice'), await add('twice')].sort()
        const {error, status} = await errorOf('twice')
        assert.deepEqual([status, error.code], [4, 'profile-ambiguous'])
        assert.deepEqual(error.profiles?.map((each) => each.path).sort(), paths)
        const {lastUsed, name, owner} = error.profiles![0]!
        assert.deepEqual([lastUsed, name, owner?.uid], [null, 'twice', world().uid('alice')])
        const {stderr} = await start('twice')
        for (const each of paths) assert.ok(stderr.includes(each), stderr)
        const {session} = await json(`--config-path ${paths[0]} --if-running=fail`)
        assert.match(session.message, connected)
        // a session of the other profile does not count
        assert.equal((await start(`--config-path ${paths[1]}`)).status, 0)
        assert.equal((await world().sessions()).length, 2)
      })

      it("is the caller's own, or a file, even if others use its name", async (t) => {
        if (isAlone(world(), t)) return
        const office = file('office.ovpn', 'cert')
        const names = ['theirs', 'mine', office]
        const theirs: string[] = []
        const bob = stage.as('bob')
        for (const name of names) {
          const text = world().profileText('pass')
          const [added] = await retryUntilReady(() =>
            bob.send(service, manager, service, 'Import', 'ssbb', [name, text, false, false]),
          )
          theirs.push(String(added))
          const value = {signature: 'b', value: true}
          await bob.send(service, theirs.at(-1)!, properties, 'Set', 'ssv', [service, 'public_access', value])
        }

        try {
          const {session, status} = await json('theirs', {input: login})
          assert.deepEqual([status, session.error?.code], [8, 'input-missing'])
          assert.match(session.message, /^the profile needs input and belongs to /)
          assert.deepEqual(await world().sessions(), [])
          assert.equal((await json(`--config-path ${theirs[0]}`, {input: login})).status, 0)
          await add('mine')
          for (const name of names.slice(1)) {
            assert.equal(
              (await named(name)).some((each) => theirs.includes(each)),
              true,
            )
            const {session, status, stderr} = await json(name)
            assert.equal(status, 0, stderr)
            assert.match(session.message, connected)
          }
        } finally {
          for (const each of theirs) await bob.send(service, each, service, 'Remove', '', [])
        }
      })

      it('suggests a similar name if it is unknown', async () => {
        for (const [name, near] of [
          ['cret', 'cert'],
          [path.join(folder, 'cert2.ovpn'), 'cert2'],
          ['chal.ovpn', 'chal'],
        ] as const) {
          const {error, status} = await errorOf(name)
          assert.deepEqual(
            [status, error.code, error.message],
            [4, 'profile-not-found', `no such ${name.startsWith('/') ? 'file' : 'profile or file'}: ${name}`],
          )
          assert.equal(error.hint, `Did you mean: ${near}`)
        }

        assert.match((await errorOf('nothing-like-it')).error.hint!, /configs-list/)
        assert.equal((await start('')).status, 2)
        assert.equal((await start('cert --config cert2')).status, 2)
      })

      it("is rejected with the service's reason if it is invalid, and no session remains", async () => {
        const text = world().profileText('cert')
        const withoutCa = text.replace(/<ca>[^]*<\/ca>\n/, '')
        const missing = world().version === '24.1' ? 'missing required options' : 'missing required options: --ca'
        for (const [args, why] of [
          [file('broken.ovpn', {text: withoutCa}), missing],
          [`--config-path ${await add('broken', withoutCa)}`, missing],
          [file('open.ovpn', {text: `${text}<ca>\n`}), 'option <ca> was not properly closed out'],
          [file('locked.ovpn', {text: `${text}setenv GENERIC_CONFIG 1\n`}), 'Server locked profiles are unsupported'],
        ] as const) {
          const {error, status} = await errorOf(args)
          assert.deepEqual([status, error.code], [2, 'usage'], error.message)
          assert.ok(error.message.startsWith('invalid profile: '), error.message)
          assert.ok(error.message.endsWith(why), error.message)
        }

        assert.deepEqual(await world().sessions(), [])
      })

      it('reports why its backend failed, and no session remains', async () => {
        const text = world()
          .profileText('cert')
          .replace(/<ca>[^]*<\/ca>/, '<ca>\nrubbish\n</ca>')
        const {session, status} = await json(file('rubbish.ovpn', {text}))
        assert.equal(status, 8, session.message)
        assert.match(session.error!.message, /CA not defined|PKI|X509|PEM|CERTIFICATE/i)
        await until('it is gone', async () => (await world().sessions()).length === 0)
      })
    })

    describe('for this session only', () => {
      it('--persist-tun does not change a saved profile', async () => {
        const [saved] = await named('cert')
        const overrides = await get(saved!, 'overrides')
        const {session, status, stderr} = await json('cert --persist-tun')
        assert.equal(status, 0, stderr)
        assert.match(session.message, connected)
        assert.equal(session.config, 'cert')
        assert.notEqual(await stage.alice.get(session.path, 'config_path'), saved)
        assert.deepEqual(await get(saved!, 'overrides'), overrides)
        assert.deepEqual(await profiles(), present)
        // it counts as a session of the original profile
        assert.equal((await errorOf('cert')).error.code, 'session-running')
      })

      it('--persist-tun keeps the other overrides', async () => {
        const saved = await add('other')
        await send(saved, 'SetOverride', 'sv', 'log-level', {signature: 's', value: '4'})
        assert.equal((await start('other --persist-tun')).status, 0)
        assert.deepEqual(Object.keys((await get(saved, 'overrides')) as object), ['log-level'])
        assert.equal(await stage.alice.get(await singleSession(), 'log_verbosity'), 4)
      })

      for (const value of ['true', 'false'])
        it(`--dco ${value} does not change the profile`, async () => {
          const [saved] = await named('cert')
          const {session, status, stderr} = await json(`cert --dco ${value}`)
          assert.equal(status, 0, stderr)
          assert.match(session.message, connected)
          assert.equal(await get(saved!, 'dco'), false)
        })

      it('--dco maybe is a usage error', async () => {
        assert.equal((await errorOf('cert --dco maybe')).error.code, 'usage')
        assert.deepEqual(await world().sessions(), [])
      })
    })

    describe('a failed start leaves no session', () => {
      for (const how of ['dead', 'file'] as const)
        it(`after a timeout: ${how}`, async () => {
          let began = 0
          const run = await start(`${how === 'dead' ? 'dead' : file('dead.ovpn', 'dead')} --timeout 3`, {
            async during(_, output) {
              await until('it begins', () => output().includes('Using '))
              began = performance.now()
            },
          })
          const took = performance.now() - began
          assert.equal(run.status, 7)
          assert.match(
            run.stderr,
            /: not connected within 3 s \(connecting\): gave up and disconnected it\nRun `ovpn3 log --config \S*dead\S*` in another terminal, then try again$/m,
          )
          assert.ok(took > 2000 && took < 10_000, `${took} ms`)
          assert.deepEqual(await world().sessions(), [])
        })

      it('after a refused login', async () => {
        const {session, status} = await json('pass', {input: 'vpnuser\nwrong\n'})
        assert.equal(status, 8)
        assert.equal(session.error?.code, 'refused')
        assert.match(session.message, /authentication failed/i)
        assert.deepEqual(await world().sessions(), [])
      })

      it('after missing input', async () => {
        for (const [input, missing] of [
          ['', /Auth User name \(username\), Auth Password \(password\); the session was disconnected$/],
          ['vpnuser\n', /: Auth Password \(password\); the session was disconnected$/],
        ] as const) {
          const {session, status} = await json('pass', {input})
          assert.deepEqual([status, session.error?.code], [8, 'input-missing'])
          assert.match(session.message, missing)
          assert.deepEqual(await world().sessions(), [])
        }
      })

      it('except with --keep', async () => {
        const timeout = await json('dead --timeout 2 --keep')
        assert.equal(timeout.status, 7)
        assert.match(timeout.session.message, /still connecting in the background/)
        const refused = await json('pass --keep', {input: 'vpnuser\nwrong\n'})
        assert.equal(refused.status, 8)
        const missing = await json('chal --keep')
        assert.equal(missing.status, 8)
        assert.deepEqual(
          (await world().sessions()).sort(),
          [timeout, refused, missing].map(({session}) => session.path).sort(),
        )
      })

      for (const [signal, status] of [
        ['SIGINT', 130],
        ['SIGTERM', 143],
      ] as const)
        it(signal, async () => {
          const run = await start('dead', {
            async during(child, output) {
              await until('it waits', () => output().includes('Session path:'))
              child.kill(signal)
            },
          })
          assert.equal(run.status, status)
          assert.match(run.stderr, /interrupted: gave up and disconnected it/)
          assert.deepEqual(await world().sessions(), [])
        })
    })

    describe('input', () => {
      for (const [profile, input] of [
        ['pass', login],
        ['--config pass', login],
        ['chal', `${login}123456\n`],
        ['key', 'opensesame\n'],
      ] as const)
        it(`is read from standard input: ${profile}`, async () => {
          const {session, status, stderr} = await json(profile, {input})
          assert.equal(status, 0, stderr)
          assert.match(session.message, connected)
          assert.equal(await world().carriesTraffic(session.path), true)
        })

      it('shows the URL of a web authentication and waits for it', async () => {
        const run = await start('web', {
          async during(_, output) {
            await until('the address is shown', () =>
              /Open this URL to complete the connection: \n {5}https:\/\//.test(output()),
            )
            assert.doesNotMatch(output(), /connected to/)
            await world().grantWebAuthentication(true)
          },
          input: login,
        })
        assert.equal(run.status, 0, run.stderr)
        assert.match(run.stdout, /: connected to/)
      })
    })

    describe('--background', () => {
      it('exits once the service is working', async () => {
        const {session, status, stderr} = await json('cert --background')
        assert.equal(status, 0, stderr)
        assert.deepEqual([session.outcome, session.message], ['done', 'connecting in the background'])
        await stage.alice.reaches(session.path, 7)
        assert.match((await start('cert2 --background')).stdout, /^Session is running in the background$/m)
      })

      it('answers questions first, and leaves nothing if an answer is missing', async () => {
        const {session} = await json('pass --background', {input: login})
        await stage.alice.reaches(session.path, 7)
        const {status} = await json('chal --background', {input: login})
        assert.equal(status, 8)
        assert.deepEqual(await world().sessions(), [session.path])
      })
    })

    describe('a session of the profile that is already running', () => {
      it('is an error, kept or restarted', async () => {
        const session = await world().startSession('alice', 'cert')
        for (const args of ['cert', 'cert --if-running=fail', 'cert --persist-tun', 'cert --foreground']) {
          const {error, status} = await errorOf(args)
          assert.deepEqual([status, error.code], [4, 'session-running'])
          assert.equal(error.message, `a session of this profile already exists: cert (${short(session)}), connected`)
          assert.match(error.hint!, /--if-running=keep .*--if-running=restart/)
        }

        const kept = await json('cert --if-running=keep')
        assert.deepEqual([kept.status, kept.session.outcome, kept.session.path], [0, 'unchanged', session])
        assert.equal(kept.session.message, 'already connected')
        const restarted = await json('cert --if-running=restart')
        assert.deepEqual([restarted.status, restarted.session.path], [0, session])
        assert.match(restarted.session.message, connected)
        assert.equal(await singleSession(), session)
      })

      it('is kept until it is connected, or is an error', async () => {
        const dead = await world().startSession('alice', 'dead', {until: 'started'})
        const late = await json('dead --if-running=keep --timeout 1')
        assert.deepEqual([late.status, late.session.path], [7, dead])
        assert.match(late.session.message, /^not connected within 1 s .*still connecting in the background$/)
        const without = await json('dead --if-running=keep --background')
        assert.deepEqual([without.status, without.session.message], [0, 'already connecting'])

        const paused = await world().startSession('alice', 'cert')
        await stage.alice.call(paused, 'Pause', 's', 'test')
        const left = await json('cert --if-running=keep --timeout 5')
        assert.deepEqual([left.status, left.session.path], [4, paused])
        assert.equal(left.session.message, 'kept, but not connected: paused')
        assert.equal(left.session.error!.hint, `Run \`ovpn3 resume --path ${short(paused)}\``)

        await world().startSession('alice', 'pass', {until: 'new'})
        const waits = await json('pass --if-running=keep', {input: login})
        assert.deepEqual([waits.status, waits.session.message], [4, 'kept, but not connected: needs input'])
      })

      it('is ignored if it is stale', async () => {
        const stale = await world().startSession('alice', 'cert')
        await world().killBackend(stale)
        const {session, status, stderr} = await json('cert')
        assert.equal(status, 0, stderr)
        assert.notEqual(session.path, stale)
        assert.equal(await singleSession(), session.path)
      })

      it('is replaced by --if-running=restart if it has failed', async () => {
        const refused = await world().startSession('alice', 'pass', {input: ['vpnuser', 'wrong'], until: 'started'})
        await stage.alice.reaches(refused, 11)
        for (const args of ['pass', 'pass --if-running=keep']) {
          const {error, status} = await errorOf(args, {input: login})
          assert.deepEqual([status, error.code], [4, 'session-running'])
          assert.match(error.message, /^a session of this profile still exists: pass \(\w{8}\), authentication failed$/)
          assert.equal(error.hint, 'Pass --if-running=restart to replace it')
        }

        const {session, status, stderr} = await json('pass --if-running=restart', {input: login})
        assert.equal(status, 0, stderr)
        assert.notEqual(session.path, refused)
        assert.equal(await singleSession(), session.path)
      })

      it('is not restarted if there are several', async () => {
        assert.equal((await start('cert2 --persist-tun')).status, 0)
        await world().startSession('alice', 'cert2')
        const {error, status} = await errorOf('cert2 --if-running=restart')
        assert.deepEqual([status, error.code], [4, 'session-ambiguous'])
        assert.match(error.hint!, /ovpn3 restart --path \w{8}`$/)
        assert.equal((await world().sessions()).length, 2)
      })

      it("is ignored if it is another user's", async (t) => {
        if (isAlone(world(), t)) return
        const theirs = await world().startSession('bob', 'cert')
        await world().grant(theirs, 'alice')
        await world().setPublicAccess(theirs, true)
        for (const how of ['fail', 'restart']) {
          const {session, status, stderr} = await json(`cert --if-running=${how}`)
          assert.equal(status, 0, stderr)
          assert.notEqual(session.path, theirs)
        }

        assert.equal((await world().sessions()).length, 2)
      })
    })

    describe('--foreground', () => {
      for (const [signal, status] of [
        ['SIGINT', 130],
        ['SIGTERM', 143],
      ] as const)
        it(`${signal} disconnects the session`, async () => {
          const {ended, lines, ...run} = await foreground('cert', (child) => child.kill(signal))
          assert.equal(run.status, status, run.stderr)
          assert.deepEqual([ended?.outcome, ended?.message, ended?.status?.minor], ['done', 'disconnected', 16])
          assert.ok(Number(ended?.statistics?.BYTES_IN) > 0)
          assert.match(lines[0]!.session!.message, connected)
          assert.deepEqual(await world().sessions(), [])
        })

      it('prints each status as a line', async () => {
        const run = await start('cert --foreground', {
          async during(child, output) {
            await until('it is connected', () => output().includes('connected to'))
            await stage.alice.call(await singleSession(), 'Restart')
            await until('it is connected again', () => /: connected$/m.test(output()))
            child.kill('SIGTERM')
          },
        })
        assert.equal(run.status, 143)
        assert.equal(run.stderr, '')
        assert.match(
          run.stdout,
          /^cert \(\w{8}\): connected to [^]*\ncert \(\w{8}\): reconnecting\n(?:.*\n)*cert \(\w{8}\): connected\n(?:.*\n)*cert \(\w{8}\): disconnected\n$/,
        )
      })

      it('succeeds if another client disconnects the session', async () => {
        const {ended, ...run} = await foreground('cert', (_, session) => stage.alice.call(session, 'Disconnect'))
        assert.equal(run.status, 0, run.stderr)
        assert.equal(ended?.message, 'disconnected')
      })

      it('fails if the backend dies', async () => {
        const {ended, ...run} = await foreground('cert', (_, session) => world().killBackend(session))
        assert.equal(run.status, 1, run.stderr)
        assert.match(ended!.message, /^ended: /)
        assert.deepEqual(await world().sessions(), [])
      })

      it('fails if the session manager ends', async () => {
        const {ended, ...run} = await foreground('cert', () => world().coldStart())
        assert.equal(run.status, 6, run.stderr + run.stdout)
        assert.equal(ended?.error?.code, 'service-unavailable')
      })

      it('keeps the session if the terminal is closed', async () => {
        const {ended, ...run} = await foreground('cert', (child) => child.kill('SIGHUP'))
        assert.equal(run.status, 129)
        assert.equal(ended?.message, 'left connected: the terminal was closed')
        assert.equal(await world().carriesTraffic(await singleSession()), true)
      })

      it('shows the URL of a repeated web authentication, and continues once it is granted', async () => {
        await world().grantWebAuthentication(true)
        const pages = (text: string) => text.split('Open this page:').length - 1
        const {ended, lines, ...run} = await foreground(
          'web',
          async (child, session, output) => {
            const shown = pages(output())
            await world().grantWebAuthentication(false)
            await stage.alice.call(session, 'Restart')
            await until(output, () => pages(output()) > shown)
            await world().grantWebAuthentication(true)
            await until(output, () => /"type":"status".*\n[^]*"minor":7/.test(output()))
            child.kill('SIGTERM')
          },
          {input: login},
        )
        assert.equal(run.status, 143, run.stderr + run.stdout)
        assert.equal(ended?.message, 'disconnected')
        assert.ok(lines.some(({status}) => status?.minor === 22))
      })

      it('prints only the error of a failed start', async () => {
        const run = await start('pass --foreground --json', {input: 'vpnuser\nwrong\n'})
        assert.equal(run.status, 8)
        const {session, type} = document<Line>('session-start', run.stdout)
        assert.deepEqual([type, session?.error?.code], ['ended', 'refused'])
        assert.deepEqual(await world().sessions(), [])
        const wrong = await start('cert --foreground --timeout soon --json')
        assert.equal(wrong.status, 2)
        assert.equal(wrong.stdout.trim().split('\n').length, 1)
      })
    })
  })
}
