import assert from 'node:assert/strict'
import {afterEach, describe, it} from 'node:test'

import type {World} from '../support/world'

/** Tests that the lab behaves as the suites expect. */
export function labTests(title: string, world: () => World): void {
  describe(`lab ${title}`, () => {
    afterEach(() => world().reset())

    it('carries traffic until the backend is killed', async () => {
      const session = await world().startSession('alice', 'cert')
      assert.deepEqual(await world().sessions(), [session])
      assert.equal(await world().carriesTraffic(session), true)
      await world().killBackend(session)
      assert.equal(await world().carriesTraffic(session), false)
      assert.deepEqual(await world().sessions(), [session], 'a stale session stays until it is accessed')
      await world().reset()
      assert.deepEqual(await world().sessions(), [])
    })

    it('connects sessions that require input', async () => {
      for (const profile of ['chal', 'key', 'pass'] as const) {
        const session = await world().startSession('bob', profile)
        assert.equal(await world().carriesTraffic(session), true, profile)
      }
    })

    it('connects after web authentication is granted', async () => {
      await world().grantWebAuthentication(true)
      await world().startSession('alice', 'web')
    })

    it('refuses a wrong password', async () => {
      const input = ['vpnuser', 'wrong']
      await assert.rejects(world().startSession('alice', 'pass', {input}), /does not connect: 2,11/)
    })

    it('runs two sessions with the same name for each of two users', async () => {
      const starts = (['alice', 'carol'] as const).flatMap((user) => [
        world().startSession(user, 'cert', {until: 'new'}),
        world().startSession(user, 'cert', {until: 'new', fresh: true}),
      ])
      const paths = await Promise.all(starts)
      assert.deepEqual((await world().sessions()).sort(), paths.sort())
    })

    it('removes a session with a hung backend', async () => {
      const session = await world().startSession('root', 'dead', {until: 'started'})
      await world().setPublicAccess(session, true)
      await world().grant(session, 'carol')
      await world().stopBackend(session)
      const start = Date.now()
      await world().reset()
      assert.ok(Date.now() - start < 5000)
      assert.deepEqual(await world().sessions(), [])
    })

    it('starts the session manager again after a cold start', async () => {
      await world().startSession('alice', 'cert')
      await world().coldStart()
      assert.deepEqual(await world().sessions(), [])
      const session = await world().startSession('alice', 'cert')
      assert.equal(await world().carriesTraffic(session), true)
    })
  })
}
