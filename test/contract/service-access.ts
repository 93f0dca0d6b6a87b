import assert from 'node:assert/strict'
import {it} from 'node:test'

import {DENIED, METHOD_DENIED, refused, rejects, type Stage} from './service-stage'

const ADMINISTRATION = ['public_access', 'restrict_log_access'] as const

/** Every method of a session, with arguments. */
const METHODS: readonly [string, string?, ...unknown[]][] = [
  ['Ready'],
  ['Connect'],
  ['Pause', 's', 'x'],
  ['Resume'],
  ['Restart'],
  ['LogForward', 'b', true],
  ['AccessGrant', 'u', 1],
  ['AccessRevoke', 'u', 1],
  ['UserInputQueueGetTypeGroup'],
  ['UserInputQueueCheck', 'uu', 1, 1],
  ['UserInputQueueFetch', 'uuu', 1, 1, 0],
  ['UserInputProvide', 'uuus', 1, 1, 0, 'x'],
  ['Disconnect'],
]

/** Who can see a session, and who may do what with it. */
export function accessFacts(stage: Stage): void {
  it('lists a private session only to its owner, not to root', async (t) => {
    if (stage.alone(t)) return
    const session = await stage.borrow('alice', 'cert', {until: 'new'})
    for (const [user, listed] of [
      ['alice', [session]],
      ['bob', []],
      ['root', []],
    ] as const) {
      assert.deepEqual(await stage.as(user).sessions(), listed, user)
      assert.deepEqual(await stage.as(user).manager('LookupConfigName', 's', 'cert'), listed, user)
    }
  })

  it('lists a public session to every user', async (t) => {
    if (stage.alone(t)) return
    const session = await stage.borrow('alice', 'cert', {until: 'new'})
    await stage.world.setPublicAccess(session, true)
    for (const user of ['alice', 'bob', 'root'] as const) {
      assert.deepEqual(await stage.as(user).sessions(), [session], user)
      assert.deepEqual(await stage.as(user).manager('LookupConfigName', 's', 'cert'), [session], user)
    }

    await stage.world.setPublicAccess(session, false)
  })

  it('lists a session to a granted user until the grant is revoked', async (t) => {
    if (stage.alone(t)) return
    const session = await stage.borrow('alice', 'cert', {until: 'new'})
    await stage.alice.call(session, 'AccessGrant', 'u', stage.world.uid('bob'))
    assert.deepEqual(await stage.alice.get(session, 'acl'), [stage.world.uid('bob')])
    assert.deepEqual(await stage.bob.sessions(), [session])
    assert.deepEqual(await stage.bob.manager('LookupConfigName', 's', 'cert'), [session])
    await stage.alice.call(session, 'AccessRevoke', 'u', stage.world.uid('bob'))
    assert.deepEqual(await stage.alice.get(session, 'acl'), [])
    assert.deepEqual(await stage.bob.sessions(), [])
    assert.deepEqual(await stage.bob.manager('LookupConfigName', 's', 'cert'), [])
  })

  it('denies a stranger every property, and GetAll returns none', async (t) => {
    if (stage.alone(t)) return
    const session = await stage.borrow('alice', 'cert', {until: 'new'})
    for (const property of ['status', 'owner', 'acl', 'config_name', 'session_created', 'public_access']) {
      await rejects(stage.bob.get(session, property), DENIED, property)
    }

    assert.deepEqual(await stage.bob.getAll(session), {})
    assert.equal((await stage.alice.status(session))[1], 2)
  })

  it('denies a stranger every method and change of a property', async (t) => {
    if (stage.alone(t)) return
    const session = await stage.borrow('alice', 'cert', {until: 'new'})
    for (const property of [...ADMINISTRATION, 'dco']) {
      await rejects(stage.bob.set(session, property, 'b', true), DENIED, property)
    }

    await rejects(stage.bob.set(session, 'log_verbosity', 'u', 5), DENIED)
    for (const method of METHODS) await rejects(stage.bob.call(session, ...method), METHOD_DENIED, method[0])
    assert.deepEqual(await stage.alice.sessions(), [session])
  })

  it('lets root read any session, and nothing else', async (t) => {
    if (stage.alone(t)) return
    const session = await stage.borrow('alice', 'cert', {until: 'new'})
    assert.equal((await stage.root.status(session))[1], 2)
    assert.equal(await stage.root.get(session, 'owner'), stage.world.uid('alice'))
    assert.equal(Object.keys(await stage.root.getAll(session)).length > 12, true)
    for (const method of METHODS) await rejects(stage.root.call(session, ...method), METHOD_DENIED, method[0])
    for (const property of ADMINISTRATION) await rejects(stage.root.set(session, property, 'b', true), DENIED)
    await rejects(stage.root.set(session, 'log_verbosity', 'u', 5), DENIED)
  })

  it('denies a granted user changes of access', async (t) => {
    if (stage.alone(t)) return
    const session = await stage.borrow('alice', 'cert', {until: 'new'})
    await stage.world.grant(session, 'bob')
    for (const property of ADMINISTRATION) await rejects(stage.bob.set(session, property, 'b', true), DENIED)
    await rejects(stage.bob.call(session, 'AccessGrant', 'u', stage.world.uid('carol')), METHOD_DENIED)
    await rejects(stage.bob.call(session, 'AccessRevoke', 'u', stage.world.uid('bob')), METHOD_DENIED)
    await stage.alice.call(session, 'AccessRevoke', 'u', stage.world.uid('bob'))
  })

  it('lets root call methods of a public session, like any stranger', async (t) => {
    if (stage.alone(t)) return
    const session = await stage.borrow('alice', 'cert', {until: 'new'})
    await stage.world.setPublicAccess(session, true)
    await stage.root.call(session, 'Ready')
    await rejects(stage.root.set(session, 'log_verbosity', 'u', 5), DENIED)
    await stage.world.setPublicAccess(session, false)
  })

  it('refuses a duplicate grant, and a revocation without a grant', async () => {
    const session = await stage.borrow('alice', 'cert', {until: 'new'})
    const bob = stage.world.uid('bob')
    await rejects(stage.alice.call(session, 'AccessRevoke', 'u', bob), refused('UID not granted access'))
    await stage.alice.call(session, 'AccessGrant', 'u', bob)
    await rejects(stage.alice.call(session, 'AccessGrant', 'u', bob), refused('UID already granted access'))
    await stage.alice.call(session, 'AccessRevoke', 'u', bob)
    await rejects(stage.alice.call(session, 'AccessRevoke', 'u', bob), refused('UID not granted access'))
  })

  it('does not list the owner among the granted users', async () => {
    const session = await stage.borrow('alice', 'cert', {until: 'new'})
    const alice = stage.world.uid('alice')
    assert.deepEqual(await stage.alice.get(session, 'acl'), [])
    await rejects(stage.alice.call(session, 'AccessRevoke', 'u', alice), refused('UID not granted access'))
    assert.equal(await stage.alice.get(session, 'owner'), alice)
  })

  it('accepts a grant to a user who does not exist', async () => {
    const session = await stage.borrow('alice', 'cert', {until: 'new'})
    await stage.alice.call(session, 'AccessGrant', 'u', 4_000_000)
    assert.deepEqual(await stage.alice.get(session, 'acl'), [4_000_000])
    await stage.alice.call(session, 'AccessRevoke', 'u', 4_000_000)
  })

  it('lets a granted user read, pause, resume, restart, set the log level and disconnect', async (t) => {
    if (stage.alone(t)) return
    const session = await stage.begin('alice', 'cert')
    await stage.world.grant(session, 'bob')
    assert.equal(await stage.bob.get(session, 'owner'), stage.world.uid('alice'))
    await stage.bob.set(session, 'log_verbosity', 'u', 5)
    assert.equal(await stage.alice.get(session, 'log_verbosity'), 5)
    await stage.bob.call(session, 'Pause', 's', '')
    await stage.bob.reaches(session, 14)
    await stage.bob.call(session, 'Resume')
    await stage.bob.reaches(session, 7)
    await stage.bob.call(session, 'Restart')
    await stage.bob.reaches(session, 7)
    await stage.bob.call(session, 'Disconnect')
    assert.deepEqual(await stage.alice.sessions(), [])
  })

  it('lets a stranger call methods of a public session, but not read or set properties', async (t) => {
    if (stage.alone(t)) return
    const session = await stage.borrow('alice', 'cert')
    await stage.alice.set(session, 'public_access', 'b', true)
    await rejects(stage.bob.status(session), DENIED)
    assert.deepEqual(await stage.bob.getAll(session), {})
    await rejects(stage.bob.set(session, 'log_verbosity', 'u', 5), DENIED)
    await rejects(stage.bob.set(session, 'public_access', 'b', false), DENIED)
    await rejects(stage.bob.call(session, 'AccessGrant', 'u', stage.world.uid('bob')), METHOD_DENIED)
    await stage.bob.call(session, 'Ready')
    await stage.bob.call(session, 'Pause', 's', '')
    await stage.alice.reaches(session, 14)
    await stage.bob.call(session, 'Resume')
    await stage.alice.reaches(session, 7)
    await stage.bob.call(session, 'Disconnect')
    assert.deepEqual(await stage.alice.sessions(), [])
  })

  it('a name finds all its sessions, in the order of their paths', async () => {
    const same = [
      await stage.begin('alice', 'cert', {until: 'new'}),
      await stage.world.startSession('alice', 'cert', {until: 'new', fresh: true}),
    ].sort()
    const other = await stage.world.startSession('alice', 'cert2', {until: 'new'})
    assert.deepEqual(await stage.alice.manager('LookupConfigName', 's', 'cert'), same)
    assert.deepEqual(await stage.alice.manager('LookupConfigName', 's', 'nope'), [])
    assert.deepEqual(await stage.alice.sessions(), [...same, other].sort())
  })
}
