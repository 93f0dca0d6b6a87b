import {Bus, BusError, type BusErrorKind} from '#lib/bus'
import assert from 'node:assert/strict'
import {afterEach, describe, it} from 'node:test'

import {FakeBus, misbehaviours} from '../support/fake-bus'

async function fails(kind: BusErrorKind, promise: Promise<unknown>): Promise<BusError> {
  const error = await promise.then(
    () => assert.fail('it did not fail'),
    (error: unknown) => error,
  )
  assert.ok(error instanceof BusError, String(error))
  assert.equal(error.kind, kind, error.message)
  return error
}

describe('a connection to a bus', () => {
  const address = process.env.DBUS_SYSTEM_BUS_ADDRESS
  let fake: FakeBus | undefined

  afterEach(() => {
    fake?.close()
    fake = undefined
    if (address === undefined) delete process.env.DBUS_SYSTEM_BUS_ADDRESS
    else process.env.DBUS_SYSTEM_BUS_ADDRESS = address
  })

  for (const [what, behave] of Object.entries(misbehaviours)) {
    it(`fails within its deadline where the other side ${what}`, async () => {
      fake = await FakeBus.open(behave)
      process.env.DBUS_SYSTEM_BUS_ADDRESS = fake.address
      const started = performance.now()
      await fails('unreachable', Bus.connect())
      assert.ok(performance.now() - started < 6000)
    })
  }

  it('fails where nothing listens, and where the address makes no sense', async () => {
    for (const nowhere of ['unix:path=/nowhere/at/all', 'carrier-pigeon:loft=3', 'nonsense']) {
      process.env.DBUS_SYSTEM_BUS_ADDRESS = nowhere
      await fails('unreachable', Bus.connect())
    }
  })
})
