import {Ovpn3Error} from '@ovpn3/sessions'
import assert from 'node:assert/strict'
import {beforeEach, describe, it} from 'node:test'

import {type LogForward, LogForwards} from '../../../src/lib/openvpn3'
import {settled} from '../../support/mock-clock'

describe('the users of one session’s log', () => {
  let calls: boolean[]
  let forwards: LogForwards
  let log: LogForward
  const ask = async (enable: boolean) => {
    calls.push(enable)
    return true
  }

  beforeEach(() => {
    calls = []
    forwards = new LogForwards()
    log = forwards.of('/a')
  })

  it('ask for it once, and take it back once', async () => {
    await Promise.all([log.join(ask), log.join(ask)])
    assert.deepEqual([calls, log.live], [[true], true])
    await log.leave(ask)
    assert.deepEqual([calls, log.live], [[true], true])
    await log.leave(ask)
    assert.deepEqual([calls, log.live], [[true, false], false])
  })

  it('are counted a session', async () => {
    await log.join(ask)
    await forwards.of('/b').join(ask)
    assert.deepEqual(calls, [true, true])
    assert.equal(forwards.of('/a'), log)
  })

  it('ask anew when it was taken back', async () => {
    await log.join(ask)
    await log.leave(ask)
    await forwards.of('/a').join(ask)
    assert.deepEqual(calls, [true, false, true])
  })

  it('do not take back what another one has joined meanwhile', async () => {
    let answer = () => {}
    const slow = async (enable: boolean) => {
      calls.push(enable)
      await new Promise<void>((resolve) => {
        answer = resolve
      })
      return true
    }

    const joining = log.join(slow)
    await settled()
    const leaving = log.leave(ask)
    const other = forwards.of('/a').join(ask)
    answer()
    await Promise.all([joining, leaving, other])
    assert.deepEqual([calls, forwards.of('/a').live], [[true], true])
  })

  it('ask once more when the log service was started again', async () => {
    await Promise.all([log.join(ask), log.join(ask)])
    await Promise.all([log.renew(ask), log.renew(ask)])
    assert.deepEqual([calls, log.live], [[true, true], true])
  })

  it('take nothing back of a session that is gone', async () => {
    await Promise.all([log.join(ask), log.join(ask)])
    log.end()
    assert.deepEqual([calls, log.live], [[true], false])
    assert.notEqual(forwards.of('/a'), log)
  })

  it('who may not have it, or cannot ask, leave nothing behind', async () => {
    await log.join(async () => false)
    assert.equal(log.live, false)
    await log.leave(ask)
    await assert.rejects(
      forwards.of('/a').join(() => Promise.reject(new Ovpn3Error('disconnected', 'gone'))),
      /gone/,
    )
    await forwards.of('/a').join(ask)
    assert.deepEqual([calls, forwards.of('/a').live], [[true], true])
  })
})
