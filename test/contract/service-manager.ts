import assert from 'node:assert/strict'
import {it} from 'node:test'

import {until} from '../support/cli'
import {type Expected, MANAGER, NO_PROFILE, noObject, refused, rejects, type Stage} from './service-stage'

/** The manager object, and how it serves many calls. */
export function managerFacts(stage: Stage): void {
  it('tells its version to everybody', async (t) => {
    if (stage.alone(t)) return
    await stage.bob.sessions()
    assert.deepEqual(await stage.bob.typed(MANAGER, 'version'), {signature: 's', value: `v${stage.world.version}`})
  })

  it('a session is found by its interface', async () => {
    const session = await stage.world.startSession('alice', 'cert')
    const device = await stage.alice.get<string>(session, 'device_name')
    assert.deepEqual(await stage.alice.manager('FetchManagedInterfaces'), [device])
    assert.equal(await stage.alice.manager('LookupInterface', 's', device), session)
    await rejects(stage.alice.manager('LookupInterface', 's', 'tun77'), refused('Interface not found'))
  })

  it('two sessions have two interfaces', async () => {
    const one = await stage.world.startSession('alice', 'cert')
    const two = await stage.world.startSession('alice', 'cert2')
    const devices = [await stage.alice.get(one, 'device_name'), await stage.alice.get(two, 'device_name')]
    assert.notEqual(devices[0], devices[1])
  })

  it('started by the first call, it does not know itself yet; soon after it does', async () => {
    await stage.world.startSession('alice', 'cert', {until: 'new'})
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

  it('a cold start by reading a session', async () => {
    const session = await stage.world.startSession('alice', 'cert', {until: 'new'})
    await stage.world.coldStart()
    await rejects(stage.alice.status(session), noObject(session))
  })

  it('NewTunnel with a profile that does not exist answers a path', async () => {
    const {alice, world} = stage
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
    const session = await world.startSession('alice', 'cert', {until: 'new'})
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

  it('NewTunnel with the profile of another user', async (t) => {
    if (stage.alone(t)) return
    const {alice, bob, world} = stage
    const session = await world.startSession('alice', 'cert', {until: 'new'})
    const profile = await alice.get(session, 'config_path')
    await alice.call(session, 'Disconnect')
    const answered = await bob.manager<string>('NewTunnel', 'o', profile)
    assert.deepEqual(await bob.sessions(), world.version === '27.1' ? [] : [answered])
  })

  it('answers the calls of a connection in the order they were sent', async () => {
    const session = await stage.world.startSession('alice', 'cert')
    const order: number[] = []
    const calls = [
      stage.alice.status(session),
      stage.alice.sessions(),
      stage.alice.get(session, 'owner'),
      stage.alice.call(session, 'Pause', 's', ''),
      stage.alice.status(session),
      stage.alice.getAll(session),
      stage.alice.manager('LookupConfigName', 's', 'cert'),
      stage.alice.status(session),
    ].map((call, index) =>
      call.then((answer) => {
        order.push(index)
        return answer
      }),
    )
    const answers = await Promise.all(calls)
    assert.deepEqual(order, [0, 1, 2, 3, 4, 5, 6, 7])
    assert.deepEqual(answers[0], [2, 7, ''])
    assert.deepEqual(answers[4], [2, 14, ''])
  })

  it('a connection may wait for 128 answers, what is beyond is refused by the bus', async () => {
    const session = await stage.world.startSession('alice', 'cert', {until: 'new'})
    const outcomes = await Promise.all(
      Array.from({length: 300}, () =>
        stage.alice.get(session, 'owner').then(
          () => 'answered',
          (error: Expected) => {
            assert.equal(error.type, 'org.freedesktop.DBus.Error.LimitsExceeded')
            assert.equal(error.text, 'The maximum number of pending replies per connection has been reached')
            return 'refused'
          },
        ),
      ),
    )
    const answered = outcomes.filter((outcome) => outcome === 'answered').length
    assert.ok(answered >= 128 && answered < 300, `${answered} answered`)
    assert.deepEqual(new Set(outcomes.slice(0, 128)), new Set(['answered']))
    assert.equal(await stage.alice.get(session, 'owner'), stage.world.uid('alice'))
  })
}

const noObjectYet = {
  type: 'org.freedesktop.DBus.Error.UnknownMethod',
  text: `Object does not exist at path “${MANAGER}”`,
}
