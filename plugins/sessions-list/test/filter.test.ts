import {queryOf} from '@ovpn3/plugin-sessions-list/dist/query'
import {type Ovpn3Error} from '@ovpn3/sessions'
import assert from 'node:assert/strict'
import {after, before, describe, it} from 'node:test'

import {type Simulator, simulator} from '../../../test/simulator/simulator'
import {ovpn3} from '../../../test/support/cli'

describe('a filter of sessions-list by status', () => {
  const filter = (value: string) => queryOf({filter: [`status=${value}`]})

  it('rejects a status that no session can have, and suggests a similar one', () => {
    const hints: Readonly<Record<string, RegExp>> = {
      Connected: /^Did you mean: --filter status=connected$/,
      conected: /^Did you mean: --filter status=connected$/,
      'x*y': /^Pass one of .*connected/,
      'not readable by yuo': /^Did you mean: --filter 'status=not readable by you'$/,
    }
    for (const [value, hint] of Object.entries(hints))
      assert.throws(
        () => filter(value),
        ({code, hint: said, message}: Ovpn3Error) =>
          code === 'usage' && message.endsWith(`"${value}"`) && hint.test(said!),
      )
  })

  it('accepts a status that a session can have', () => {
    for (const value of ['', '*', 'connected', 'conn*', '*gone*', 'status 3/99', 'not readable: oops', '*oops', 'st*9'])
      assert.equal(filter(value).filters.length, 1)
  })
})

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
