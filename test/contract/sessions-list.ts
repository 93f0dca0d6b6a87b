import type {StatusJson} from '@ovpn3/sessions'
import type {TestContext} from 'node:test'

import assert from 'node:assert/strict'
import {beforeEach, describe, it} from 'node:test'

import type {Simulator} from '../simulator/simulator'
import type {UserName, World} from '../support/world'

import {BusClient} from '../support/bus-client'
import {ovpn3, type RunOptions, type RunResult, until} from '../support/cli'
import {document} from '../support/schemas'
import {isAlone, short} from '../support/world'

interface Listed {
  readonly path: string
  readonly id: string
  readonly state: string
  readonly config?: string | null
  readonly profile?: {available: boolean; name?: string} | null
  readonly owner?: {uid: number; name: string | null} | null
  readonly device?: string | null
  readonly server?: {protocol: string; host: string; port: number} | null
  readonly status?: StatusJson | null
  readonly created?: string | null
  readonly pid?: number | null
  readonly error?: {code: string}
}

interface ListEvent {
  readonly event: string
  readonly time: string
  readonly session: Listed
}

const dashes = '-'.repeat(77)
const configuration = 'net.openvpn.v3.configuration'
const properties = 'org.freedesktop.DBus.Properties'

/** Calls a method of the profile that alice's session was started from. */
async function withProfileOf(
  world: World,
  session: string,
  act: (client: BusClient, profile: string) => Promise<unknown>,
): Promise<void> {
  const client = new BusClient(world.uid('alice'), world.busAddress)
  try {
    const [path] = await client.call({
      body: ['net.openvpn.v3.sessions', 'config_path'],
      destination: 'net.openvpn.v3.sessions',
      interface: properties,
      member: 'Get',
      path: session,
      signature: 'ss',
    })
    await act(client, String((path as {value: unknown}).value))
  } finally {
    client.close()
  }
}

function deleteProfileOf(world: World, session: string): Promise<void> {
  return withProfileOf(world, session, (client, path) =>
    client.call({
      body: [],
      destination: configuration,
      interface: configuration,
      member: 'Remove',
      path,
      signature: '',
    }),
  )
}

function renameProfileOf(world: World, session: string, name: string): Promise<void> {
  return withProfileOf(world, session, async (client, path) => {
    const {renameProfile} = world as Partial<Simulator>
    if (renameProfile) {
      renameProfile.call(world as Simulator, path, name)
      return
    }

    await client.call({
      body: [configuration, 'name', {signature: 's', value: name}],
      destination: configuration,
      interface: properties,
      member: 'Set',
      path,
      signature: 'ssv',
    })
  })
}

