import assert from 'node:assert/strict'
import {it} from 'node:test'

import {until} from '../support/cli'
import {noSession} from '../support/world'
import {type Expected, MANAGER, NO_PROFILE, noObject, refused, rejects, type Stage} from './service-stage'

/** The manager object, and how it serves concurrent calls. */
export function managerFacts(stage: Stage): void {
  it('answers reads in the order of their calls', async () => {
    const session = await stage.borrow('alice', 'cert')
    const reads = ['status', 'owner', 'device_name', 'statistics', 'status', 'acl', 'config_name', 'status']
    const order: string[] = []
    await Promise.all(
      reads.map(async (property) => {
        await stage.alice.get(session, property)
        order.push(property)
      }),
    )
    assert.deepEqual(order, reads)
  })

  it('answers method calls in the order of their calls, whatever their objects', async () => {
    const session = await stage.borrow('alice', 'cert')
    const calls: [string, string, ...string[]][] = [
      [session, 'Ready'],
      [MANAGER, 'FetchAvailableSessions'],
      [session, 'Pause', 's', ''],
      [MANAGER, 'LookupConfigName', 's', 'cert'],
      [session, 'UserInputQueueGetTypeGroup'],
      [session, 'Resume'],
      [MANAGER, 'FetchAvailableSessions'],
    ]
    const order: string[] = []
    await Promise.all(
      calls.map(async ([path, member, ...rest]) => {
        await stage.alice.call(path, member, ...rest)
        order.push(member)
      }),
    )
    assert.deepEqual(
      order,
      calls.map(([, member]) => member),
    )
    await stage.alice.reaches(session, 7)
  })

  it('has no object yet for the call that starts it, but soon after', async () => {
    await stage.borrow('alice', 'cert')
    await stage.world.coldStart()
    await rejects(stage.alice.call(MANAGER, 'FetchAvailableSessions'), noObjectYet)
    await until('it is there', async () => {
      try {
        await stage.alice.call(MANAGER, 'FetchAvailableSessions')
        return true
      } catch (error) {
        assert.equal((error as Expected).text, noObjectYet.text)
        return false
      }
    })
    assert.deepEqual(await stage.world.sessions(), [])
  })

  it('reports an unknown object to a call to a session that starts it', async () => {
    await stage.reset()
    await stage.world.coldStart()
    await rejects(stage.alice.status(noSession), noObject(noSession))
  })

  it('reports its version to every user', async (t) => {
    if (stage.alone(t)) return
    await stage.reset()
    await stage.bob.sessions()
    assert.deepEqual(await stage.bob.typed(MANAGER, 'version'), {signature: 's', value: `v${stage.world.version}`})
  })

  it('finds a session by its interface', async () => {
    const one = await stage.begin('alice', 'cert')
    const two = await stage.world.startSession('alice', 'cert2')
    const devices = [
      await stage.alice.get<string>(one, 'device_name'),
      await stage.alice.get<string>(two, 'device_name'),
    ]
    assert.notEqual(devices[0], devices[1])
    assert.deepEqual((await stage.alice.manager<string[]>('FetchManagedInterfaces')).sort(), devices.sort())
    for (const session of [one, two]) {
      const device = await stage.alice.get(session, 'device_name')
      assert.equal(await stage.alice.manager('LookupInterface', 's', device), session)
    }

    await rejects(stage.alice.manager('LookupInterface', 's', 'tun77'), refused('Interface not found'))
  })

  it('NewTunnel returns a path even for an unknown profile', async () => {
    const {alice, world} = stage
    await stage.reset()
    await alice.listen()
    const session = await alice.manager<string>('NewTunnel', 'o', NO_PROFILE)
    if (world.version === '27.1') {
      assert.deepEqual(await alice.sessions(), [])
      await rejects(alice.status(session), noObject(session))
      assert.deepEqual(alice.events(session), [])
      return
    }

    assert.deepEqual(await alice.sessions(), [session])
    assert.deepEqual(await alice.status(session), [0, 0, ''])
    assert.equal(await alice.get(session, 'config_name'), '')
    await alice.call(session, 'Disconnect')
    assert.deepEqual(await alice.sessions(), [])
  })

  it('a second session of a profile: 27.1 refuses, 24.1 creates it', async () => {
    const {alice, world} = stage
    const session = await stage.begin('alice', 'cert', {until: 'new'})
    const profile = await alice.get(session, 'config_path')
    const second = alice.manager<string>('NewTunnel', 'o', profile)
    if (world.version === '27.1') {
      await rejects(second, refused('A session with this configuration profile is already running'))
      assert.deepEqual(await alice.sessions(), [session])
    } else {
      const path = await second
      assert.deepEqual(await alice.sessions(), [session, path].sort())
    }
  })

  it("any user who knows the path of another user's private profile can start it, running or not", async (t) => {
    if (stage.alone(t)) return
    const {alice, bob} = stage
    const session = await stage.borrow('alice', 'cert', {until: 'new'})
    const profile = await alice.get(session, 'config_path')
    const path = await bob.manager<string>('NewTunnel', 'o', profile)
    assert.deepEqual(await bob.sessions(), [path])
    assert.equal(await bob.get(path, 'owner'), stage.world.uid('bob'))
    assert.equal(await bob.get(path, 'config_name'), 'cert')
    await bob.reaches(path, 2)
    await bob.call(path, 'Connect')
    await bob.reaches(path, 7)
  })
}

const noObjectYet = {
  type: 'org.freedesktop.DBus.Error.UnknownMethod',
  text: `Object does not exist at path “${MANAGER}”`,
}
