import assert from 'node:assert/strict'
import {it} from 'node:test'

import {until} from '../support/cli'
import {backendRefused, noObject, rejects, type Stage, watch} from './service-stage'

const ALREADY_PAUSED = backendRefused('Connection is already paused')
const NOT_PAUSED = backendRefused('Connection is not paused')

/** Pause, Resume, Restart, Connect and Disconnect. */
export function actionFacts(stage: Stage): void {
  it('StatusChange reports every step of a pause, a resume, a restart and a disconnect', async () => {
    const session = await stage.begin('alice', 'cert')
    await stage.alice.call(session, 'LogForward', 'b', true)
    const steps = async (method: string, last: number) => {
      stage.alice.forget()
      await (method === 'Pause'
        ? stage.alice.call(session, 'Pause', 's', 'a reason')
        : stage.alice.call(session, method))
      await until(`${method} is done`, () => stage.alice.statuses(session).some(([, minor]) => minor === last))
      return stage.alice.statuses(session)
    }

    assert.deepEqual(await steps('Pause', 14), [
      [2, 13, 'Reason: a reason'],
      [2, 14, ''],
    ])
    assert.deepEqual(await steps('Resume', 7), [
      [2, 15, ''],
      [2, 12, ''],
      [2, 7, ''],
    ])
    assert.deepEqual(await steps('Restart', 7), [
      [2, 12, ''],
      [2, 12, ''],
      [2, 7, ''],
    ])
    assert.deepEqual(await steps('Disconnect', 16), [
      [2, 8, ''],
      [2, 9, ''],
      [2, 16, ''],
    ])
  })

  it('Connect connects a new session', async () => {
    const session = await stage.begin('alice', 'cert', {until: 'new'})
    assert.deepEqual(await stage.alice.get(session, 'statistics'), {})
    await stage.alice.call(session, 'Ready')
    await stage.alice.call(session, 'LogForward', 'b', true)
    await stage.alice.call(session, 'Connect')
    await stage.alice.reaches(session, 7)
    const path = await stage.alice.get(session, 'config_path')
    await until('every signal arrived', () => stage.alice.statuses(session).some(([, minor]) => minor === 7))
    assert.deepEqual(stage.alice.statuses(session), [
      [2, 2, `config_path=${String(path)}`],
      [2, 6, ''],
      [2, 6, ''],
      [2, 7, ''],
    ])
  })

  it('Restart leaves a session that never started at reconnecting; Connect connects it', async () => {
    const session = await stage.begin('alice', 'cert', {until: 'new'})
    await stage.alice.call(session, 'Restart')
    await watch(1500, async () => assert.deepEqual(await stage.alice.status(session), [2, 12, '']))
    assert.deepEqual(await stage.alice.get(session, 'statistics'), {})
    await stage.alice.call(session, 'Connect')
    await stage.alice.reaches(session, 7)
  })

  it('a session whose server never answers can be paused, resumed and disconnected', async () => {
    const session = await stage.begin('alice', 'dead', {until: 'started'})
    await stage.alice.reaches(session, 6)
    await stage.alice.call(session, 'Pause', 's', '')
    await stage.alice.reaches(session, 14)
    await stage.alice.call(session, 'Resume')
    const after = await stage.alice.status(session)
    assert.ok([6, 12, 15].includes(after[1]), String(after))
    await stage.alice.call(session, 'Disconnect')
    assert.deepEqual(await stage.alice.sessions(), [])
  })

  it('Pause stops the traffic, Resume restores it, and the device stays', async () => {
    const {world, alice} = stage
    const session = await stage.borrow('alice', 'cert')
    const device = await alice.get(session, 'device_name')
    assert.equal(await world.carriesTraffic(session), true)
    await alice.call(session, 'Pause', 's', 'a reason')
    assert.deepEqual(await alice.status(session), [2, 14, ''])
    assert.equal(await world.carriesTraffic(session), false)
    assert.equal(await alice.get(session, 'device_name'), device)
    await alice.call(session, 'Resume')
    await alice.reaches(session, 7)
    assert.equal(await world.carriesTraffic(session), true)
    assert.equal(await alice.get(session, 'device_name'), device)
  })

  it('a second Pause of a paused session is refused, and Resume still works', async () => {
    const session = await stage.borrow('alice', 'cert')
    await stage.alice.call(session, 'Pause', 's', '')
    await rejects(stage.alice.call(session, 'Pause', 's', ''), ALREADY_PAUSED)
    await stage.alice.call(session, 'Resume')
    await stage.alice.reaches(session, 7)
  })

  it('Resume of a session that is not paused is refused', async () => {
    const session = await stage.borrow('alice', 'cert')
    await rejects(stage.alice.call(session, 'Resume'), NOT_PAUSED)
    assert.equal((await stage.alice.status(session))[1], 7)
  })

  it('Restart reconnects', async () => {
    const session = await stage.borrow('alice', 'cert')
    await stage.alice.call(session, 'Restart')
    await stage.alice.reaches(session, 7)
    assert.equal(await stage.world.carriesTraffic(session), true)
  })

  it('Restart connects a paused session', async () => {
    const session = await stage.borrow('alice', 'cert')
    await stage.alice.call(session, 'Pause', 's', '')
    await stage.alice.call(session, 'Restart')
    await stage.alice.reaches(session, 7)
    await rejects(stage.alice.call(session, 'Resume'), NOT_PAUSED)
    assert.equal(await stage.world.carriesTraffic(session), true)
  })

  it('Connect does not change a connected session', async () => {
    const session = await stage.borrow('alice', 'cert')
    await stage.alice.call(session, 'Connect')
    await watch(500, async () => assert.equal((await stage.alice.status(session))[1], 7))
    assert.equal(await stage.world.carriesTraffic(session), true)
  })

  it('Disconnect removes the object before its reply, with the device and the traffic', async () => {
    const {world, alice} = stage
    const session = await stage.borrow('alice', 'cert')
    await alice.call(session, 'Disconnect')
    await rejects(alice.status(session), noObject(session))
    await rejects(alice.call(session, 'Disconnect'), noObject(session))
    assert.deepEqual(await alice.sessions(), [])
    assert.equal(await world.carriesTraffic(session), false)
    assert.deepEqual(await alice.manager('FetchManagedInterfaces'), [])
  })
}
