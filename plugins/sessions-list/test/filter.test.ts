import assert from 'node:assert/strict'
import {after, before, describe, it} from 'node:test'

import {type Simulator, simulator} from '../../../test/simulator/simulator'
import {ovpn3} from '../../../test/support/cli'

describe('a filter of sessions-list', () => {
  let world: Simulator

  before(async () => {
    world = await simulator()
    await world.startSession('alice', 'cert')
    await world.startSession('alice', 'pass', {until: 'new'})
  })
  after(() => world.close())

  for (const [filter, names] of [
    ['device=', ['pass']],
    ['device=tun*', ['cert']],
    ['server=', ['pass']],
    ['config=', []],
  ] as const)
    it(`${filter} matches ${names.join(', ') || 'nothing'}`, async () => {
      const {status, stdout} = await ovpn3(world, 'alice', ['sessions-list', '--json', '--filter', filter])
      assert.equal(status, 0)
      assert.deepEqual(
        (JSON.parse(stdout) as {sessions: {config: string}[]}).sessions.map(({config}) => config),
        names,
      )
    })
})
