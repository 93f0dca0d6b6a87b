import assert from 'node:assert/strict'
import {afterEach, beforeEach, describe, it} from 'node:test'

import {BusError, type Call} from '../../../src/lib/bus'
import {Calls} from '../../../src/lib/bus/calls'
import {type MockClock, mockClock} from '../../support/mock-clock'

const call = (path: string, timeout?: number): Call => ({
  destination: 'a.service',
  interface: 'a.b',
  member: 'Get',
  path,
  timeout,
})

describe('calls of a connection', () => {
  let calls: Calls
  let clock: MockClock
  let sent: string[]
  let stalled: string[]
  /** The results of the calls so far, by path. */
  let ends: Record<string, unknown>
  const make = (each: Call) => {
    calls.make(each).then(
      (body) => {
        ends[each.path] = body
      },
      (error: BusError) => {
        ends[each.path] = error.kind
      },
    )
  }

  beforeEach(() => {
    clock = mockClock()
    sent = []
    stalled = []
    ends = {}
    // The serials are 1, 2, 3 …
    calls = new Calls(
      ({path}) => sent.push(path),
      (path) => stalled.push(path),
    )
  })
  afterEach(() => {
    calls.end(new BusError('disconnected', 'the test is over'))
    clock.reset()
  })

  it('are sent while fewer than 100 are pending, but calls to the bus itself at once', async () => {
    for (let i = 0; i < 150; i++) make(call(`/${i}`))
    assert.equal(sent.length, 100)
    make({...call('/bus'), destination: 'org.freedesktop.DBus'})
    assert.equal(sent.at(-1), '/bus')
    calls.answer(101, [])
    assert.equal(sent.length, 101)
    calls.answer(1, ['x'])
    await clock.pass(0)
    assert.deepEqual([sent.at(-1), ends['/0']], ['/100', ['x']])
  })

  it('end at their time limit, and count as pending until the reply arrives', async () => {
    for (let i = 0; i < 101; i++) make(call(`/${i}`, 1000))
    await clock.pass(900)
    assert.deepEqual(ends, {})
    await clock.pass(200)
    assert.equal(Object.values(ends).filter((end) => end === 'timeout').length, 101)
    make(call('/late'))
    assert.equal(sent.length, 100)
    assert.ok(calls.isAwaited(100))
    calls.answer(100, ['late'])
    assert.ok(!calls.isAwaited(100))
    assert.equal(sent.at(-1), '/late')
    assert.equal(ends['/99'], 'timeout')
  })

  it('restart their time limit with each reply of their destination, but not of others', async () => {
    make(call('/first', 1000))
    make(call('/second', 1000))
    make({...call('/other', 1000), destination: 'another.service'})
    await clock.pass(800)
    calls.answer(1, [])
    await clock.pass(800)
    assert.deepEqual({...ends}, {'/first': [], '/other': 'timeout'})
    await clock.pass(300)
    assert.equal(ends['/second'], 'timeout')
  })

  it('report the call that stalls a destination once', async () => {
    make(call('/first'))
    make(call('/second'))
    await clock.pass(3000)
    assert.deepEqual(stalled, ['/first'])
    calls.answer(1, [])
    await clock.pass(1600)
    assert.deepEqual(stalled, ['/first', '/second'])
    make(call('/first'))
    calls.answer(2, [])
    await clock.pass(1600)
    assert.deepEqual(stalled, ['/first', '/second', '/first'])
  })

  it('fail if they cannot be sent, and when the connection ends', async () => {
    calls = new Calls(() => {
      throw new Error('no stream')
    })
    await assert.rejects(calls.make(call('/')), (error: BusError) => {
      assert.deepEqual(
        [error.kind, error.message],
        ['disconnected', 'the connection to the message bus was lost: no stream'],
      )
      return true
    })
    calls = new Calls(({path}) => sent.push(path))
    for (let i = 0; i < 120; i++) make(call(`/${i}`))
    calls.end(new BusError('disconnected', 'lost'))
    await clock.pass(0)
    assert.equal(Object.values(ends).filter((end) => end === 'disconnected').length, 120)
  })
})
