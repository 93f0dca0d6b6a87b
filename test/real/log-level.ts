import assert from 'node:assert/strict'
import {after, afterEach, describe, it} from 'node:test'

import type {World} from '../support/world'

import {Stage} from '../contract/service-stage'
import {reference} from './reference'

/** What changes what a backend logs: the override of the profile, which docs/session-manage.md names. */
export function logLevelTests(title: string, world: () => World): void {
  describe(`the log level of a profile on ${title}`, () => {
    const stage = new Stage(world)
    const override = (...args: readonly string[]) =>
      reference(world(), 'alice', ['config-manage', '--config', 'cert', ...args])

    afterEach(async () => {
      await override('--unset-override', 'log-level')
      await stage.reset()
    })
    after(() => stage.close())

    it('is that of its next session, and of what the backend logs', async () => {
      const lines: number[] = []
      for (const level of [2, 3, 6]) {
        assert.equal((await override('--log-level', String(level))).status, 0)
        const session = await stage.begin('alice', 'cert', {until: 'new'})
        await stage.alice.call(session, 'LogForward', 'b', true)
        await stage.alice.call(session, 'Connect')
        await stage.alice.reaches(session, 7)
        assert.equal(await stage.alice.get(session, 'log_verbosity'), level)
        lines.push(stage.alice.signals('Log', session).length)
      }

      const [few = 0, some = 0, many = 0] = lines
      assert.ok(few < some && some < many, String(lines))
    })
  })
}
