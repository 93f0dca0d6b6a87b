import assert from 'node:assert/strict'
import {after, before, beforeEach, describe, it} from 'node:test'

import type {UserName, World} from '../support/world'

import {Accounts} from '../contract/session-acl'
import {forEachLimited, ovpn3} from '../support/cli'
import {reference} from './reference'

const everyUser: readonly UserName[] = ['alice', 'bob', 'carol', 'root']

interface Outcome {
  readonly status: number | null
  readonly stdout: string
}

/** Parses the access list that either tool prints, by label. */
function parse(stdout: string): Record<string, readonly string[] | string> {
  const users = [...stdout.matchAll(/^ +- (.*)$/gm)].map(([, user]) => user!)
  const values = [...stdout.matchAll(/^ *([A-Z][^:\n]*): (.*)$/gm)].map(([, label, value]) => [label!, value!] as const)
  return {...Object.fromEntries(values), users}
}

interface Step {
  readonly args: string
  readonly user?: UserName
  /** Exit statuses; default: 0. */
  readonly ours?: number
  readonly theirs?: number
  /** Why the outputs differ; undefined if they are the same. */
  readonly words?: string
  /** The list that we expect, derived from the list of the reference tool. */
  readonly differs?: (list: Record<string, readonly string[] | string>) => Record<string, readonly string[] | string>
}

const again = 'the reference fails if nothing has to change'
const refused = 'each tool prints its own error on stderr'
const checked = 'the reference acts before it has checked all arguments, or exits with 0'
const nameless = 'the reference prints a uid without a name twice'
const typo = 'the reference words it differently'

const without =
  (user: string): Step['differs'] =>
  (list) => {
    const users = (list.users as string[]).filter((each) => each !== user)
    return {...list, 'Users granted access': `${users.length} user${users.length === 1 ? '' : 's'}`, users}
  }

/** Run in this order, with one session for each tool. */
const steps: readonly Step[] = [
  {args: '--grant bob'},
  {args: '--grant bob', theirs: 3, words: again},
  {args: '--grant carol', ours: 5, theirs: 3, user: 'bob', words: refused},
  {args: '--grant carol', ours: 5, theirs: 3, user: 'root', words: refused},
  {args: '--revoke bob', ours: 5, theirs: 3, user: 'bob', words: refused},
  {args: '--public-access true', ours: 5, theirs: 8, user: 'bob', words: refused},
  {args: '--allow-log-access true', ours: 5, theirs: 8, user: 'bob', words: refused},
  {args: '--allow-log-access true', words: typo},
  {args: '--grant 6003 --grant 65000 --show', words: nameless},
  {args: '--allow-log-access false', words: typo},
  {args: '--grant nobodyhere', ours: 2, words: checked},
  {
    args: '--grant alice',
    differs: without('(6001)  alice'),
    words: 'the owner has access and is not added to the list',
  },
  {args: '--revoke alice', words: 'the owner keeps access'},
  {args: '--revoke bob --revoke 65000 --show', words: nameless},
  {args: '--revoke bob', theirs: 3, words: again},
  {args: '--grant bob --revoke carol --show'},
  {args: '--public-access maybe', ours: 2, theirs: 3, words: checked},
  {args: '--public-access true'},
  {args: '--public-access false', ours: 5, theirs: 8, user: 'carol', words: refused},
  {args: '--public-access false'},
  {args: '--revoke bob --show'},
]

/** Compares `session-acl` with the reference tool. */
export function differentialAclTests(title: string, world: () => World): void {
  let accounts: Accounts
  const ours = async (user: UserName, args: string): Promise<Outcome> =>
    ovpn3(world(), user, ['session-acl', ...args.split(' ')], {env: accounts.environment})
  const theirs = async (user: UserName, args: string): Promise<Outcome> =>
    reference(world(), user, ['session-acl', ...args.split(' ')])

  /** Asserts that both tools show the same bytes for a session, or that both refuse. */
  const shown = async (path: string, user: UserName) => {
    const [mine, reference] = await Promise.all([ours(user, `-o ${path} --show`), theirs(user, `-o ${path} --show`)])
    assert.equal(mine.stdout, reference.stdout, user)
    assert.deepEqual(parse(mine.stdout), parse(reference.stdout), user)
    assert.deepEqual([mine.status, reference.status], mine.stdout === '' ? [5, 8] : [0, 0], user)
    return mine.stdout
  }

  const shownToAll = async (path: string) => {
    const lists: Record<string, string> = {}
    await forEachLimited(everyUser, 2, async (user) => {
      lists[user] = await shown(path, user)
    })
    return lists
  }

  describe(`session-acl compared with the reference tool on ${title}`, () => {
    before(() => {
      accounts = new Accounts(world())
    })
    beforeEach(() => world().reset())
    after(() => accounts.close())

    it('makes the same changes, step by step', async () => {
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

    it('shows the same lists to all users after changes by either tool', async () => {
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
        seen.map((lists) => everyUser.filter((user) => lists[user] !== '')),
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

    it('changes nothing if a later value is invalid, unlike the reference tool', async () => {
      const mine = await world().startSession('alice', 'cert', {until: 'new'})
      const other = await world().startSession('alice', 'cert2', {until: 'new'})
      const args = '--grant bob --public-access maybe'
      assert.equal((await ours('alice', `-o ${mine} ${args}`)).status, 2)
      assert.notEqual((await theirs('alice', `-o ${other} ${args}`)).status, 0)
      assert.deepEqual(parse(await shown(mine, 'alice')).users, [])
      assert.deepEqual(parse(await shown(other, 'alice')).users, ['(6002)  bob'])
    })

    it('exits with its own status for a missing session, unlike the reference tool', async () => {
      const stale = await world().startSession('alice', 'cert', {until: 'new'})
      await world().killBackend(stale)
      assert.equal((await ours('alice', `-o ${stale} --show`)).status, 4)
      const again = await ours('alice', `-o ${stale} --show`)
      assert.equal(again.status, 4)
      assert.equal((await theirs('alice', `-o ${stale} --show`)).status, 8)
    })
  })
}
