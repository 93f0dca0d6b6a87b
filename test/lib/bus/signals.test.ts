import assert from 'node:assert/strict'
import {beforeEach, describe, it} from 'node:test'

import {BusError, ownerChange} from '../../../src/lib/bus'
import {Signals} from '../../../src/lib/bus/signals'

const service = 'a.service'
const match = {interface: 'a.b', member: 'Changed', path: '/x', sender: service}
const signal = {...match, body: ['one'], sender: ':1.5'}

describe('signals of a connection', () => {
  /** The calls to the bus. */
  let calls: string[]
  let heard: unknown[]
  let owner: string | undefined
  let signals: Signals
  const listener = ({body}: {readonly body: readonly unknown[]}) => heard.push(body[0])
  const ownerIs = (name: string) => signals.deliver({...ownerChange, body: [service, '', name]})

  beforeEach(() => {
    calls = []
    heard = []
    owner = ':1.5'
    signals = new Signals(async (member, argument) => {
      calls.push(`${member} ${argument}`)
      if (member === 'GetNameOwner' && !owner) throw new BusError('no-owner', 'nobody has it')
      return [owner]
    })
  })

  it('are delivered only from the current owner of a name', async () => {
    await signals.subscribe(match, listener)
    signals.deliver(signal)
    signals.deliver({...signal, sender: ':1.6'})
    assert.deepEqual(heard, ['one'])
    ownerIs(':1.6')
    assert.deepEqual(
      [signals.isWanted({...signal, type: 4}), signals.isWanted({...signal, sender: ':1.6', type: 4})],
      [false, true],
    )
    // Only the bus can report the owner of a name.
    signals.deliver({...ownerChange, body: [service, '', ':1.5'], sender: ':1.5'})
    signals.deliver(signal)
    assert.deepEqual(heard, ['one'])
  })

  it('are delivered from a service that starts after the subscription', async () => {
    owner = undefined
    await signals.subscribe(match, listener)
    signals.deliver(signal)
    ownerIs(':1.5')
    signals.deliver(signal)
    assert.deepEqual(heard, ['one'])
  })

  it('share one match rule between listeners, which is removed with the last one', async () => {
    const rule = `type='signal',sender='a.service',interface='a.b',path='/x',member='Changed'`
    const ends = [await signals.subscribe(match, listener), await signals.subscribe(match, listener)]
    assert.deepEqual(
      calls.filter((each) => each.endsWith(rule)),
      [`AddMatch ${rule}`],
    )
    await ends[0]!()
    await ends[0]!()
    assert.equal(calls.at(-1)!.startsWith('RemoveMatch'), false)
    signals.deliver(signal)
    assert.deepEqual(heard, ['one'])
    await ends[1]!()
    assert.equal(calls.at(-1), `RemoveMatch ${rule}`)
    assert.equal(signals.isWanted({...signal, type: 4}), false)
  })

  it('require no match rule if they are unicast, and can be matched by an argument', async () => {
    await signals.subscribe({...match, arg0: 'two', unicast: true}, listener)
    assert.deepEqual(
      calls.filter((each) => each.includes('a.b')),
      [],
    )
    signals.deliver(signal)
    signals.deliver({...signal, body: ['two']})
    assert.deepEqual(heard, ['two'])
  })

  it('match any path and member by default', async () => {
    await signals.subscribe({interface: 'a.b', sender: service}, listener)
    signals.deliver({...signal, member: 'Other', path: '/y'})
    signals.deliver({...signal, interface: 'c.d'})
    assert.deepEqual(heard, ['one'])
  })
})
