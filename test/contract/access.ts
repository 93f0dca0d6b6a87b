import type {ErrorJson} from '@ovpn3/sessions'

import assert from 'node:assert/strict'
import {after, before, describe, it} from 'node:test'

import type {UserName, World} from '../support/world'

import {forEachLimited, ovpn3, type RunResult, until} from '../support/cli'
import {slowTimers} from '../support/clock'
import {Stage} from './service-stage'
import {Accounts} from './session-acl'

/** Alice owns the session, bob was granted access, carol is a stranger. */
const cases = ['alice', 'bob', 'carol', 'root', 'carol, public', 'root, public'] as const
type Case = (typeof cases)[number]

/**
 * The hint of a denial, by who has the right. `nobody`: the user cannot find the session. `byId`:
 * the session is only public, so a name does not select it.
 */
const denials = {
  byId: /^Select a public session of another user by ID: --path [0-9a-f]{8}$/,
  lookers: /^Ask its owner to grant you access, or run the command as root$/,
  nobody: /^(?:No session can be selected$|Sessions: )/,
  owner: /^Ask (?<owner>.+) to change it$/,
  users: /^Ask its owner(, (?<owner>.+),)? to grant you access$/,
} as const
type Verdict = 'yes' | keyof typeof denials

/** The rights that the service gives, in the order of the cases. */
const rights = {
  act: ['yes', 'yes', 'users', 'users', 'yes', 'yes'],
  follow: ['yes', 'yes', 'users', 'users', 'lookers', 'yes'],
  look: ['yes', 'yes', 'lookers', 'yes', 'lookers', 'yes'],
  set: ['yes', 'yes', 'users', 'users', 'users', 'users'],
  share: ['yes', 'owner', 'owner', 'owner', 'owner', 'owner'],
  find: ['yes', 'yes', 'nobody', 'nobody', 'yes', 'yes'],
  findByDevice: ['yes', 'yes', 'nobody', 'nobody', 'nobody', 'byId'],
  findByName: ['yes', 'yes', 'nobody', 'nobody', 'byId', 'byId'],
  findByOwner: ['yes', 'yes', 'nobody', 'nobody', 'nobody', 'yes'],
} as const satisfies Readonly<Record<string, readonly Verdict[]>>

/** The properties that commands change, as the owner reads them. */
interface State {
  readonly acl: readonly number[]
  readonly level: number
  readonly logAccess: boolean
  readonly minor: number
  readonly publicAccess: boolean
  readonly reconnects: number
}

interface Row {
  readonly args: string
  readonly right: keyof typeof rights
  /** The minor status code before the row; connected by default. */
  readonly from?: number
  /** The change if the row is allowed; none by default. `gone`: the session is removed. */
  readonly effect?: 'gone' | ((before: State) => Partial<State>)
}

const CONNECTED = 7
const PAUSED = 14
const nobody = 4_000_000
const reconnected = ({reconnects}: State): Partial<State> => ({minor: CONNECTED, reconnects: reconnects + 1})

