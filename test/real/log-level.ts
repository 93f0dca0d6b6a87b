import assert from 'node:assert/strict'
import {after, afterEach, describe, it} from 'node:test'

import type {World} from '../support/world'

import {Stage} from '../contract/service-stage'
import {reference} from './reference'

const service = 'net.openvpn.v3.configuration'

/** Tests the log level override of a profile, which docs/session-manage.md describes. */
export function logLevelTests(title: string, world: () => World): void {
  describe(`log level override of a profile on ${title}`, () => {
    const stage = new Stage(world)
    /**
     * All profiles with the name: if a session vanishes during its start, the lab retries with a copy of its profile.
     */
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

    /** Starts a session from a profile with this level, not from a copy without it. */
    const begin = async (level: number) => {
      for (let tries = 3; ; tries--) {
        const paths = await override('--log-level', String(level))
        const session = await stage.begin('alice', 'cert', {until: 'new'})
        if (paths.includes(await stage.alice.get<string>(session, 'config_path'))) return session
        assert.ok(tries > 1, 'no session started from the profile itself')
        await stage.reset()
      }
    }

    afterEach(async () => {
      await stage.reset()
      await override('--unset-override', 'log-level')
    })
    after(() => stage.close())

    it("sets the log level of the profile's next session and of its backend", async () => {
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
