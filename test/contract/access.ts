import type {ErrorJson} from '@ovpn3/sessions'

import assert from 'node:assert/strict'
import {after, before, describe, it} from 'node:test'

import type {UserName, World} from '../support/world'

import {ovpn3, type RunResult, until} from '../support/cli'
import {slowTimers} from '../support/clock'
import {Stage} from './service-stage'
import {Accounts} from './session-acl'

/** Alice owns the session, bob was granted access, carol is a stranger. */
const cases = ['alice', 'bob', 'carol', 'root', 'carol, public', 'root, public'] as const
type Case = (typeof cases)[number]

/** Who a denial says may do it; `nobody`: there is no such session, as far as that user is concerned. */
const denials = {
  lookers: /^Only its owner, the users the owner granted access, and root may look at it$/,
  nobody: /^You see your own sessions/,
  owner: /^Ask (?<owner>.+) to do it$/,
  users: /^Only its owner(, (?<owner>.+),)? and the users the owner granted access may do this$/,
} as const
type Verdict = 'yes' | keyof typeof denials

/** What the service lets each of them do, in the order of the cases. */
const rights = {
  act: ['yes', 'yes', 'users', 'users', 'yes', 'yes'],
  // to act, and to see what comes of it
  follow: ['yes', 'yes', 'users', 'users', 'lookers', 'yes'],
  look: ['yes', 'yes', 'lookers', 'yes', 'lookers', 'yes'],
  set: ['yes', 'yes', 'users', 'users', 'users', 'users'],
  share: ['yes', 'owner', 'owner', 'owner', 'owner', 'owner'],
  // by what is listed, and by what is read of it
  find: ['yes', 'yes', 'nobody', 'nobody', 'yes', 'yes'],
  findByDevice: ['yes', 'yes', 'nobody', 'nobody', 'nobody', 'yes'],
} as const satisfies Readonly<Record<string, readonly Verdict[]>>

/** What of a session commands change, as its owner sees it. */
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
  /** The minor status code that it starts from: connected, if it does not say. */
  readonly from?: number
  /** What comes of it where it is allowed; nothing, if it does not say. `gone`: the session is. */
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
  {args: 'session-acl --show', right: 'look'},
  {args: `session-acl --grant ${nobody} --dry-run`, right: 'share'},
  {args: `session-acl --grant ${nobody}`, right: 'share', effect: ({acl}) => ({acl: [...acl, nobody]})},
  {args: 'session-acl --allow-log-access true', right: 'share', effect: () => ({logAccess: true})},
  {args: 'session-acl --public-access true', right: 'share', effect: () => ({publicAccess: true})},
  {args: 'session-manage --pause --dry-run --path ID', right: 'find'},
  {args: 'session-manage --pause --dry-run --config cert', right: 'find'},
  {args: 'session-stats --interface DEVICE', right: 'findByDevice'},
  {args: 'session-manage --disconnect --dry-run', right: 'act'},
  {args: 'session-manage --disconnect', right: 'act', effect: 'gone'},
]

/** Commands about all the sessions that there are for a user. */
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

/** Command lines that end with a value to be completed. */
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