const rows: readonly Row[] = [
  {args: 'session-manage --pause --dry-run', right: 'act'},
  {args: 'session-manage --pause --reason lunch', right: 'act', effect: () => ({minor: PAUSED})},
  {args: 'session-manage --resume --dry-run', right: 'act', from: PAUSED},
  {args: 'session-manage --resume', right: 'act', from: PAUSED, effect: reconnected},
  {args: 'session-manage --resume --timeout 30', right: 'follow', from: PAUSED, effect: reconnected},
  {args: 'session-manage --restart --dry-run', right: 'act'},
  {args: 'session-manage --restart --wait --dry-run', right: 'follow'},
  {args: 'session-manage --restart', right: 'act', effect: reconnected},
  {args: 'session-manage --restart --wait', right: 'follow', effect: reconnected},
  {args: 'session-manage --log-level', right: 'look'},
  {args: 'session-manage --log-level=5 --dry-run', right: 'set'},
  {args: 'session-manage --log-level=5', right: 'set', effect: () => ({level: 5})},
  {args: 'session-stats', right: 'look'},
  {args: 'session-stats --format=prometheus', right: 'look'},
  {args: 'session-log --until connected', right: 'look'},
  {args: 'session-acl --show', right: 'look'},
  {args: `session-acl --grant ${nobody} --dry-run`, right: 'share'},
  {args: `session-acl --grant ${nobody}`, right: 'share', effect: ({acl}) => ({acl: [...acl, nobody]})},
  {args: 'session-acl --allow-log-access true', right: 'share', effect: () => ({logAccess: true})},
  {args: 'session-acl --public-access true', right: 'share', effect: () => ({publicAccess: true})},
  {args: 'session-manage --pause --dry-run --path ID', right: 'find'},
  {args: 'session-manage --pause --dry-run --config cert', right: 'findByName'},
  {args: 'session-manage --pause --dry-run --config cert --owner OWNER', right: 'findByOwner'},
  {args: 'session-acl --show --config cert', right: 'findByName'},
  {args: 'session-stats --interface DEVICE --owner OWNER', right: 'findByOwner'},
  {args: 'session-stats --interface DEVICE', right: 'findByDevice'},
  {args: 'session-manage --disconnect --dry-run', right: 'act'},
  {args: 'session-manage --disconnect', right: 'act', effect: 'gone'},
]

/** The effect of a row in a case; none if it is denied. */
const effectOf = ({effect, right}: Row, index: number) => (rights[right][index] === 'yes' ? effect : undefined)

/**
 * The rows of a case in order. Successive rows that start from the same status and change nothing
 * form one batch.
 */
function batchesOf(index: number): Row[][] {
  const batches: Row[][] = []
  for (const row of rows) {
    const [first] = batches.at(-1) ?? []
    const joins = first && first.from === row.from && !effectOf(first, index) && !effectOf(row, index)
    if (joins) batches.at(-1)!.push(row)
    else batches.push([row])
  }

  return batches
}

/** Commands about all sessions that a user can see. */
const lists = [
  'sessions-list',
  'sessions-list --format=table',
  'sessions-list --json',
  'session-stats --all',
  'session-stats --all --json',
  'session-stats --format=prometheus',
  'session-manage --pause --all --dry-run --json',
  'session-manage --disconnect --all --dry-run',
  'session-manage --cleanup --dry-run',
  'session-manage --cleanup --failed --json',
]

/** Command lines whose last word is completed. */
const completions = [
  'session-manage --pause --config ',
  'session-manage --disconnect --path ',
  'session-manage --log-level --path /',
  'session-stats --interface ',
  'session-stats --config ',
  'session-acl --show --path ',
  'session-acl --revoke ',
  'session-acl --path PATH --revoke ',
]

const trace = {DEBUG: '*'}

