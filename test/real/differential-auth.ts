import assert from 'node:assert/strict'
import {beforeEach, describe, it} from 'node:test'

import type {World} from '../support/world'

import {ovpn3, until} from '../support/cli'
import {reference} from './reference'

/** Compares `session-auth` with the reference tool; our additions are on separate lines. */
export function differentialAuthTests(title: string, world: () => World): void {
  const theirs = (args = '', input = '') =>
    reference(world(), 'alice', ['session-auth', ...args.split(' ').filter(Boolean)], input)
  const ours = (args = '', input = '') =>
    ovpn3(world(), 'alice', ['session-auth', ...args.split(' ').filter(Boolean)], {input})
  const withoutOurs = (text: string) => text.replaceAll(/^ +(Needs|Owner): .*\n/gm, '')
  /** The records in sorted order. */
  const records = (text: string) => text.replaceAll(/^-+$/gm, '').trim().split('\n\n').sort()

  describe(`session-auth compared with the reference tool on ${title}`, () => {
    beforeEach(() => world().reset())

    it('prints the same if no session waits', async () => {
      await world().startSession('alice', 'cert')
      const [expected, actual] = [await theirs(), await ours()]
      assert.deepEqual([actual.status, actual.stdout], [expected.status, expected.stdout])
    })

    it('lists the same sessions in the same lines', async () => {
      await world().startSession('alice', 'cert')
      for (const profile of ['pass', 'chal', 'key'] as const)
        await world().startSession('alice', profile, {until: 'new'})
      await world().startSession('alice', 'web', {until: 'started'})
      await until('a session waits for web authentication', async () =>
        /web authentication/.test((await theirs()).stdout),
      )
      const [expected, actual] = [await theirs(), await ours()]
      assert.equal(expected.status, 0)
      assert.deepEqual(records(withoutOurs(actual.stdout)), records(expected.stdout))
    })

    it('continues a session by the same ID and with the same output', async () => {
      const outputs: string[] = []
      for (const run of [theirs, ours]) {
        const path = await world().startSession('alice', 'pass', {until: 'new'})
        const id = /Auth Request: (\d+)/.exec((await theirs()).stdout)![1]!
        const {status, stdout} = await run(`--auth-req ${id}`, 'vpnuser\nsecret\n')
        assert.equal(status, 0, stdout)
        outputs.push(stdout.replaceAll(path, '<path>').replaceAll(/^\w+ \(\w{8}\): .*\n/gm, ''))
        await world().reset()
      }

      const [expected, actual] = outputs as [string, string]
      const [first = '', ...rest] = [expected, actual].map((text) =>
        world().version === '24.1' ? text.replaceAll(/Connected.*$/gm, 'Connected') : text,
      )
      assert.deepEqual(rest, [first])
    })
  })
}