/** Who may do what with a session, and see what of it: every command as everybody. */
export function accessContract(title: string, world: () => World): void {
  const stage = new Stage(world)
  let accounts: Accounts

  const run = (user: UserName, args: readonly string[]): Promise<RunResult> =>
    ovpn3(world(), user, args, {env: {...accounts.environment, ...trace}})

  /** What the service shows to those who may look, as far as it cannot be mistaken for something else. */
  async function secretsOf(path: string): Promise<RegExp[]> {
    const values = await stage.alice.getAll(path)
    const value = (name: string) => values[name]!.value
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
    const values = await stage.alice.getAll(path)
    const value = <T>(name: string) => values[name]!.value as T
    return {
      acl: value('acl'),
      level: value('log_verbosity'),
      logAccess: !value('restrict_log_access'),
      minor: value<number[]>('status')[1]!,
      publicAccess: value('public_access'),
      reconnects: Number(value<Record<string, bigint>>('statistics').N_RECONNECT ?? 0),
    }
  }

  /** Alice's session, as a case has it. */
  async function sessionFor(each: Case): Promise<string> {
    const path = await stage.begin('alice', 'cert')
    if (each === 'bob') await world().grant(path, 'bob')
    await world().setPublicAccess(path, each.endsWith('public'))
    return path
  }

  /** Brings the session to where a row starts. */
  async function bring(path: string, minor: number): Promise<void> {
    const [, present] = await stage.alice.status(path)
    if (present === minor) return
    await (minor === PAUSED ? stage.alice.call(path, 'Pause', 's', '') : stage.alice.call(path, 'Resume'))
    await stage.alice.reaches(path, minor)
  }

  /** The words that a row stands for. */
  async function wordsOf({args, right}: Row, path: string): Promise<string[]> {
    const device = String(await stage.alice.get(path, 'device_name'))
    const words = args.split(' ').map((word) => ({DEVICE: device, ID: path.slice(-36, -28)})[word] ?? word)
    return right.startsWith('find') ? words : [...words, '--path', path]
  }

  /** The command is denied, and says who may, as text and as JSON: what it printed. */
  async function denied(
    user: UserName,
    words: readonly string[],
    verdict: Exclude<Verdict, 'yes'>,
  ): Promise<readonly RunResult[]> {
    const what = `${user}: ${words.join(' ')}`
    const documents = words.includes('--format=prometheus') ? words.filter((word) => !word.includes('=')) : words
    const [text, json] = await Promise.all([run(user, words), run(user, [...documents, '--json'])])
    const status = verdict === 'nobody' ? 4 : 5
    assert.deepEqual([text.status, json.status, text.stdout], [status, status, ''], what)
    const document = JSON.parse(json.stdout) as {error?: ErrorJson; sessions?: {error: ErrorJson}[]}
    const {code, hint = '', message} = document.error ?? document.sessions![0]!.error
    assert.equal(code, verdict === 'nobody' ? 'session-not-found' : 'access-denied', what)
    const says = denials[verdict].exec(hint)
    assert.ok(says, `${what}: ${hint}`)
    assert.ok(text.stderr.includes(message) && text.stderr.includes(`\n${hint}\n`), text.stderr)
    // by name to those who may look at it
    const named = {lookers: undefined, nobody: undefined, owner: 'the owner of the session', users: undefined}[verdict]
    const maySee = user === 'bob' || user === 'root'
    if (says.groups) assert.equal(says.groups.owner, maySee ? accounts.text('alice') : named, what)
    if (verdict === 'owner') assert.match(message, /only the owner.* may change who has access/, what)
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
      it(`${each}: each command and option`, async (t) => {
        if (stage.alone(t)) return
        const path = await sessionFor(each)
        for (const row of rows) {
          await bring(path, row.from ?? CONNECTED)
          const verdict = rights[row.right][index]!
          const words = await wordsOf(row, path)
          const line = words.join(' ')
          // what was typed is known
          const secrets = user === 'carol' ? (await secretsOf(path)).filter((secret) => !secret.test(line)) : []
          const earlier = await stateOf(path)
          const results = verdict === 'yes' ? [await run(user, words)] : await denied(user, words, verdict)
          if (verdict === 'yes') assert.equal(results[0]!.status, 0, `${line}\n${results[0]!.stderr}`)
          for (const result of results) holdsNone(result, secrets, line)
          if (verdict === 'yes' && row.effect === 'gone') {
            assert.deepEqual(await world().sessions(), [])
            return
          }

          const change = verdict === 'yes' && row.effect && row.effect !== 'gone' ? row.effect(earlier) : {}
          const expected = {...earlier, ...change}
          let state = await stateOf(path)
          const same = () => JSON.stringify(state) === JSON.stringify(expected)
          if (!same() && Object.keys(change).length > 0)
            await until(line, async () => {
              state = await stateOf(path)
              return same()
            }).catch(() => {})
          assert.deepEqual(state, expected, line)
        }

        assert.equal(await world().carriesTraffic(path), true)
      })
    }

    for (const each of ['carol', 'root', 'carol, public'] as const) {
      const user = each.split(',')[0] as UserName
      const isPublic = each.endsWith('public')
      it(`${each}: what is listed, and completed`, async (t) => {
        if (stage.alone(t)) return
        const path = await sessionFor(each)
        const id = path.slice(-36)
        const secrets = await secretsOf(path)
        await stage.alice.call(path, 'AccessGrant', 'u', world().uid('bob'))
        const earlier = await stateOf(path)
        for (const list of lists) {
          const result = await run(user, list.split(' '))
          assert.equal(result.status, 0, `${list}\n${result.stderr}`)
          assert.equal((result.stdout + result.stderr).includes(id.slice(0, 8)), isPublic, list)
          // a clean-up asks which sessions were started from profiles of the names that the user has
          const names = list.includes('--cleanup') ? 1 : 0
          holdsNone(result, secrets.slice(names), list)
        }

        for (const line of completions) {
          const words = line.replace('PATH', path).split(' ')
          const {stdout} = await ovpn3(world(), user, ['--complete', 'zsh', words.at(-1)!, ...words.slice(0, -1)], {
            env: {...accounts.environment, ...trace, ...slowTimers(20)},
          })
          // root may read by whom the session that it names is used
          const known = user === 'root' && line.includes('PATH')
          assert.match(stdout, known ? new RegExp(`^(${accounts.nameOf('bob')}|${world().uid('bob')})\t`) : /^$/, line)
        }

        assert.deepEqual(await stateOf(path), earlier)
        assert.equal(await world().carriesTraffic(path), true)
      })
    }

    it('of all, those of others are said to be', async (t) => {
      if (stage.alone(t)) return
      const others = {alice: '', bob: `, owned by ${accounts.nameOf('alice')}`}
      for (const [each, words] of Object.entries({...others, 'root, public': others.bob}) as [Case, string][]) {
        const path = await sessionFor(each)
        const label = `cert (${path.slice(-36, -28)})`
        const plan = ['session-manage', '--disconnect', '--all', '--dry-run']
        const {stdout} = await run(each.split(',')[0] as UserName, plan)
        assert.equal(stdout, `${label}: would be disconnected (connected)${words}\n`)
      }
    })

    for (const user of ['carol', 'root'] as const) {
      it(`${user}: what is watched`, async (t) => {
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
          // the rest may be the same as of its own
          holdsNone(result, secrets.slice(1, 4), args)
        }
      })
    }
  })
}
