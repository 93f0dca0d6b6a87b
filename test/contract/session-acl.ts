import type {AclReport} from '@ovpn3/plugin-session-acl'
import type {ErrorJson} from '@ovpn3/sessions'
import type {TestContext} from 'node:test'

import assert from 'node:assert/strict'
import {chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {after, before, beforeEach, describe, it} from 'node:test'

import type {UserName, World} from '../support/world'

import {ovpn3, type RunOptions, type RunResult} from '../support/cli'
import {document} from '../support/schemas'
import {idOf, isAlone, noSession, short} from '../support/world'

const users: readonly UserName[] = ['alice', 'bob', 'carol']
const nobody = 4_000_000

/** Names for the users of a world, who may have no account on this machine. */
export class Accounts {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'ovpn3-accounts-'))
  readonly #names: Readonly<Record<string, string>>

  constructor(readonly world: World) {
    const known = new Map<number, string>()
    for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
      const [name, , uid] = line.split(':')
      if (name && uid && !known.has(Number(uid))) known.set(Number(uid), name)
    }

    this.#names = Object.fromEntries(users.map((user) => [user, known.get(world.uid(user)) ?? user]))
    // users without an account are known to a getent that comes first in PATH
    const entries = users
      .filter((user) => !known.has(world.uid(user)))
      .map((user) => `${user}|${world.uid(user)}) echo '${user}:x:${world.uid(user)}:${world.uid(user)}::/:/bin/sh';;`)
    const script = `#!/bin/sh\nPATH='${process.env.PATH}'\ncase "$3" in\n${entries.join('\n')}\n*) exec getent "$@";;\nesac\n`
    chmodSync(this.#folder, 0o755)
    writeFileSync(path.join(this.#folder, 'getent'), script, {mode: 0o755})
  }

  nameOf(user: UserName): string {
    return this.#names[user] ?? user
  }

  /** As the command prints it: `bob (uid 6002)`. */
  text(user: UserName): string {
    return `${this.nameOf(user)} (uid ${this.world.uid(user)})`
  }

  /** As in `--json`. */
  json(user: UserName): {name: string; uid: number} {
    return {name: this.nameOf(user), uid: this.world.uid(user)}
  }

  get environment(): Record<string, string> {
    return {PATH: `${this.#folder}:${process.env.PATH}`}
  }

  close(): void {
    rmSync(this.#folder, {force: true, recursive: true})
  }
}

/** `session-acl`, the same in every world. */
export function sessionAclContract(title: string, world: () => World): void {
  let accounts: Accounts

  const acl = (args: string, user: UserName = 'alice', options: RunOptions = {}): Promise<RunResult> =>
    ovpn3(world(), user, ['session-acl', ...args.split(' ').filter(Boolean)], {env: accounts.environment, ...options})

  const json = async (args: string, user?: UserName) => {
    const run = await acl(`${args} --json`, user)
    return {...run, ...document<AclReport>('session-acl', run.stdout)}
  }

  const errorOf = async (args: string, user?: UserName) => {
    const run = await acl(`${args} --json`, user)
    return {...run, ...document<{error: ErrorJson & {candidates?: unknown[]}}>('error', run.stdout)}
  }

  /** The command succeeds with exactly this text on stdout. */
  const expectOutput = (run: RunResult, text: string, stderr = '') => {
    assert.deepEqual({stderr: run.stderr, status: run.status, stdout: run.stdout}, {stderr, status: 0, stdout: text})
  }

  const needsUsers = (t: TestContext) => isAlone(world(), t)

  /** The sessions that a user sees, without reading them. */
  const listedBy = async (user: UserName) => {
    const run = await ovpn3(world(), user, ['session-manage', '--cleanup', '--dry-run', '--json'])
    const {sessions} = document<{sessions: {path: string}[]}>('session-manage', run.stdout)
    return sessions.map(({path}) => path)
  }

  const entry = (user: UserName) => `(${world().uid(user)})  ${accounts.nameOf(user)}`

  const list = (users: readonly string[], {log = 'no', open = 'no'} = {}) =>
    [
      `                    Owner: ${entry('alice')}`,
      `            Public access: ${open}`,
      ` Users granted log access: ${log}`,
      ...(open === 'yes'
        ? []
        : [
            `     Users granted access: ${users.length} user${users.length === 1 ? '' : 's'}`,
            ...users.map((each) => `                           - ${each}`),
          ]),
      '',
    ].join('\n')

  describe(`session-acl on ${title}`, () => {
    let session: string
    /** True if the next test can reuse the session. */
    let untouched = false
    before(() => {
      accounts = new Accounts(world())
    })
    beforeEach(async () => {
      const reuse = untouched
      untouched = false
      if (reuse) return
      await world().reset()
      session = await world().startSession('alice', 'cert', {until: 'new'})
    })
    after(() => accounts.close())

    describe('show', () => {
      it('prints the layout of the reference', async () => {
        expectOutput(await acl('--config cert --show'), list([]))
        await world().grant(session, 'bob')
        expectOutput(await acl('-c cert -s'), list([entry('bob')]))
        await world().setPublicAccess(session, true)
        expectOutput(await acl(`--path ${session} --show`), list([], {open: 'yes'}))
      })

      it('names the users it can resolve', async () => {
        await acl(`-c cert --grant ${nobody} --grant ${world().uid('carol')}`)
        expectOutput(await acl('-c cert -s'), list([`(${nobody})  (unknown)`, entry('carol')]))
      })

      it('prints a document with --json', async () => {
        await world().grant(session, 'bob')
        const {stdout} = await acl('-c cert --show --json')
        assert.deepEqual(document('session-acl', stdout), {
          path: session,
          id: idOf(session),
          config: 'cert',
          owner: accounts.json('alice'),
          publicAccess: false,
          logAccess: false,
          users: [accounts.json('bob')],
          changes: [],
          dryRun: false,
        })
        await world().setPublicAccess(session, true)
        const open = await json(`--path ${short(session)} -s`)
        assert.deepEqual([open.publicAccess, open.users, open.config], [true, [accounts.json('bob')], 'cert'])
      })

      it('finds a session by its ID', async () => {
        expectOutput(await acl(`-o ${idOf(session)} -s`), list([]))
      })

      it('works for the owner, granted users and root', async (t) => {
        if (needsUsers(t)) return
        await world().grant(session, 'bob')
        for (const user of ['alice', 'bob', 'root'] as const)
          expectOutput(await acl(`-o ${session} -s`, user), list([entry('bob')]))
        for (const open of [false, true]) {
          await world().setPublicAccess(session, open)
          const {error, status} = await errorOf(`-o ${session} -s`, 'carol')
          assert.deepEqual([status, error.code], [5, 'access-denied'])
          assert.match(error.message, new RegExp(short(session)))
          assert.match(error.hint!, /owner/)
        }
      })
    })

    describe('grant and revoke', () => {
      it('let a user in and out again', async (t) => {
        if (needsUsers(t)) return
        const bob = accounts.nameOf('bob')
        assert.deepEqual(await listedBy('bob'), [])
        expectOutput(await acl(`-c cert --grant ${bob}`), `Granted access to ${accounts.text('bob')}\n`)
        assert.deepEqual(await listedBy('bob'), [session])
        assert.equal((await acl('-c cert --show', 'bob')).status, 0)
        expectOutput(await acl(`-c cert --revoke ${bob}`), `Revoked access from ${accounts.text('bob')}\n`)
        assert.deepEqual(await listedBy('bob'), [])
        assert.equal((await acl('-c cert --show', 'bob')).status, 4)
        assert.equal((await acl(`-o ${session} --show`, 'bob')).status, 5)
      })

      it('accept names and uids, several times, without consuming other arguments', async () => {
        const run = await acl(`-G ${world().uid('bob')} -G ${accounts.nameOf('carol')} -G ${nobody} -s -c cert`)
        expectOutput(
          run,
          `Granted access to ${accounts.text('bob')}\nGranted access to ${accounts.text('carol')}\n` +
            `Granted access to uid ${nobody}\n` +
            list([entry('bob'), entry('carol'), `(${nobody})  (unknown)`]),
        )
        const greedy = await errorOf(`-c cert --revoke ${accounts.nameOf('bob')} ${accounts.nameOf('carol')}`)
        assert.equal(greedy.status, 2)
        expectOutput(
          await acl(`--revoke ${accounts.nameOf('bob')} --revoke ${nobody} -R=${world().uid('carol')} --show -c cert`),
          `Revoked access from ${accounts.text('bob')}\nRevoked access from uid ${nobody}\n` +
            `Revoked access from ${accounts.text('carol')}\n${list([])}`,
        )
      })

      it('work in one call, grants first', async () => {
        await world().grant(session, 'carol')
        const run = await json(`-c cert -R ${accounts.nameOf('carol')} -G ${accounts.nameOf('bob')}`)
        assert.equal(run.status, 0)
        assert.deepEqual(run.changes, [
          {
            action: 'grant',
            user: accounts.json('bob'),
            outcome: 'done',
            changed: true,
            message: `Granted access to ${accounts.text('bob')}`,
          },
          {
            action: 'revoke',
            user: accounts.json('carol'),
            outcome: 'done',
            changed: true,
            message: `Revoked access from ${accounts.text('carol')}`,
          },
        ])
        assert.deepEqual(run.users, [accounts.json('bob')])
      })

      it('are idempotent and report that nothing changed', async () => {
        const bob = accounts.nameOf('bob')
        expectOutput(await acl(`-c cert --revoke ${bob}`), `${accounts.text('bob')} was not granted access\n`)
        await world().grant(session, 'bob')
        expectOutput(await acl(`-c cert --grant ${bob}`), `${accounts.text('bob')} already has access\n`)
        const run = await json(`-c cert --grant ${bob} --grant ${nobody}`)
        assert.deepEqual(
          run.changes.map(({changed, outcome}) => [changed, outcome]),
          [
            [false, 'unchanged'],
            [true, 'done'],
          ],
        )
        assert.equal(run.status, 0)
      })

      it('of one user by name and uid count once', async () => {
        const run = await json(`-c cert -G ${world().uid('bob')} -G ${accounts.nameOf('bob')}`)
        assert.equal(run.changes.length, 1)
      })

      it("do not change the owner's access", async () => {
        const alice = accounts.nameOf('alice')
        expectOutput(
          await acl(`-c cert --grant ${alice}`),
          `${accounts.text('alice')} owns the session and has access\n`,
        )
        expectOutput(
          await acl(`-c cert --revoke ${alice}`),
          `${accounts.text('alice')} owns the session and keeps access\n`,
        )
        const run = await json(`-c cert --revoke ${alice}`)
        assert.deepEqual([run.status, run.changes[0]!.changed, run.users], [0, false, []])
      })

      it('can remove an owner from the list', async () => {
        await world().grant(session, 'alice')
        expectOutput(await acl('-c cert -s'), list([entry('alice')]))
        const run = await acl(`-c cert --revoke ${world().uid('alice')} --show`)
        expectOutput(
          run,
          `Removed ${accounts.text('alice')} from the list of users; the owner of the session keeps access\n${list([])}`,
        )
      })

      it('note that a revoked user keeps public access', async () => {
        await world().grant(session, 'bob')
        await world().setPublicAccess(session, true)
        const note = 'Public access is on: every user still has access. Pass --public-access false to turn it off.\n'
        const args = `-c cert --revoke ${accounts.nameOf('bob')}`
        expectOutput(await acl(args), `Revoked access from ${accounts.text('bob')}\n`, note)
        await world().grant(session, 'bob')
        expectOutput(
          await acl(`${args} --public-access false`),
          `Revoked access from ${accounts.text('bob')}\nSession is now only accessible to specific users\n`,
        )
      })
    })

    describe('public access and log access', () => {
      it('can be switched on and off', async () => {
        const is = async (open: boolean, log: boolean) => {
          const {logAccess, publicAccess} = await json('-c cert -s')
          assert.deepEqual([publicAccess, logAccess], [open, log])
        }

        expectOutput(await acl('-c cert --public-access true'), 'Session is now accessible by everyone\n')
        await is(true, false)
        expectOutput(await acl('-c cert --public-access=true'), 'Session is already accessible by everyone\n')
        expectOutput(
          await acl('-c cert --allow-log-access true'),
          'Session log is now accessible to users granted session access\n',
        )
        await is(true, true)
        expectOutput(
          await acl('-c cert --allow-log-access true'),
          'Session log is already accessible to users granted session access\n',
        )
        expectOutput(
          await acl('-c cert --allow-log-access false --public-access false --show'),
          'Session is now only accessible to specific users\nSession log is now only accessible to the session owner\n' +
            list([]),
        )
        await is(false, false)
        const run = await json('-c cert --public-access false --allow-log-access false')
        assert.deepEqual(
          run.changes.map(({action, changed, outcome, value}) => [action, value, outcome, changed]),
          [
            ['public-access', false, 'unchanged', false],
            ['allow-log-access', false, 'unchanged', false],
          ],
        )
      })

      it('accept yes and no as well', async () => {
        for (const [word, value] of Object.entries({yes: true, no: false, On: true, OFF: false, 1: true, 0: false}))
          assert.equal((await json(`-c cert --public-access ${word}`)).publicAccess, value, word)
      })
    })

    it('report the plan with --dry-run and change nothing', async () => {
      await world().grant(session, 'carol')
      const args = `-c cert -G ${accounts.nameOf('bob')} -G ${accounts.nameOf('carol')} -R ${nobody} --public-access yes --dry-run`
      expectOutput(
        await acl(`${args} --allow-log-access no --show`),
        [
          `Would grant access to ${accounts.text('bob')}`,
          `${accounts.text('carol')} already has access`,
          `uid ${nobody} was not granted access`,
          'Would make the session accessible by everyone',
          'Session log is already only accessible to the session owner',
          list([entry('carol')]),
        ].join('\n'),
      )
      const run = await json(args)
      assert.deepEqual(
        [run.dryRun, run.publicAccess, run.users, run.changes.map(({changed, outcome}) => `${outcome} ${changed}`)],
        [
          true,
          false,
          [accounts.json('carol')],
          ['planned false', 'unchanged false', 'unchanged false', 'planned false'],
        ],
      )
      expectOutput(await acl('-c cert -s'), list([entry('carol')]))
    })

    describe('usage errors', () => {
      const wrong: Readonly<Record<string, readonly [args: string, message: RegExp]>> = {
        'a bad boolean': ['--public-access maybe', /--public-access: invalid boolean: "maybe"/],
        'a bad boolean for the log': ['--allow-log-access 2', /--allow-log-access: invalid boolean: "2"/],
        'a uid that is too large': ['--grant 4294967295', /no such user: "4294967295"/],
        'a uid with a sign': ['--revoke=-1', /no such user: "-1"/],
        'an unknown user': ['--grant nosuchuser', /--grant: no such user: "nosuchuser"/],
        'an unknown user to revoke': ['--revoke nosuchuser', /--revoke: no such user: "nosuchuser"/],
      }
      for (const [what, [args, message]] of Object.entries(wrong)) {
        it(what, async () => {
          const {error, status} = await errorOf(`-c cert --grant ${world().uid('bob')} ${args}`)
          assert.deepEqual([status, error.code], [2, 'usage'])
          assert.match(error.message, message)
          assert.ok(error.hint)
          assert.deepEqual((await json('-c cert -s')).users, [])
          untouched = true
        })
      }

      it('include a user both granted and revoked', async () => {
        const run = await errorOf(`-c cert -G ${accounts.nameOf('bob')} -R ${world().uid('bob')}`)
        assert.equal(run.status, 2)
        assert.match(run.error.message, /cannot both grant and revoke access/)
        assert.deepEqual((await json('-c cert -s')).users, [])
      })
    })

    describe('another user than the owner', () => {
      const attempts = [
        '--grant',
        '--revoke',
        '--public-access true',
        '--allow-log-access true',
        '--public-access false',
      ]
      for (const [user, names] of Object.entries({bob: true, carol: false, root: true})) {
        it(`changes nothing: ${user}`, async (t) => {
          if (needsUsers(t)) return
          await world().grant(session, 'bob')
          for (const attempt of attempts) {
            const args = attempt.includes(' ') ? attempt : `${attempt} ${nobody}`
            for (const dryRun of attempt === '--grant' ? ['', '--dry-run'] : ['']) {
              const {error, status} = await errorOf(`-o ${session} ${args} ${dryRun}`, user as UserName)
              assert.deepEqual([status, error.code], [5, 'access-denied'], args)
              assert.match(error.message, /only the owner/)
              assert.match(error.message, new RegExp(short(session)))
              if (names) assert.ok(error.message.includes(accounts.text('alice')), error.message)
              else assert.doesNotMatch(error.message, new RegExp(accounts.nameOf('alice')))
            }
          }

          const {logAccess, publicAccess, users} = await json('-c cert -s')
          assert.deepEqual([logAccess, publicAccess, users], [false, false, [accounts.json('bob')]])
        })
      }

      it('changes nothing even with public access', async (t) => {
        if (needsUsers(t)) return
        await world().setPublicAccess(session, true)
        for (const args of [`--grant ${nobody}`, '--public-access false']) {
          const {error, status} = await errorOf(`--path ${session} ${args}`, 'carol')
          assert.deepEqual([status, error.code], [5, 'access-denied'])
        }

        const {publicAccess, users} = await json('-c cert -s')
        assert.deepEqual([publicAccess, users], [true, []])
      })
    })

    describe('sessions that cannot be selected', () => {
      for (const args of ['--show', `--grant ${nobody}`, `--revoke ${nobody} --dry-run`]) {
        it(`reports a stale session: ${args}`, async () => {
          await world().killBackend(session)
          const {error, status} = await errorOf(`-c cert ${args}`)
          assert.deepEqual([status, error.code], [4, 'session-stale'])
          assert.match(error.message, new RegExp(String.raw`^cert \(${short(session)}\): its backend process is gone`))
          assert.deepEqual(await world().sessions(), [])
        })
      }

      for (const selector of ['--config nope', '--interface tun77', `--path ${noSession}`, '--path 00000000']) {
        it(`reports a missing session without delay: ${selector}`, async () => {
          const {error, status, time} = await errorOf(`${selector} --show`)
          assert.deepEqual([status, error.code], [4, 'session-not-found'])
          // waiting for a manager that is starting takes 5 s
          assert.ok(time < 10_000, `${time} ms`)
          untouched = true
        })
      }

      it('lists the sessions of an ambiguous name', async () => {
        await world().startSession('alice', 'cert', {fresh: true, until: 'new'})
        const {error, status} = await errorOf('-c cert --public-access true')
        assert.deepEqual([status, error.code, error.candidates?.length], [4, 'session-ambiguous', 2])
      })
    })

    it('finds a session by its interface', async () => {
      await world().reset()
      session = await world().startSession('alice', 'cert')
      const restart = ['session-manage', '-c', 'cert', '--restart', '--timeout', '8']
      const device = / on (\S+), address/.exec((await ovpn3(world(), 'alice', restart)).stdout)?.[1]
      expectOutput(await acl(`--interface ${device} --show`), list([]))
      assert.equal((await json(`-I ${device} -s`)).path, session)
    })
  })
}
