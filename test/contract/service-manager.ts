import assert from 'node:assert/strict'
import {it} from 'node:test'

import {until} from '../support/cli'
import {
  type Expected,
  MANAGER,
  NO_PROFILE,
  NO_SESSION,
  noObject,
  refused,
  rejects,
  SESSIONS,
  type Stage,
} from './service-stage'

/** The manager object, and how it serves many calls. */
export function managerFacts(stage: Stage): void {
  it('tells its version to everybody', async (t) => {
    if (stage.alone(t)) return
    await stage.reset()
    await stage.bob.sessions()
    assert.deepEqual(await stage.bob.typed(MANAGER, 'version'), {signature: 's', value: `v${stage.world.version}`})
  })

  it('a session is found by its interface', async () => {
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

  it('started by the first call, it does not know itself yet; soon after it does', async () => {
    await stage.begin('alice', 'cert', {until: 'new'})
    await stage.world.coldStart()
    await rejects(stage.alice.call(MANAGER, 'FetchAvailableSessions'), noObjectYet)
    await until(
      'it is there',
      async () => {
        try {
          await stage.alice.call(MANAGER, 'FetchAvailableSessions')
          return true
        } catch (error) {
          assert.equal((error as Expected).text, noObjectYet.text)
          return false
        }
      },
      2000,
    )
    assert.deepEqual(await stage.world.sessions(), [])
  })

  it('started by a call to a session, it answers that there is no such object', async () => {
    await stage.reset()
    await stage.world.coldStart()
    await rejects(stage.alice.status(NO_SESSION), noObject(NO_SESSION))
  })

  it('NewTunnel with a profile that does not exist answers a path', async () => {
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

  it('a second session of one profile: 27.1 refuses, 24.1 makes it', async () => {
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

  it('NewTunnel with the path of a private profile of another user makes a session all the same', async (t) => {
    if (stage.alone(t)) return
    const {alice, bob} = stage
    const session = await stage.begin('alice', 'cert', {until: 'new'})
    const profile = await alice.get(session, 'config_path')
    const path = await bob.manager<string>('NewTunnel', 'o', profile)
    assert.deepEqual(await bob.sessions(), [path])
    assert.equal(await bob.get(path, 'owner'), stage.world.uid('bob'))
    assert.equal(await bob.get(path, 'config_name'), 'cert')
    await bob.call(path, 'Connect')
    await bob.reaches(path, 7)
  })

  it('answers the calls of a connection in the order they were sent', async () => {
    const session = await stage.begin('alice', 'cert')
    const order: number[] = []
    const properties = 'org.freedesktop.DBus.Properties'
    const calls = [
      [session, properties, 'Get', 'ss', [SESSIONS, 'status']],
      [MANAGER, SESSIONS, 'FetchAvailableSessions', '', []],
      [session, SESSIONS, 'Pause', 's', ['']],
      [session, properties, 'Get', 'ss', [SESSIONS, 'status']],
      [session, properties, 'GetAll', 's', [SESSIONS]],
      [MANAGER, SESSIONS, 'LookupConfigName', 's', ['cert']],
      [session, properties, 'Get', 'ss', [SESSIONS, 'status']],
    ] as const
    const answers = await Promise.all(
      calls.map(async ([path, face, member, signature, body], index) => {
        const answer = await stage.alice.send(SESSIONS, path, face, member, signature, body)
        order.push(index)
        return answer
      }),
    )
    assert.deepEqual(order, [0, 1, 2, 3, 4, 5, 6])
    assert.deepEqual(answers[0], [{signature: '(uus)', value: [2, 7, '']}])
    assert.deepEqual(answers[3], [{signature: '(uus)', value: [2, 14, '']}])
  })
}

const noObjectYet = {
  type: 'org.freedesktop.DBus.Error.UnknownMethod',
  text: `Object does not exist at path “${MANAGER}”`,
}
