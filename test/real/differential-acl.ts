import assert from 'node:assert/strict'
import {after, before, beforeEach, describe, it} from 'node:test'

import type {UserName, World} from '../support/world'

import {Accounts} from '../contract/session-acl'
import {ovpn3, several} from '../support/cli'
import {reference} from './reference'

const everybody: readonly UserName[] = ['alice', 'bob', 'carol', 'root']

interface Outcome {
  readonly status: number | null
  readonly stdout: string
}

/** An access list as either tool prints it, by its labels. */
function parse(stdout: string): Record<string, readonly string[] | string> {
  const users = [...stdout.matchAll(/^ +- (.*)$/gm)].map(([, user]) => user!)
  const values = [...stdout.matchAll(/^ *([A-Z][^:\n]*): (.*)$/gm)].map(([, label, value]) => [label!, value!] as const)
  return {...Object.fromEntries(values), users}
}

interface Step {
  readonly args: string
  readonly user?: UserName
  /** Exit statuses; 0 by default. */
  readonly ours?: number
  readonly theirs?: number
  /** Why the words differ, where they do. */
  readonly words?: string
  /** What the reference does and we do not. */
  readonly differs?: (list: Record<string, readonly string[] | string>) => Record<string, readonly string[] | string>
}

const again = 'the reference fails where nothing has to change'
const refused = 'errors are on stderr, and each in its own words'
const checked = 'the reference acts before it has checked everything, or with exit 0'
const typo = 'the wording of the reference'

const without =
  (user: string): Step['differs'] =>
  (list) => {
    const users = (list.users as string[]).filter((each) => each !== user)
    return {...list, 'Users granted access': `${users.length} user${users.length === 1 ? '' : 's'}`, users}
  }

/** In this order, on a session each. */
const steps: readonly Step[] = [
  {args: '--grant bob'},
  {args: '--grant bob', theirs: 3, words: again},
  {args: '--grant carol', ours: 5, theirs: 3, user: 'bob', words: refused},
  {args: '--grant carol', ours: 5, theirs: 3, user: 'root', words: refused},
  {args: '--revoke bob', ours: 5, theirs: 3, user: 'bob', words: refused},
  {args: '--public-access true', ours: 5, theirs: 8, user: 'bob', words: refused},
  {args: '--allow-log-access true', ours: 5, theirs: 8, user: 'bob', words: refused},
  {args: '--allow-log-access true', words: typo},
  {args: '--grant 6003 --grant 65000 --show'},
  {args: '--allow-log-access false', words: typo},
  {args: '--grant nobodyhere', ours: 2, words: checked},
  {args: '--grant alice', differs: without('(6001)  alice'), words: 'the owner has access, and is not put on the list'},
  {args: '--revoke alice', words: 'the owner keeps access'},
  {args: '--revoke bob --revoke 65000 --show'},
  {args: '--revoke bob', theirs: 3, words: again},
  {args: '--grant bob --revoke carol --show'},
  {args: '--public-access maybe', ours: 2, theirs: 3, words: checked},
  {args: '--public-access true'},
  {args: '--public-access false', ours: 5, theirs: 8, user: 'carol', words: refused},
  {args: '--public-access false'},
  {args: '--revoke bob --show'},
]

/** `session-acl` of the reference tool and ours, side by side. */
export function differentialAclTests(title: string, world: () => World): void {
  let accounts: Accounts
  const ours = async (user: UserName, args: string): Promise<Outcome> =>
    ovpn3(world(), user, ['session-acl', ...args.split(' ')], {env: accounts.environment})
  const theirs = async (user: UserName, args: string): Promise<Outcome> =>
    reference(world(), user, ['session-acl', ...args.split(' ')])

  /** What both tools show of a session, to the byte; or that both refuse to. */
  const shown = async (path: string, user: UserName) => {
    const [mine, reference] = await Promise.all([ours(user, `-o ${path} --show`), theirs(user, `-o ${path} --show`)])
    assert.equal(mine.stdout, reference.stdout, user)
    assert.deepEqual(parse(mine.stdout), parse(reference.stdout), user)
    assert.deepEqual([mine.status, reference.status], mine.stdout === '' ? [5, 8] : [0, 0], user)
    return mine.stdout
  }

  const shownToAll = async (path: string) => {
    const lists: Record<string, string> = {}
    await several(everybody, 2, async (user) => {
      lists[user] = await shown(path, user)
    })
    return lists
  }

  describe(`session-acl and the reference on ${title}`, () => {
    before(() => {
      accounts = new Accounts(world())
    })
    beforeEach(() => world().reset())
    after(() => accounts.close())

    it('come to the same, change by change, each on a session of its own', async () => {
      const mine = await world().startSession('alice', 'cert', {until: 'new'})
      const other = await world().startSession('alice', 'cert2', {until: 'new'})
      await shownToAll(mine)
      for (const {args, differs, ours: status = 0, theirs: code = 0, user = 'alice', words} of steps) {
        const [here, there] = await Promise.all([ours(user, `-o ${mine} ${args}`), theirs(user, `-o ${other} ${args}`)])
        assert.deepEqual([here.status, there.status], [status, code], `${user} ${args}`)
        if (!words) assert.equal(here.stdout, there.stdout, `${user} ${args}`)
        const [left, right] = await Promise.all([mine, other].map((path) => shown(path, 'alice')))
        assert.deepEqual(parse(left!), differs ? differs(parse(right!)) : parse(right!), `${user} ${args}`)
      }
    })

    it('show each other what either of them changed, to everybody', async () => {
      const path = await world().startSession('alice', 'cert', {until: 'new'})
      const rounds = ['--grant bob', '--allow-log-access true --grant carol', '--public-access true', '--revoke bob']
      const undo = ['--revoke carol', '--public-access false', '--allow-log-access false']
      const seen: Record<string, string>[] = []
      for (const [index, args] of [...rounds, ...undo].entries()) {
        const change = index % 2 === 0 ? ours : theirs
        assert.equal((await change('alice', `-o ${path} ${args}`)).status, 0, args)
        seen.push(await shownToAll(path))
      }

      assert.deepEqual(
        seen.map((lists) => everybody.filter((user) => lists[user] !== '')),
        [
          ['alice', 'bob', 'root'],
          ['alice', 'bob', 'carol', 'root'],
          ['alice', 'bob', 'carol', 'root'],
          ['alice', 'carol', 'root'],
          ['alice', 'root'],
          ['alice', 'root'],
          ['alice', 'root'],
        ],
      )
    })

    it('differ on a bad value behind a good one: nothing is changed', async () => {
      const mine = await world().startSession('alice', 'cert', {until: 'new'})
      const other = await world().startSession('alice', 'cert2', {until: 'new'})
      const args = '--grant bob --public-access maybe'
      assert.equal((await ours('alice', `-o ${mine} ${args}`)).status, 2)
      assert.notEqual((await theirs('alice', `-o ${other} ${args}`)).status, 0)
      assert.deepEqual(parse(await shown(mine, 'alice')).users, [])
      assert.deepEqual(parse(await shown(other, 'alice')).users, ['(6002)  bob'])
    })

    it('differ on what is not there: at once, and with an exit status of its own', async () => {
      const stale = await world().startSession('alice', 'cert', {until: 'new'})
      await world().killBackend(stale)
      assert.equal((await ours('alice', `-o ${stale} --show`)).status, 4)
      const again = await ours('alice', `-o ${stale} --show`)
      assert.equal(again.status, 4)
      assert.equal((await theirs('alice', `-o ${stale} --show`)).status, 8)
    })
  })
}