/** `sessions-list`, the same in every world. */
export function sessionsListContract(title: string, world: () => World): void {
  const list = (args: string, user: UserName = 'alice', options?: RunOptions): Promise<RunResult> =>
    ovpn3(world(), user, ['sessions-list', ...args.split(' ').filter(Boolean)], options)

  const json = async (args = '', user: UserName = 'alice', options?: RunOptions): Promise<readonly Listed[]> => {
    const run = await list(`${args} --json`, user, options)
    assert.equal(run.status, 0, run.stdout + run.stderr)
    return document<{sessions: Listed[]}>('sessions-list', run.stdout).sessions
  }

  const needsUsers = (t: TestContext) => isAlone(world(), t)

  /** Watches while `act` runs and returns the events. @param act gets `sees`, which waits for an event */
  const watch = async (
    act: (
      sees: (what: string, fits: (event: ListEvent) => boolean, limit?: number) => Promise<ListEvent>,
    ) => Promise<void>,
    {args = '', user = 'alice'}: {args?: string; user?: UserName} = {},
  ) => {
    let seen: ListEvent[] = []
    const run = await list(`--watch --json ${args}`, user, {
      async during(child, output) {
        const read = () =>
          output()
            .split('\n')
            .slice(0, -1)
            .map((line) => document<ListEvent>('sessions-list-event', line))
        await act(async (what, fits, limit = 30_000) => {
          await until(what, () => read().some((event) => fits(event)), limit)
          return read().find((event) => fits(event))!
        })
        seen = read()
        child.kill('SIGINT')
      },
    })
    assert.deepEqual([run.status, run.stderr], [130, ''])
    return seen
  }

  describe(`sessions-list on ${title}`, () => {
    beforeEach(() => world().reset())

    describe('a list', () => {
      it('succeeds without sessions', async () => {
        for (const args of ['', '--format=table', '--format=classic', '--columns id,pid']) {
          const {status, stderr, stdout} = await list(args)
          assert.deepEqual(
            {args, status, stderr, stdout},
            {args, status: 0, stderr: '', stdout: 'No sessions available\n'},
          )
        }

        assert.deepEqual(await json(), [])
      })

      it('shows every property of a session', async () => {
        const path = await world().startSession('alice', 'cert')
        const [session, ...others] = await json()
        assert.deepEqual(others, [])
        const {created, device, owner, pid, server, ...rest} = session!
        assert.deepEqual(rest, {
          config: 'cert',
          id: path.slice(path.lastIndexOf('/') + 1),
          path,
          profile: {available: true, name: 'cert'},
          state: 'ok',
          status: {major: 2, message: '', minor: 7, text: 'connected'},
        })
        assert.match(device!, /^tun\d+$/)
        assert.deepEqual(server, {host: '10.99.0.1', port: 1194, protocol: 'udp'})
        assert.equal(owner!.uid, world().uid('alice'))
        assert.ok(pid! > 1)
        assert.match(created!, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
        assert.ok(Math.abs(Date.parse(created!) - Date.now()) < 60_000)
      })

      it('prints the records of the reference without a terminal', async () => {
        const connected = await world().startSession('alice', 'cert')
        const waiting = await world().startSession('alice', 'pass', {until: 'new'})
        const {status, stderr, stdout} = await list('')
        assert.deepEqual([status, stderr], [0, ''])
        const lines = stdout.split('\n')
        assert.deepEqual([lines[0], lines.at(-2), lines.at(-1)], [dashes, dashes, ''])
        const records = lines.slice(1, -2).join('\n').split('\n\n')
        const time = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`
        const head = (path: string) =>
          String.raw`^        Path: ${path}\n     Created: ${time} {23}PID: \d+\n       Owner: (?=.{36} )\S+ +Device: `
        assert.equal(records.length, 2)
        assert.match(
          records.find((record) => record.includes(connected))!,
          new RegExp(
            String.raw`${head(connected)}tun\d+\n Config name: cert\nConnected to: udp:10\.99\.0\.1:1194\n      Status: Connection, Client connected$`,
          ),
        )
        assert.match(
          records.find((record) => record.includes(waiting))!,
          new RegExp(
            String.raw`${head(waiting)}\n Config name: pass\n      Status: Connection, Configuration requires user input: .+$`,
          ),
        )
      })

      it('keeps the order of the session manager unless it is sorted', async () => {
        await world().startSession('alice', 'cert', {until: 'new'})
        await world().startSession('alice', 'pass', {until: 'new'})
        await world().startSession('alice', 'chal', {until: 'new'})
        const configs = async (args: string) => (await json(args)).map(({config}) => config)
        assert.deepEqual(new Set(await configs('')), new Set(['cert', 'chal', 'pass']))
        assert.deepEqual(await configs('--sort config'), ['cert', 'chal', 'pass'])
        assert.deepEqual(await configs('--sort -config'), ['pass', 'chal', 'cert'])
        assert.deepEqual(await configs('--sort=-config'), ['pass', 'chal', 'cert'])
        const pids = (await json('--sort pid --columns pid')).map(({pid}) => pid!)
        assert.deepEqual(
          pids,
          [...pids].sort((a, b) => a - b),
        )
      })

      it('can be filtered', async () => {
        await world().startSession('alice', 'cert')
        await world().startSession('alice', 'cert2')
        const paused = await world().startSession('alice', 'pass')
        await ovpn3(world(), 'alice', ['session-manage', '--pause', '--path', paused])
        const configs = async (args: string) => new Set((await json(args)).map(({config}) => config))
        assert.deepEqual(await configs('--filter status=connected'), new Set(['cert', 'cert2']))
        assert.deepEqual(await configs('--filter config=cert*'), new Set(['cert', 'cert2']))
        assert.deepEqual(await configs('--filter config=*2 --filter status=connected'), new Set(['cert2']))
        assert.deepEqual(await configs('--filter config=*2 --filter status=paused'), new Set())
        assert.deepEqual(await configs(`--filter id=${short(paused)}`), new Set(['pass']))
        assert.deepEqual(await configs(`--filter path=${paused}`), new Set(['pass']))
        assert.deepEqual(
          await configs(`--filter owner=${world().uid('alice')} --filter server=*:1195/udp`),
          new Set(['pass']),
        )
        assert.equal((await list('--filter config=nope')).stdout, 'No matching sessions\n')
        assert.equal((await list('--filter config=nope --format=table')).stdout, 'No matching sessions\n')
      })

      it('shows the requested columns', async () => {
        const path = await world().startSession('alice', 'cert')
        const run = await list('--columns status,id,config')
        assert.equal(run.stdout, `STATUS     ID        CONFIG\nconnected  ${short(path)}  cert\n`)
        const [session] = await json('--columns status,device')
        assert.deepEqual(Object.keys(session!).sort(), ['device', 'id', 'path', 'state', 'status'])
        assert.deepEqual(Object.keys((await json('--columns id'))[0]!).sort(), ['id', 'path', 'state'])
      })

      it('lists two sessions of one name separately', async () => {
        const paths = [
          await world().startSession('alice', 'cert', {until: 'new'}),
          await world().startSession('alice', 'cert', {fresh: true, until: 'new'}),
        ]
        assert.deepEqual(
          new Set((await json()).map(({config, path}) => `${config} ${path}`)),
          new Set(paths.map((path) => `cert ${path}`)),
        )
      })

      it('waits for a session manager that is not running yet', async () => {
        await world().coldStart()
        const run = await list('')
        assert.deepEqual([run.status, run.stdout, run.stderr], [0, 'No sessions available\n', ''])
      })
    })

    describe('a problem', () => {
      it('keeps the row of a stale session once: the next list omits it', async () => {
        for (const format of ['json', 'classic', 'table']) {
          const stale = await world().startSession('alice', 'cert')
          const other = await world().startSession('alice', 'cert2')
          await world().killBackend(stale)
          if (format === 'json') {
            const sessions = await json()
            assert.deepEqual(
              new Map(sessions.map(({error, path, state}) => [path, [state, error?.code]])),
              new Map([
                [other, ['ok', undefined]],
                [stale, ['stale', 'session-stale']],
              ]),
            )
          } else {
            const {status, stdout} = await list(`--format=${format}`)
            assert.equal(status, 0)
            if (format === 'table') assert.match(stdout, new RegExp(`^${short(stale)} .*backend gone, removed`, 'm'))
            else
              assert.ok(
                stdout.includes(
                  [
                    `        Path: ${stale}`,
                    '     Created: (Not available)                           PID: -',
                    '       Owner: (not available)                        Device: (None)',
                    '      Status: (No status): backend gone, removed',
                    '',
                  ].join('\n'),
                ),
                stdout,
              )
          }

          assert.deepEqual(await world().sessions(), [other])
          assert.deepEqual(
            (await json()).map(({state}) => state),
            ['ok'],
          )
          await world().reset()
        }
      })

      it('does not remove a stale session if the list reads nothing', async () => {
        const path = await world().startSession('alice', 'cert')
        await world().killBackend(path)
        assert.equal((await list('--columns id')).stdout, `ID\n${short(path)}\n`)
        assert.deepEqual(await world().sessions(), [path])
      })

      it('names a session with a hung backend during the wait, and lists the others', async () => {
        const hung = await world().startSession('alice', 'cert')
        const other = await world().startSession('alice', 'cert2')
        await world().stopBackend(hung)
        let named = 0
        const started = performance.now()
        const sessions = await json('', 'alice', {
          async during(_, output) {
            await until('it is named', () => output().includes(`Waiting for session ${short(hung)}`))
            named = performance.now() - started
          },
        })
        assert.ok(named < 900 * world().patience, `named after ${named} ms`)
        assert.deepEqual(
          new Map(sessions.map(({config, path, state}) => [path, [state, config]])),
          new Map([
            [hung, ['hung', null]],
            [other, ['ok', 'cert2']],
          ]),
        )
        assert.deepEqual(await world().sessions(), [other])
      })

      it('marks a missing profile without delay', async () => {
        const path = await world().startSession('alice', 'cert', {fresh: true})
        await deleteProfileOf(world(), path)
        const run = await list('')
        assert.match(run.stdout, /^ Config name: cert {2}\(Config not available\)$/m)
        // waiting for a manager that is starting takes 5 s
        assert.ok(run.time < 10_000, `${run.time} ms`)
        assert.deepEqual(
          (await json()).map(({config, profile}) => [config, profile]),
          [['cert', {available: false}]],
        )
      })

      it('shows both names of a renamed profile', async () => {
        const path = await world().startSession('alice', 'cert', {fresh: true})
        await renameProfileOf(world(), path, 'office')
        assert.match((await list('')).stdout, /^ Config name: cert {2}\(Current name: office\)$/m)
        assert.deepEqual(
          (await json()).map(({config, profile}) => [config, profile]),
          [['cert', {available: true, name: 'office'}]],
        )
        assert.match((await list('--columns config,profile')).stdout, /^cert +office$/m)
      })
    })

    describe('access', () => {
      it('lists only the sessions that a user may see', async (t) => {
        if (needsUsers(t)) return
        const path = await world().startSession('alice', 'cert')
        for (const user of ['bob', 'carol', 'root'] as const) assert.deepEqual(await json('', user), [], user)
        await world().grant(path, 'bob')
        const [granted] = await json('', 'bob')
        assert.deepEqual([granted?.path, granted?.owner?.uid, granted?.state], [path, world().uid('alice'), 'ok'])
        assert.deepEqual(await json('', 'carol'), [])
      })

      it("lists a stranger's public session as not readable", async (t) => {
        if (needsUsers(t)) return
        const path = await world().startSession('alice', 'cert')
        await world().setPublicAccess(path, true)
        const [session] = await json('', 'carol')
        assert.deepEqual([session?.path, session?.state, session?.error?.code], [path, 'unreadable', 'access-denied'])
        assert.match(
          (await list('--format=table', 'carol')).stdout,
          new RegExp(`^${short(path)} .*not readable by you`, 'm'),
        )
        assert.match((await list('', 'carol')).stdout, /^ {6}Status: \(No status\): not readable by you$/m)
        assert.equal(await world().carriesTraffic(path), true)
      })
    })

    describe('a watch', () => {
      it('reports sessions that appear, change and end', async () => {
        const first = await world().startSession('alice', 'cert')
        let second = ''
        const seen = await watch(async (sees) => {
          const {session} = await sees('the first', ({event}) => event === 'present')
          assert.deepEqual([session.path, session.status?.minor], [first, 7])
          second = await world().startSession('alice', 'cert2', {until: 'new'})
          // earlier than any poll
          const soon = 5000
          await sees('the second', ({event, session}) => event === 'created' && session.path === second, soon)
          await ovpn3(world(), 'alice', ['session-manage', '--pause', '--path', first])
          await sees(
            'the pause',
            ({event, session}) => event === 'changed' && session.path === first && session.status?.minor === 14,
            soon,
          )
          await ovpn3(world(), 'alice', ['session-manage', '--resume', '--path', second, '--wait'])
          await sees(
            'a device',
            ({session}) =>
              session.path === second && Boolean(session.device && session.server) && session.status?.minor === 7,
          )
          await ovpn3(world(), 'alice', ['session-manage', '--disconnect', '--path', first])
          await sees('its end', ({event, session}) => event === 'removed' && session.path === first, soon)
        })
        assert.deepEqual(await world().sessions(), [second])
        assert.equal(await world().carriesTraffic(second), true)
        assert.equal(seen.filter(({event}) => event === 'present').length, 1)
        assert.equal(seen.filter(({event}) => event === 'created').length, 1)
        assert.equal(seen.filter(({event}) => event === 'removed').length, 1)
        assert.equal(seen.find(({event}) => event === 'created')!.session.config, 'cert2')
      })

      it('reports a session that loses its backend', async () => {
        const path = await world().startSession('alice', 'cert')
        await watch(async (sees) => {
          await sees('it', ({event}) => event === 'present')
          await world().killBackend(path)
          const {session} = await sees('its end', ({event}) => event === 'removed')
          assert.equal(session.config, 'cert')
        })
        assert.deepEqual(await world().sessions(), [])
      })

      it('survives a restart of the session manager', async () => {
        await world().startSession('alice', 'cert')
        await watch(async (sees) => {
          await sees('it', ({event}) => event === 'present')
          await world().coldStart()
          await sees('its end', ({event}) => event === 'removed')
          const path = await world().startSession('alice', 'cert2')
          await sees('the next', ({event, session}) => event === 'created' && session.path === path)
        })
      })

      it('polls a session whose log the user may not read', async (t) => {
        if (needsUsers(t)) return
        const path = await world().startSession('alice', 'cert')
        await world().grant(path, 'bob')
        await watch(
          async (sees) => {
            await sees('it', ({event}) => event === 'present')
            await ovpn3(world(), 'alice', ['session-manage', '--pause', '--path', path])
            await sees('the pause', ({session}) => session.status?.minor === 14)
          },
          {user: 'bob'},
        )
      })

      it('shows each user only their own sessions', async (t) => {
        if (needsUsers(t)) return
        for (const user of ['bob', 'root'] as const) {
          const seen = await watch(
            async (sees) => {
              await world().startSession(user, 'cert2', {until: 'new'})
              await sees('one of his own', ({session}) => session.config === 'cert2')
              await world().startSession('alice', 'cert')
              const own = await world().startSession(user, 'pass', {until: 'new'})
              await sees('another of his own', ({event, session}) => event === 'created' && session.path === own)
            },
            {user},
          )
          assert.deepEqual(new Set(seen.map(({session}) => session.owner?.uid)), new Set([world().uid(user)]))
          await world().reset()
        }
      })
    })
  })
}
