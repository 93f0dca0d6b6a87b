import assert from 'node:assert/strict'
import {it} from 'node:test'

import {until} from '../support/cli'
import {type Expected, failed, MANAGER, noObject, refused, rejects, SESSIONS, type Stage} from './service-stage'

const NO_ANSWER = 'Backend VPN process did not respond'

/** Sessions whose backend is gone, or does not answer. */
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

  it('it stays until somebody looks at it: lists, names and introspection do not', async () => {
    const session = await stale()
    assert.deepEqual(await stage.alice.sessions(), [session])
    assert.deepEqual(await stage.alice.manager('LookupConfigName', 's', 'cert'), [session])
    await stage.alice.introspect(session)
    await stage.alice.introspect(MANAGER)
    assert.deepEqual(await stage.alice.sessions(), [session])
    assert.equal(stage.alice.events(session).length, 1)
  })

  it('the first read fails and removes it, and everybody is told', async () => {
    const session = await stale()
    await rejects(stage.alice.status(session), failed(NO_ANSWER))
    await rejects(stage.alice.status(session), noObject(session))
    assert.deepEqual(await stage.alice.sessions(), [])
    await destroyed(session)
  })

  for (const method of ['Disconnect', 'Resume']) {
    it(`${method} fails and removes it`, async () => {
      const session = await stale()
      await rejects(stage.alice.call(session, method), refused(NO_ANSWER))
      await rejects(stage.alice.call(session, method), noObject(session))
      await destroyed(session)
    })
  }

  it('setting a property fails and removes it', async () => {
    const session = await stale()
    await rejects(stage.alice.set(session, 'log_verbosity', 'u', 4), failed(NO_ANSWER))
    assert.deepEqual(await stage.alice.sessions(), [])
  })

  it('GetAll answers nothing, successfully, and removes it', async () => {
    const session = await stale()
    assert.deepEqual(await stage.alice.getAll(session), {})
    await rejects(stage.alice.getAll(session), noObject(session))
    await destroyed(session)
  })

  it('of several reads sent at once the first gets the error, even of what needs no backend; the others find nothing', async () => {
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

  it('a stranger who looks removes it, although access would be denied', async (t) => {
    if (stage.alone(t)) return
    const session = await stale()
    await rejects(stage.bob.status(session), failed(NO_ANSWER))
    assert.deepEqual(await stage.alice.sessions(), [])
    await destroyed(session)
  })

  it('a stranger who calls a method removes it', async (t) => {
    if (stage.alone(t)) return
    const session = await stale()
    await rejects(stage.bob.call(session, 'Pause', 's', ''), refused(NO_ANSWER))
    assert.deepEqual(await stage.alice.sessions(), [])
  })

  it('looking for an interface: 27.1 passes over it, 24.1 ends, all sessions lost', async () => {
    const {alice, world} = stage
    const session = await stale()
    const other = await stage.begin('alice', 'cert2')
    if (world.version === '24.1') {
      await assert.rejects(alice.call(MANAGER, 'FetchManagedInterfaces'), {
        type: 'org.freedesktop.DBus.Error.NoReply',
      })
      await until('the manager has gone', async () => !(await alice.hasOwner(SESSIONS)))
      assert.deepEqual(await alice.sessions(), [])
      return
    }

    const device = await alice.get<string>(other, 'device_name')
    assert.deepEqual((await alice.manager<string[]>('FetchManagedInterfaces')).sort(), ['', device].sort())
    assert.equal(await alice.manager('LookupInterface', 's', device), other)
    assert.deepEqual(await alice.sessions(), [session, other].sort())
  })

  it('a hung one: whoever looks waits 10 s, everybody else meanwhile; then it is removed', async (t) => {
    if (stage.alone(t)) return
    const {alice, bob, carol, world} = stage
    await alice.listen()
    await carol.sessions()
    const session = await stage.begin('alice', 'cert')
    const other = await world.startSession('bob', 'cert')
    await world.grant(other, 'carol')
    await bob.status(other)
    await world.stopBackend(session)
    const start = Date.now()
    const seconds = (call: Promise<unknown>) => call.then(() => (Date.now() - start) / 1000)
    const looking = seconds(rejects(alice.status(session), failed(NO_ANSWER)))
    // its answer from the bus means that the call before it has been sent
    await alice.hasOwner(SESSIONS)
    const [looked, read, listed, outcomes] = await Promise.all([
      looking,
      seconds(bob.status(other)),
      seconds(bob.sessions()),
      outcomesOf(300, () => carol.get(other, 'owner')),
    ])
    for (const waited of [looked, read, listed]) assert.ok(waited > 9 && waited < 13, `${waited} s`)
    assert.deepEqual(outcomes, [
      ...Array.from({length: 128}, () => 'answered'),
      ...Array.from({length: 172}, () => LIMIT),
    ])
    await rejects(alice.status(session), noObject(session))
    assert.deepEqual(await alice.sessions(), [])
    await destroyed(session)
  })
}

/** A connection may wait for 128 answers; the bus refuses what is beyond. */
const LIMIT =
  'org.freedesktop.DBus.Error.LimitsExceeded: The maximum number of pending replies per connection has been reached'

/** How calls end that are all sent at once. */
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
