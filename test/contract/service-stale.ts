import assert from 'node:assert/strict'
import {it} from 'node:test'

import {until} from '../support/cli'
import {failed, MANAGER, noObject, refused, rejects, SESSIONS, type Stage} from './service-stage'

const NO_ANSWER = 'Backend VPN process did not respond'

/** Sessions whose backend is gone, or does not answer. */
export function staleFacts(stage: Stage): void {
  const stale = async (): Promise<string> => {
    await stage.alice.listen()
    const session = await stage.world.startSession('alice', 'cert')
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

  it('even what needs no backend to be known, as the owner, is not read', async () => {
    const session = await stale()
    await rejects(stage.alice.get(session, 'owner'), failed(NO_ANSWER))
    assert.deepEqual(await stage.alice.sessions(), [])
  })

  for (const method of ['Disconnect', 'Resume', 'Ready']) {
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

  it('of several reads sent at once the first gets the error, the others find nothing', async () => {
    const session = await stale()
    const errors = await Promise.all(
      ['status', 'owner', 'config_name'].map((property) =>
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
    const other = await world.startSession('alice', 'cert2')
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

  it('a hung one: 10 s for whoever looks first, and for everybody else meanwhile; then it is removed', async (t) => {
    if (stage.alone(t)) return
    const {alice, bob, world} = stage
    await alice.listen()
    const session = await world.startSession('alice', 'cert')
    const other = await world.startSession('bob', 'cert')
    await bob.status(other)
    await world.stopBackend(session)
    const start = Date.now()
    const passed = () => (Date.now() - start) / 1000
    let waited = 0
    const first = rejects(alice.status(session), failed(NO_ANSWER)).then(passed)
    await alice.hasOwner(SESSIONS)
    const [looked] = await Promise.all([
      first,
      bob.status(other).then(() => {
        waited = passed()
      }),
      bob.sessions(),
    ])
    assert.ok(looked > 9 && looked < 13, `${looked} s`)
    assert.ok(waited > 9 && waited < 13, `${waited} s`)
    await rejects(alice.status(session), noObject(session))
    assert.deepEqual(await alice.sessions(), [])
    await destroyed(session)
  })
}
