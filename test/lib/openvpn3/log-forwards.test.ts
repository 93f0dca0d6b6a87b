import {Ovpn3Error} from '@ovpn3/sessions'
import assert from 'node:assert/strict'
import {beforeEach, describe, it} from 'node:test'

import {type LogForward, LogForwards} from '../../../src/lib/openvpn3'
import {settled} from '../../support/mock-clock'

describe('log subscriptions of a session', () => {
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

  it('share one LogForward call, which the last one to leave revokes', async () => {
    await Promise.all([log.join(ask), log.join(ask)])
    assert.deepEqual([calls, log.live], [[true], true])
    await log.leave(ask)
    assert.deepEqual([calls, log.live], [[true], true])
    await log.leave(ask)
    assert.deepEqual([calls, log.live], [[true, false], false])
  })

  it('are counted for each session', async () => {
    await log.join(ask)
    await forwards.of('/b').join(ask)
    assert.deepEqual(calls, [true, true])
    assert.equal(forwards.of('/a'), log)
  })

  it('call LogForward again after it was revoked', async () => {
    await log.join(ask)
    await log.leave(ask)
    await forwards.of('/a').join(ask)
    assert.deepEqual(calls, [true, false, true])
  })

  it('are not revoked if another subscriber has joined in the meantime', async () => {
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

  it('are renewed once after a restart of the log service', async () => {
    await Promise.all([log.join(ask), log.join(ask)])
    await Promise.all([log.renew(ask), log.renew(ask)])
    assert.deepEqual([calls, log.live], [[true, true], true])
  })

  it('are renewed if the log service restarts while LogForward is called', async () => {
    let answer = (_: boolean) => {}
    const slow = (enable: boolean) => {
      calls.push(enable)
      return new Promise<boolean>((resolve) => {
        answer = resolve
      })
    }

    const joining = log.join(slow)
    await settled()
    const renewing = log.renew(ask)
    answer(true)
    await Promise.all([joining, renewing])
    assert.deepEqual([calls, log.live], [[true, true], true])
  })

  it('are not revoked for a session that has ended', async () => {
    await Promise.all([log.join(ask), log.join(ask)])
    log.end()
    assert.deepEqual([calls, log.live], [[true], false])
    assert.notEqual(forwards.of('/a'), log)
  })

  it('leave no state behind if LogForward is denied or fails', async () => {
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