/** Which users may do and see what: every command as every user. */
export function accessContract(title: string, world: () => World): void {
  const stage = new Stage(world)
  let accounts: Accounts

  const run = (user: UserName, args: readonly string[]): Promise<RunResult> =>
    ovpn3(world(), user, args, {env: {...accounts.environment, ...trace}})

  /**
   * The values that only users with access may see, if they are distinctive enough to search for.
   */
  async function secretsOf(path: string): Promise<RegExp[]> {
    const names = [
      'backend_pid',
      'config_name',
      'config_path',
      'connected_to',
      'device_name',
      'session_created',
      'statistics',
    ]
    const value = await read(path, names)
    const created = Number(value('session_created'))
    const counters = Object.values(value('statistics') as Record<string, bigint>).filter((counter) => counter > 999)
    const texts = [
      value('config_name'),
      value('config_path'),
      value('device_name'),
      value('backend_pid'),
      (value('connected_to') as unknown[])[1],
      created,
      new Date(created * 1000).toISOString().slice(0, 19).replace('T', ' '),
      ...counters,
    ]
    const [uid, name] = [world().uid('alice'), accounts.nameOf('alice')]
    return [
      ...texts.map((text) => new RegExp(String.raw`(?<![\w.])${String(text).replaceAll('.', String.raw`\.`)}(?!\w)`)),
      new RegExp(
        String.raw`\buid ${uid}\b|\(${uid}\)|"uid": ?${uid}\b|owner="${uid}"|Owner: *${name}|"name": "${name}"`,
      ),
    ]
  }

  function holdsNone({stderr, stdout}: RunResult, secrets: readonly RegExp[], what: string): void {
    for (const secret of secrets) assert.doesNotMatch(stdout + stderr, secret, what)
  }

  async function stateOf(path: string): Promise<State> {
    const names = ['acl', 'log_verbosity', 'public_access', 'restrict_log_access', 'statistics', 'status']
    const value = await read(path, names)
    return {
      acl: value('acl'),
      level: value('log_verbosity'),
      logAccess: !value('restrict_log_access'),
      minor: value<number[]>('status')[1]!,
      publicAccess: value('public_access'),
      reconnects: Number(value<Record<string, bigint>>('statistics').N_RECONNECT ?? 0),
    }
  }

  /** Reads only these properties, as alice: reading all of them would take three times as long. */
  async function read(path: string, names: readonly string[]): Promise<<T>(name: string) => T> {
    const values = await Promise.all(names.map(async (name) => [name, await stage.alice.get(path, name)] as const))
    const byName = new Map(values)
    return <T>(name: string) => byName.get(name) as T
  }

  /** Alice's session with the access of a case. */
  async function sessionFor(each: Case): Promise<string> {
    const path = await stage.begin('alice', 'cert')
    if (each === 'bob') await world().grant(path, 'bob')
    await world().setPublicAccess(path, each.endsWith('public'))
    return path
  }

  /** Brings the session to the status that a row starts from. */
  async function bring(path: string, minor: number): Promise<void> {
    const [, present] = await stage.alice.status(path)
    if (present === minor) return
    await (minor === PAUSED ? stage.alice.call(path, 'Pause', 's', '') : stage.alice.call(path, 'Resume'))
    await stage.alice.reaches(path, minor)
  }

  /** The arguments of a row. */
  function wordsOf({args, right}: Row, path: string, device: string): string[] {
    const values: Readonly<Record<string, string>> = {
      DEVICE: device,
      ID: path.slice(-36, -28),
      OWNER: accounts.nameOf('alice'),
    }
    const words = args.split(' ').map((word) => values[word] ?? word)
    return right.startsWith('find') ? words : [...words, '--path', path]
  }

  /**
   * The command is denied and reports who has the right, as text and as JSON. Returns its output.
   */
  async function denied(
    user: UserName,
    words: readonly string[],
    verdict: Exclude<Verdict, 'yes'>,
  ): Promise<readonly RunResult[]> {
    const what = `${user}: ${words.join(' ')}`
    const documents = words.includes('--format=prometheus') ? words.filter((word) => !word.includes('=')) : words
    const [text, json] = await Promise.all([run(user, words), run(user, [...documents, '--json'])])
    const isFound = verdict !== 'nobody' && verdict !== 'byId'
    const status = isFound ? 5 : 4
    assert.deepEqual([text.status, json.status, text.stdout], [status, status, ''], what)
    const document = JSON.parse(json.stdout) as {error?: ErrorJson; sessions?: {error: ErrorJson}[]}
    const {code, hint = '', message} = document.error ?? document.sessions![0]!.error
    assert.equal(code, isFound ? 'access-denied' : 'session-not-found', what)
    const says = denials[verdict].exec(hint)
    assert.ok(says, `${what}: ${hint}`)
    assert.ok(text.stderr.includes(message) && text.stderr.includes(`\n${hint}\n`), text.stderr)
    // the owner's name is shown only to users who may read the session
    const named = verdict === 'owner' ? 'the owner of the session' : undefined
    const maySee = user === 'bob' || user === 'root'
    if (says.groups) assert.equal(says.groups.owner, maySee ? accounts.text('alice') : named, what)
    if (verdict === 'owner') assert.match(message, /only the owner.* can change access/, what)
    // a raw error of the bus
    assert.doesNotMatch(message + hint, /org\.|GDBus|net\.openvpn/, what)
    return [text, json]
  }

  describe(`access on ${title}`, () => {
    before(() => {
      accounts = new Accounts(world())
    })
    after(async () => {
      await stage.reset()
      accounts.close()
      stage.close()
    })

    for (const [index, each] of cases.entries()) {
      const user = each.split(',')[0] as UserName
      it(`${each}: every command and option respects the user's rights`, async (t) => {
        if (stage.alone(t)) return
        const path = await sessionFor(each)
        for (const batch of batchesOf(index)) {
          await bring(path, batch[0]!.from ?? CONNECTED)
          const earlier = await stateOf(path)
          const device = await stage.alice.get<string>(path, 'device_name')
          const known = user === 'carol' ? await secretsOf(path) : []
          await forEachLimited(batch, 3, async (row) => {
            const verdict = rights[row.right][index]!
            const words = wordsOf(row, path, device)
            const line = words.join(' ')
            const results = verdict === 'yes' ? [await run(user, words)] : await denied(user, words, verdict)
            if (verdict === 'yes') assert.equal(results[0]!.status, 0, `${line}\n${results[0]!.stderr}`)
            // the user typed these values
            const secrets = known.filter((secret) => !secret.test(line))
            for (const result of results) holdsNone(result, secrets, line)
          })
          const effect = effectOf(batch[0]!, index)
          if (effect === 'gone') {
            assert.deepEqual(await world().sessions(), [])
            return
          }

          const lines = batch.map(({args}) => args).join(', ')
          const change = effect?.(earlier) ?? {}
          const expected = {...earlier, ...change}
          let state = await stateOf(path)
          const same = () => JSON.stringify(state) === JSON.stringify(expected)
          if (!same() && Object.keys(change).length > 0)
            await until(lines, async () => {
              state = await stateOf(path)
              return same()
            }).catch(() => {})
          assert.deepEqual(state, expected, lines)
        }

        assert.equal(await world().carriesTraffic(path), true)
      })
    }

    for (const each of ['carol', 'root', 'carol, public'] as const) {
      const user = each.split(',')[0] as UserName
      const isPublic = each.endsWith('public')
      it(`${each}: lists and completion show only what the user may see`, async (t) => {
        if (stage.alone(t)) return
        const path = await sessionFor(each)
        const id = path.slice(-36)
        const secrets = await secretsOf(path)
        await stage.alice.call(path, 'AccessGrant', 'u', world().uid('bob'))
        const earlier = await stateOf(path)
        await forEachLimited(lists, 3, async (list) => {
          const result = await run(user, list.split(' '))
          assert.equal(result.status, 0, `${list}\n${result.stderr}`)
          assert.equal((result.stdout + result.stderr).includes(id.slice(0, 8)), isPublic, list)
          // a clean-up looks up the names of the user's profiles
          const names = list.includes('--cleanup') ? 1 : 0
          holdsNone(result, secrets.slice(names), list)
        })

        await forEachLimited(completions, 3, async (line) => {
          const words = line.replace('PATH', path).split(' ')
          const {stdout} = await ovpn3(world(), user, ['--complete', 'zsh', words.at(-1)!, ...words.slice(0, -1)], {
            env: {...accounts.environment, ...trace, ...slowTimers(20)},
          })
          // root may read the owner of a session selected by path
          const known = user === 'root' && line.includes('PATH')
          assert.match(stdout, known ? new RegExp(`^(${accounts.nameOf('bob')}|${world().uid('bob')})\t`) : /^$/, line)
        })

        assert.deepEqual(await stateOf(path), earlier)
        assert.equal(await world().carriesTraffic(path), true)
      })
    }

    it('--all marks sessions of other users', async (t) => {
      if (stage.alone(t)) return
      const of = ` of ${accounts.nameOf('alice')}`
      const would = ': would be disconnected (connected)'
      const kept = `${of}: kept (public, owned by another user)`
      for (const [each, words, named] of [
        ['alice', would, would],
        ['bob', of + would, of + would],
        ['root, public', kept, of + would],
      ] as const) {
        const path = await sessionFor(each)
        const plan = ['session-manage', '--disconnect', '--all', '--dry-run']
        const user = each.split(',')[0] as UserName
        const all = await run(user, plan)
        assert.equal(all.stdout, `cert (${path.slice(-36, -28)})${words}\n`)
        const {stdout} = await run(user, [...plan, '--owner', String(world().uid('alice'))])
        assert.equal(stdout, `cert (${path.slice(-36, -28)})${named}\n`)
      }
    })

    /** The session that `--config cert` selects, as the command names it. */
    const named = async (user: UserName, ...args: string[]) => {
      const {status, stderr, stdout} = await run(user, [
        'session-manage',
        '--pause',
        '--dry-run',
        '--config',
        'cert',
        ...args,
      ])
      return status === 0 ? stdout.replace(/: .*\n$/, '') : stderr
    }

    const labelOf = (path: string, owner?: UserName) =>
      `cert (${path.slice(-36, -28)})${owner ? ` of ${accounts.nameOf(owner)}` : ''}`

    for (const user of ['alice', 'root'] as const) {
      it(`${user}: a name selects own sessions first, then granted ones, never public ones`, async (t) => {
        if (stage.alone(t)) return
        await stage.reset()
        const [bob, carol] = [accounts.nameOf('bob'), accounts.nameOf('carol')]
        const publicOne = await world().startSession('carol', 'cert')
        await world().setPublicAccess(publicOne, true)
        assert.match(
          await named(user),
          new RegExp(`no session matches --config cert\n.* --path ${publicOne.slice(-36, -28)}\n`),
        )
        const granted = await world().startSession('bob', 'cert')
        await world().grant(granted, user)
        // root sees its own sessions and public ones
        if (user === 'alice') assert.equal(await named(user), labelOf(granted, 'bob'))
        const own = await world().startSession(user, 'cert')
        assert.equal(await named(user), labelOf(own))
        if (user === 'alice') assert.equal(await named(user, '--owner', bob), labelOf(granted, 'bob'))
        assert.equal(await named(user, '--owner', String(world().uid(user))), labelOf(own))
        const open = await named(user, '--owner', carol)
        if (user === 'root') assert.equal(open, labelOf(publicOne, 'carol'))
        else assert.match(open, /no session matches --config cert --owner/)
        const second = await world().startSession(user, 'cert', {fresh: true})
        const ambiguous = await named(user)
        assert.match(ambiguous, /matches 2 sessions/)
        for (const path of [own, second]) assert.ok(ambiguous.includes(path.slice(-36, -28)), ambiguous)
        const all = await run(user, ['session-manage', '--pause', '--all', '--dry-run'])
        assert.match(all.stdout, new RegExp(`${publicOne.slice(-36, -28)}.*: kept \\(`))
      })
    }

    it('rejects an unknown user as wrong usage', async () => {
      const {status, stderr} = await run('alice', [
        'session-manage',
        '--pause',
        '--config',
        'cert',
        '--owner',
        'nosuch!',
      ])
      assert.equal(status, 2)
      assert.match(stderr, /^Error: --owner: no such user: "nosuch!"$/m)
    })

    it("gives lines of input to another user's session only if --owner names that user", async (t) => {
      if (stage.alone(t)) return
      await stage.reset()
      const path = await world().startSession('bob', 'pass', {until: 'new'})
      await world().grant(path, 'alice')
      const words = ['session-manage', '--resume', '--timeout', '30']
      const options = {env: accounts.environment, input: 'vpnuser\nsecret\n'}
      const bob = accounts.nameOf('bob')
      for (const select of [['--config', 'pass'], ['--path', path], ['--all']]) {
        const {status, stderr} = await ovpn3(world(), 'alice', [...words, ...select], options)
        assert.equal(status, 8, stderr)
        assert.match(stderr, new RegExp(`pass \\(\\w+\\) of ${bob}: the session needs input and belongs to ${bob}`))
        assert.match(stderr, new RegExp(`^Pass --owner ${bob} `, 'm'))
        assert.equal((await stage.as('bob').status(path))[1], 4)
      }

      const {status, stderr, stdout} = await ovpn3(world(), 'alice', [...words, '-c', 'pass', '--owner', bob], options)
      assert.equal(status, 0, stderr)
      assert.equal(stderr, '')
      assert.match(stdout, new RegExp(`^pass \\(\\w+\\) of ${bob}: connected`, 'm'))
    })

    it('--cleanup --failed removes only own sessions, or those of the user named by --owner', async (t) => {
      if (stage.alone(t)) return
      await stage.reset()
      const theirs = await world().startSession('bob', 'pass', {until: 'started', input: ['vpnuser', 'wrong']})
      await world().grant(theirs, 'alice')
      await stage.as('bob').reaches(theirs, 11)
      const own = await world().startSession('alice', 'pass', {until: 'started', input: ['vpnuser', 'wrong']})
      await stage.alice.reaches(own, 11)
      const bob = accounts.nameOf('bob')
      const clean = await run('alice', ['session-manage', '--cleanup', '--failed'])
      assert.match(clean.stdout, new RegExp(`pass \\(\\w+\\) of ${bob}: kept \\(authentication failed`))
      assert.deepEqual(await world().sessions(), [theirs])
      const named = await run('alice', ['session-manage', '--cleanup', '--failed', '--owner', bob])
      assert.match(named.stdout, new RegExp(`pass \\(\\w+\\) of ${bob}: removed \\([^]*\n1 session removed\n$`))
      assert.deepEqual(await world().sessions(), [])
    })

    it('a device selects the session that holds it, otherwise the one that held it last', async () => {
      await stage.reset()
      const first = await world().startSession('alice', 'cert')
      const device = String(await stage.alice.get(first, 'device_name'))
      await stage.alice.call(first, 'Pause', 's', '')
      await stage.alice.reaches(first, PAUSED)
      const find = async () => (await run('alice', ['session-manage', '--pause', '--dry-run', '-I', device])).stdout
      assert.equal(await find(), `${labelOf(first)}: already paused\n`)
      const second = await world().startSession('alice', 'cert', {fresh: true})
      assert.deepEqual(await Promise.all([first, second].map((path) => stage.alice.get(path, 'device_name'))), [
        device,
        device,
      ])
      assert.equal(await find(), `${labelOf(second)}: would be paused (connected)\n`)
      const columns = ['--columns', 'id,device', '--sort', 'device']
      const {stdout} = await run('alice', ['sessions-list', ...columns])
      const rows = stdout.split('\n').map((line) => line.split(/ +/))
      assert.deepEqual(
        rows.slice(1, 3),
        [second, first].map((path) => [path.slice(-36, -28), path === second ? device : '-']),
      )
    })

    for (const user of ['carol', 'root'] as const) {
      it(`${user}: --watch shows only what the user may see`, async (t) => {
        if (stage.alone(t)) return
        await stage.reset()
        await world().startSession(user, 'cert2')
        for (const args of ['sessions-list --watch --json', 'session-stats --all --watch=0.2 --json']) {
          let secrets: readonly RegExp[] = []
          let theirs = ''
          const result = await ovpn3(world(), user, args.split(' '), {
            async during(child, output) {
              await until('it watches', () => output().includes('"cert2"'))
              theirs = await world().startSession('alice', 'cert', {fresh: true})
              secrets = await secretsOf(theirs)
              await stage.alice.call(theirs, 'Pause', 's', '')
              await stage.alice.reaches(theirs, PAUSED)
              const own = await world().startSession(user, 'cert', {until: 'new', fresh: true})
              await until('it sees what is its own', () => output().includes(`"path":"${own}"`))
              await stage.alice.call(theirs, 'Disconnect')
              await stage.as(user).call(own, 'Disconnect')
              await until('it sees the end of its own', () => /"removed"/.test(output()))
              child.kill('SIGINT')
            },
            env: user === 'carol' ? trace : {},
          })
          assert.equal(result.status, 130, result.stderr)
          assert.equal(result.stdout.includes(theirs), false, args)
          // the other values can equal those of the user's own sessions
          holdsNone(result, secrets.slice(1, 4), args)
        }
      })
    }
  })
}
