import type {ErrorJson} from '@ovpn3/sessions'

import {accessListText, type AclReport} from '@ovpn3/plugin-session-acl'
import {Variant} from 'dbus-next'
import assert from 'node:assert/strict'
import {chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {after, afterEach, before, describe, it} from 'node:test'

import {type Call, ServiceError, type Simulator, simulator} from '../../../test/simulator/simulator'
import {ovpn3, ovpn3Shared, type RunOptions, until} from '../../../test/support/cli'
import {document} from '../../../test/support/schemas'
import {skipTerminal, terminals} from '../../../test/support/terminal'
import {nowhere} from '../../../test/support/world'

const nobody = '/net/openvpn/v3/sessions/00000000s0000s0000s0000s000000000000'

const wrong: Readonly<Record<string, readonly [args: readonly string[], message: RegExp]>> = {
  'a boolean that is missing': [['-o', nobody, '--public-access'], /option --public-access requires a value/],
  'a boolean that every JavaScript object has': [
    ['-o', nobody, '--public-access', 'constructor'],
    /invalid boolean: "constructor"/,
  ],
  'a boolean twice': [['-o', nobody, '--public-access', '1', '--public-access', '0'], /only be specified once/],
  'a second user without an option': [['-o', nobody, '--grant', '0', '1'], /"1" and --path cannot be used together/],
  'a user that is root by arithmetic': [['-o', nobody, '--grant', '+0'], /no such user: "\+0"/],
  'a user without a name': [['-o', nobody, '--grant', ''], /no such user: ""/],
  'an empty boolean': [['-o', nobody, '--allow-log-access', ''], /invalid boolean: ""/],
  'an option that is none': [['-o', nobody, '--grnt', 'bob'], /unknown option: --grnt/],
  'no selector': [['--show'], /no session selected/],
  'one user twice over': [
    ['-o', nobody, '--grant', '0', '--revoke', 'root'],
    /cannot both grant and revoke access: root \(uid 0\)/,
  ],
  'two selectors': [['-o', nobody, '-c', 'x', '--show'], /cannot be used together/],
}

describe('wrong usage of session-acl', () => {
  for (const [what, [args, message]] of Object.entries(wrong)) {
    it(`${what}: exit 2, a message and a hint`, async () => {
      const run = await ovpn3Shared(nowhere, 'alice', ['session-acl', '--json', ...args])
      assert.equal(run.status, 2, run.stdout)
      const {error} = document<{error: ErrorJson}>('error', run.stdout)
      assert.equal(error.code, 'usage')
      assert.match(error.message, message)
      assert.ok(error.hint)
    })
  }
})

describe('the text of an access list', () => {
  it('contains no control characters and names what it cannot show', () => {
    const users = [{name: 'e\u001B[31mvil\u202E', uid: 7}]
    assert.equal(
      accessListText({logAccess: true, owner: {name: null, uid: 5}, publicAccess: false, users}, false),
      [
        '                    Owner: (5)  (unknown)',
        '            Public access: no',
        ' Users granted log access: yes',
        '     Users granted access: 1 user',
        '                           - (7)  evil',
      ].join('\n'),
    )
  })
})

describe('session-acl with faults', () => {
  let world: Simulator
  const acl = (args: string, options?: Parameters<typeof ovpn3>[3]) =>
    ovpn3(world, 'alice', ['session-acl', ...args.split(' ')], options)
  const errorOf = (stdout: string) => document<{error: ErrorJson}>('error', stdout).error
  const reportOf = (stdout: string) => document<AclReport>('session-acl', stdout)

  /** Intercepts the nth call of a member. */
  const onCall = (member: string, n: number, what: ReturnType<NonNullable<Parameters<Simulator['intercept']>[0]>>) => {
    let seen = 0
    world.intercept(({message}: Call) => (message.member === member && ++seen === n ? what : undefined))
  }

  before(async () => {
    world = await simulator()
  })
  afterEach(() => world.reset())
  after(() => world.close())

  it('reads only the properties that it needs, each once', async () => {
    const [session] = world.createSessions(3)
    const reads = async (args: string) => {
      world.calls.reset()
      assert.equal((await acl(args)).status, 0, args)
      return [...world.calls.byMember].map(([member, n]) => `${member} ${n}`).sort()
    }

    const list = ['Get acl 1', 'Get owner 1', 'Get public_access 1', 'Get restrict_log_access 1']
    assert.deepEqual(await reads(`-o ${session} --show`), list)
    assert.deepEqual(await reads('-c load-1 --show --json'), [...list, 'LookupConfigName 1'])
    assert.deepEqual(await reads(`-o ${session} --grant 7`), ['AccessGrant 1', 'Get config_name 1', 'Get owner 1'])
    assert.deepEqual(await reads(`-o ${session} --grant 8 --revoke 7 --show`), [
      'AccessGrant 1',
      'AccessRevoke 1',
      'Get acl 1',
      'Get config_name 1',
      'Get owner 1',
      'Get public_access 2',
      'Get restrict_log_access 1',
    ])
    assert.deepEqual(
      await reads(`-o ${session} --grant ${world.uid('alice')}`),
      ['Get config_name 1', 'Get owner 1'],
      'granting the owner is not even asked for',
    )
  })

  const refused = new ServiceError('org.freedesktop.DBus.Error.Failed', 'No \u001B[31mroom')
  const three = '--grant 7 --grant 8 --revoke 9 --public-access yes'

  it('reports done, failed and untried changes after a failure', async () => {
    const [session] = world.createSessions(1)
    onCall('AccessGrant', 2, refused)
    const run = await acl(`-o ${session} ${three} --show`)
    assert.equal(run.status, 3)
    assert.match(run.stdout, /^Granted access to \S+ \(uid 7\)\n +Owner: .*\n[^]*: 1 user\n +- \(7\) {2}\S+\n$/)
    assert.match(
      run.stderr,
      /^Error: load-1 \(\w{8}\): could not grant access to \S+ \(uid 8\): the session manager answered: No room; not attempted: revoke access from \S+ \(uid 9\), make the session accessible by everyone\n$/,
    )
  })

  it('reports the failure in the document of --json', async () => {
    const [session] = world.createSessions(1)
    onCall('AccessGrant', 2, refused)
    const run = await acl(`-o ${session} ${three} --json`)
    assert.equal(run.status, 3)
    const {changes, error, publicAccess, users} = reportOf(run.stdout)
    assert.deepEqual(
      changes.map(({action, changed, outcome}) => `${action} ${outcome} ${changed}`),
      ['grant done true', 'grant failed false', 'revoke skipped false', 'public-access skipped false'],
    )
    assert.deepEqual([changes[1]!.error?.code, error?.code], ['failed', 'some-failed'])
    assert.deepEqual([publicAccess, users!.map(({uid}) => uid)], [false, [7]])
  })

  it('fails with a plain error if nothing was changed', async () => {
    const [session] = world.createSessions(1)
    onCall('AccessGrant', 1, refused)
    const run = await acl(`-o ${session} ${three} --json`)
    assert.equal(run.status, 1)
    assert.match(errorOf(run.stdout).message, /could not grant access to \S+ \(uid 7\): .*; not attempted: /)
    assert.deepEqual((await acl(`-o ${session} --show`)).stdout.split('\n').length, 5)
  })

  it('reports access lost between two changes', async () => {
    const [session] = world.createSessions(1)
    onCall('AccessGrant', 2, new ServiceError('org.freedesktop.DBus.Error.AccessDenied', 'Access denied'))
    const run = await acl(`-o ${session} ${three}`)
    assert.equal(run.status, 3)
    assert.match(run.stdout, /^Granted access to \S+ \(uid 7\)\n$/)
    assert.match(run.stderr, /could not grant .*: only the owner, \S+ \(uid \d+\), can change access; not attempted/)
  })

  it('names an owner and a user without an account by uid, once', async () => {
    const [session] = world.createSessions(1)
    world.breakProperty(session!, 'owner', new Variant('u', 3_999_999_999))
    onCall('AccessGrant', 1, new ServiceError('org.freedesktop.DBus.Error.AccessDenied', 'Access denied'))
    const run = await acl(`-o ${session} --grant 3999999998`)
    assert.equal(run.status, 5)
    assert.match(
      run.stderr,
      / of uid 3999999999: could not grant access to uid 3999999998: only the owner, uid 3999999999, can change access\nAsk uid 3999999999 to change it\n$/,
    )
  })

  it('reports done changes and unknown outcomes if the session manager exits', async () => {
    const [session] = world.createSessions(1)
    onCall('AccessGrant', 2, 'crash')
    const run = await acl(`-o ${session} ${three} --json`)
    assert.equal(run.status, 3)
    const {changes, error, users} = reportOf(run.stdout)
    assert.equal(users, null)
    assert.deepEqual(
      changes.map(({outcome}) => outcome),
      ['done', 'failed', 'skipped', 'skipped'],
    )
    assert.equal(changes[1]!.error?.code, 'service-unavailable')
    assert.match(error!.message, /exited before it answered; it may still have taken effect; not attempted: /)
  })

  it('reports a session manager that exits at the first change', async () => {
    const [session] = world.createSessions(1)
    onCall('AccessGrant', 1, 'crash')
    const run = await acl(`-o ${session} ${three} --json`)
    assert.equal(run.status, 6)
    assert.equal(errorOf(run.stdout).code, 'service-unavailable')
  })

  it('reports a session that disappears between two changes', async () => {
    const [session] = world.createSessions(1)
    let grants = 0
    world.intercept(({message}) => {
      if (message.member === 'AccessGrant' && ++grants === 2) void world.killBackend(session!)
    })
    const run = await acl(`-o ${session} ${three} --show`)
    assert.equal(run.status, 3)
    assert.match(run.stdout, /^Granted access to \S+ \(uid 7\)\n$/)
    assert.match(run.stderr, /could not grant access to \S+ \(uid 8\): its backend process is gone/)
  })

  it('reports a list that cannot be read after the changes', async () => {
    const [session] = world.createSessions(1)
    world.failProperty(session!, 'acl')
    const run = await acl(`-o ${session} --grant 7 --show`)
    assert.equal(run.status, 3)
    assert.match(run.stdout, /^Granted access to \S+ \(uid 7\)\n$/)
    assert.match(run.stderr, /^Error: load-1 \(\w{8}\): .*Property not available\n$/)
    const json = await acl(`-o ${session} --grant 8 --json`)
    assert.equal(json.status, 3)
    const {changes, error, publicAccess, users} = reportOf(json.stdout)
    assert.deepEqual([changes[0]!.changed, error!.code, publicAccess, users], [true, 'some-failed', false, null])
    const show = await acl(`-o ${session} --show --json`)
    assert.equal(show.status, 1)
    assert.equal(errorOf(show.stdout).code, 'failed')
  })

  it('makes the changes even if the owner cannot be read', async () => {
    const [session] = world.createSessions(1)
    world.failProperty(session!, 'owner')
    assert.equal((await acl(`-o ${session} --grant 7`)).status, 0)
    assert.equal((await acl(`-o ${session} --show`)).status, 1)
  })

  it('names a session with a hung backend, then reports it gone', async () => {
    const [session] = world.createSessions(1)
    await world.stopBackend(session!)
    const run = await acl('-c load-1 --grant 7', {
      async during(_, output) {
        await until('it is named', () => output().includes('Waiting for session'))
        await world.killBackend(session!)
      },
    })
    assert.equal(run.status, 4)
    assert.match(run.stderr, /^Waiting for session \w{8}: [^]*Error: load-1 \(\w{8}\): its backend process is gone/)
  })

  it('Ctrl-C ends it after the finished changes are printed', async () => {
    const [session] = world.createSessions(1)
    onCall('AccessGrant', 2, 'ignore')
    const run = await acl(`-o ${session} ${three}`, {
      async during(child, output) {
        await until('the first is done', () => output().includes('Granted'))
        child.kill('SIGINT')
      },
    })
    assert.equal(run.status, 130)
    assert.match(run.stdout, /^Granted access to \S+ \(uid 7\)\n$/)
    assert.match(run.stderr, /interrupted/)
  })

  it('Ctrl-C with --json reports done, unknown and untried changes', async () => {
    const [session] = world.createSessions(1)
    onCall('AccessGrant', 2, 'ignore')
    const run = await acl(`-o ${session} ${three} --json`, {
      async during(child) {
        await until('it is at the second', () => (world.calls.byMember.get('AccessGrant') ?? 0) === 2)
        child.kill('SIGINT')
      },
    })
    assert.equal(run.status, 130)
    const {changes, error, users} = reportOf(run.stdout)
    assert.deepEqual(
      changes.map(({outcome}) => outcome),
      ['done', 'failed', 'skipped', 'skipped'],
    )
    assert.equal(users, null, 'nobody waits for the list')
    assert.match(
      error!.message,
      /interrupted before there was an answer: it may still have taken effect; not attempted: /,
    )
  })

  it('completes the changes even if the reader of its output has exited', async () => {
    const [session] = world.createSessions(1)
    const run = await acl(`-o ${session} --grant 7 --grant 8`, {during: (child) => void child.stdout!.destroy()})
    assert.ok(run.status === 0 || run.signal === 'SIGPIPE' || run.status === 141, `${run.status} ${run.stderr}`)
    assert.doesNotMatch(run.stderr, /at .*\.js/)
  })
})

describe('the lookup of users', () => {
  let world: Simulator
  let folder: string
  /** Runs session-acl with this script as `getent`. */
  const acl = (args: string, getent: string, during?: RunOptions['during']) => {
    writeFileSync(path.join(folder, 'getent'), `#!/bin/sh\n${getent}\n`, {mode: 0o755})
    const PATH = `${folder}:${process.env.PATH}`
    return ovpn3(world, 'alice', ['session-acl', ...args.split(' ')], {during, env: {PATH}})
  }

  before(async () => {
    world = await simulator()
    folder = mkdtempSync(path.join(tmpdir(), 'ovpn3-getent-'))
    chmodSync(folder, 0o777)
  })
  afterEach(() => world.reset())
  after(async () => {
    rmSync(folder, {recursive: true})
    await world.close()
  })

  it('distinguishes unknown users from failed lookups', async () => {
    const [session] = world.createSessions(1)
    const missing = await acl(`-o ${session} --grant nobody-here`, 'exit 2')
    assert.equal(missing.status, 2)
    assert.match(missing.stderr, /no such user: "nobody-here"/)
    const broken = await acl(`-o ${session} --grant daemon`, 'exit 3')
    assert.equal(broken.status, 1)
    assert.match(broken.stderr, /^Error: cannot look up user daemon\n/)
    // a uid needs no lookup
    const nameless = await acl(`-o ${session} --grant 7 --show`, 'exit 3')
    assert.equal(nameless.status, 0, nameless.stderr)
    assert.match(nameless.stdout, /\(7\) {2}\(unknown\)/)
  })

  it('can be interrupted without a call to the session manager', async () => {
    const [session] = world.createSessions(1)
    const begun = path.join(folder, 'begun')
    const run = await acl(`-o ${session} --grant daemon`, `: > ${begun}; sleep 1`, async (child) => {
      await until('it looks the user up', () => existsSync(begun))
      child.kill('SIGINT')
    })
    assert.deepEqual([run.status, world.calls.total], [130, 0], run.stderr)
  })
})

describe('session-acl on a terminal', {skip: skipTerminal()}, () => {
  const stage = terminals()

  it('lets the user pick a session, and reads only that one', async () => {
    stage.world.createSessions(3)
    const terminal = await stage.open()
    await terminal.type('ovpn3 session-acl --grant 7 --show', 'Enter')
    await terminal.shows(/Change access to which session\?[^]*load-1/)
    stage.world.calls.reset()
    await terminal.type('Down', 'Enter')
    const screen = await terminal.shows(/status 0/)
    assert.match(screen, /load-\d \(\w{8}\): granted access to \S+ \(uid 7\)\n +Owner: /)
    assert.equal(stage.world.calls.byMember.get('Get acl'), 1)
  })

  /** Starts a change of access with an ambiguous name, up to the prompt. */
  const ambiguous = async () => {
    const sessions = [
      await stage.world.startSession('alice', 'cert'),
      await stage.world.startSession('alice', 'cert', {fresh: true}),
    ]
    const terminal = await stage.open()
    await terminal.type('ovpn3 session-acl --public-access true --config cert', 'Enter')
    await terminal.shows(/Change access to which session\?/)
    return {sessions, terminal}
  }

  it('lets the user pick if a name is ambiguous, and Ctrl-C changes nothing', async () => {
    const {sessions, terminal} = await ambiguous()
    await terminal.type('C-c')
    await terminal.shows(/interrupted[^]*status 130/)
    for (const session of sessions) {
      const {stdout} = await ovpn3(stage.world, 'alice', ['session-acl', '-o', session, '--show', '--json'])
      assert.equal(document<AclReport>('session-acl', stdout).publicAccess, false)
    }

    assert.equal(await terminal.cursorIsVisible(), true)
  })

  it('reads the session again after a slow choice', async () => {
    const {sessions, terminal} = await ambiguous()
    for (const session of sessions) await stage.world.setPublicAccess(session, true)
    await terminal.type('Enter')
    await terminal.shows(/cert \(\w{8}\): session is already accessible by everyone[^]*status 0/)
  })

  it('never prompts with --json', async () => {
    stage.world.createSessions(2)
    const terminal = await stage.open()
    await terminal.type('ovpn3 session-acl --show --json', 'Enter')
    await terminal.shows(/"no session selected[^]*status 2/)
  })

  it('dims unchanged users, unless colours are off', async () => {
    const [session] = stage.world.createSessions(1)
    for (const [env, pattern] of [
      // eslint-disable-next-line no-control-regex
      [{}, /\u001B\[2m[^\n]*owns the session and has access/],
      // eslint-disable-next-line no-control-regex
      [{NO_COLOR: '1'}, /^[^\u001B\n]*owns the session and has access/m],
    ] as const) {
      const terminal = await stage.open({env})
      await terminal.type(`ovpn3 session-acl --grant ${stage.world.uid('alice')} -o ${session}`, 'Enter')
      await terminal.shows(/status 0/)
      assert.match(await terminal.screen({escapes: true}), pattern)
    }
  })
})
