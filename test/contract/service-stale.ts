import assert from 'node:assert/strict'
import {it} from 'node:test'

import {until} from '../support/cli'
import {type Expected, failed, MANAGER, noObject, refused, rejects, SESSIONS, type Stage} from './service-stage'

const NO_ANSWER = 'Backend VPN process did not respond'

/** Sessions whose backend is gone or hangs. */
export function staleFacts(stage: Stage): void {
  const stale = async (): Promise<string> => {
    await stage.alice.listen()
    const session = await stage.begin('alice', 'cert')
    await stage.world.killBackend(session)
    return session
  }

  const destroyed = async (session: string): Promise<void> => {
    await until('destroyed', () => stage.alice.events(session).length > 1)
    assert.deepEqual(stage.alice.events(session).at(-1), [2, stage.world.uid('alice')])
  }

  it('a stale session stays until a read, which fails and removes it; lists, names and introspection do not', async () => {
    const session = await stale()
    assert.deepEqual(await stage.alice.sessions(), [session])
    assert.deepEqual(await stage.alice.manager('LookupConfigName', 's', 'cert'), [session])
    await stage.alice.introspect(session)
    await stage.alice.introspect(MANAGER)
    assert.deepEqual(await stage.alice.sessions(), [session])
    assert.equal(stage.alice.events(session).length, 1)
    await rejects(stage.alice.status(session), failed(NO_ANSWER))
    await rejects(stage.alice.status(session), noObject(session))
    assert.deepEqual(await stage.alice.sessions(), [])
    await destroyed(session)
  })

  it('a method call on a stale session fails and removes it', async () => {
    const session = await stale()
    await rejects(stage.alice.call(session, 'Disconnect'), refused(NO_ANSWER))
    await rejects(stage.alice.call(session, 'Disconnect'), noObject(session))
    await destroyed(session)
  })

  it('GetAll returns nothing, succeeds, and removes a stale session', async () => {
    const session = await stale()
    assert.deepEqual(await stage.alice.getAll(session), {})
    await rejects(stage.alice.getAll(session), noObject(session))
    await destroyed(session)
  })

  it('of concurrent reads, the first gets the error, even for properties without a backend; the others find no session', async () => {
    const session = await stale()
    const errors = await Promise.all(
      ['owner', 'status', 'config_name'].map((property) =>
        stage.alice.get(session, property).then(
          () => assert.fail('stale'),
          (error: {text: string; type: string}) => error,
        ),
      ),
    )
    assert.equal(errors[0]!.text, NO_ANSWER)
    for (const error of errors.slice(1)) {
      assert.equal(error.type, noObject(session).type)
      assert.ok(
        [
          `No such interface “org.freedesktop.DBus.Properties” on object at path ${session}`,
          noObject(session).text,
        ].includes(error.text),
        error.text,
      )
    }
  })

  it('a read by a stranger removes a stale session instead of being denied', async (t) => {
    if (stage.alone(t)) return
    const session = await stale()
    await rejects(stage.bob.status(session), failed(NO_ANSWER))
    assert.deepEqual(await stage.alice.sessions(), [])
    await destroyed(session)
  })

  it('LookupInterface with a stale session: 27.1 skips it, 24.1 crashes and loses all sessions', async () => {
    const {alice, world} = stage
    const session = await stale()
    const other = await world.startSession('alice', 'cert2')
    if (world.version === '24.1') {
      await assert.rejects(alice.call(MANAGER, 'FetchManagedInterfaces'), {
        type: 'org.freedesktop.DBus.Error.NoReply',
      })
      await until('the manager has exited', async () => !(await alice.hasOwner(SESSIONS)))
      assert.deepEqual(await alice.sessions(), [])
      return
    }

    const device = await alice.get<string>(other, 'device_name')
    assert.deepEqual((await alice.manager<string[]>('FetchManagedInterfaces')).sort(), ['', device].sort())
    assert.equal(await alice.manager('LookupInterface', 's', device), other)
    assert.deepEqual(await alice.sessions(), [session, other].sort())
  })

  it("a hung backend delays methods after a method, and everything after a read, until the manager's timeout removes it", async (t) => {
    if (stage.alone(t)) return
    const {alice, bob, carol, root, world} = stage
    await alice.listen()
    const called = await stage.begin('alice', 'cert', {until: 'new'})
    const read = await world.startSession('alice', 'cert2', {until: 'new'})
    const other = await world.startSession('bob', 'cert', {until: 'new'})
    await world.grant(other, 'carol')
    for (const caller of [bob, carol, root]) await caller.sessions()
    await world.stopBackend(called)
    await world.stopBackend(read)
    const most = 0.9 * world.patience
    const start = Date.now()
    const seconds = (call: Promise<unknown>) => call.then(() => (Date.now() - start) / 1000)

    const calling = seconds(rejects(alice.call(called, 'Ready'), refused(NO_ANSWER)))
    // once the bus has replied, the previous call has been sent
    await alice.hasOwner(SESSIONS)
    const behindCall = [bob.call(other, 'Ready'), bob.sessions()].map((call) => seconds(call))
    await carol.status(other)
    assert.ok((Date.now() - start) / 1000 < most, 'a read does not wait for a method')

    const reading = seconds(rejects(alice.status(read), failed(NO_ANSWER)))
    await alice.hasOwner(SESSIONS)
    const behindRead = [root.status(other), root.sessions()].map((call) => seconds(call))
    const outcomes = outcomesOf(300, () => carol.get(other, 'owner'))
    await root.introspect(other)
    assert.ok((Date.now() - start) / 1000 < most, 'introspection waits for nothing')

    for (const waited of await Promise.all([calling, ...behindCall, reading, ...behindRead])) {
      assert.ok(waited > most && waited < most + world.patience, `${waited} s`)
    }

    assert.deepEqual(await outcomes, [
      ...Array.from({length: 128}, () => 'answered'),
      ...Array.from({length: 172}, () => LIMIT),
    ])
    for (const session of [called, read]) {
      await rejects(alice.status(session), noObject(session))
      await destroyed(session)
    }

    assert.deepEqual(await alice.sessions(), [])
  })
}

/** A connection may have 128 unanswered calls; the bus refuses more. */
const LIMIT =
  'org.freedesktop.DBus.Error.LimitsExceeded: The maximum number of pending replies per connection has been reached'

/** The outcomes of concurrent calls. */
function outcomesOf(count: number, call: () => Promise<unknown>): Promise<string[]> {
  return Promise.all(
    Array.from({length: count}, () =>
      call().then(
        () => 'answered',
        ({text, type}: Expected) => `${type}: ${text}`,
      ),
    ),
  )
}
