import assert from 'node:assert/strict'
import {after, afterEach, describe, it} from 'node:test'

import type {World} from '../support/world'

import {Stage} from '../contract/service-stage'
import {reference} from './reference'

const service = 'net.openvpn.v3.configuration'

/** What changes what a backend logs: the override of the profile, which docs/session-manage.md names. */
export function logLevelTests(title: string, world: () => World): void {
  describe(`the log level of a profile on ${title}`, () => {
    const stage = new Stage(world)
    /** All of the name: where a session vanishes while it is started, the lab goes on with a copy of its profile. */
    const profiles = async () => {
      const [paths] = await stage.alice.send(
        service,
        '/net/openvpn/v3/configuration',
        service,
        'LookupConfigName',
        's',
        ['cert'],
      )
      return paths as string[]
    }

    const override = async (...args: readonly string[]) => {
      const paths = await profiles()
      for (const path of paths) {
        const {status, stderr} = await reference(world(), 'alice', ['config-manage', '--path', path, ...args])
        assert.equal(status, 0, stderr)
      }

      return paths
    }

    /** A session of a profile with this level, not of a copy that was made without it. */
    const begin = async (level: number) => {
      for (let tries = 3; ; tries--) {
        const paths = await override('--log-level', String(level))
        const session = await stage.begin('alice', 'cert', {until: 'new'})
        if (paths.includes(await stage.alice.get<string>(session, 'config_path'))) return session
        assert.ok(tries > 1, 'no session of the profile itself')
        await stage.reset()
      }
    }

    afterEach(async () => {
      await stage.reset()
      await override('--unset-override', 'log-level')
    })
    after(() => stage.close())

    it('is that of its next session, and of what the backend logs', async () => {
      const lines: number[] = []
      for (const level of [2, 3, 6]) {
        const session = await begin(level)
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
