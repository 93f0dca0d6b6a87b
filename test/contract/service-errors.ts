import assert from 'node:assert/strict'
import {it} from 'node:test'

import {noSession} from '../support/world'
import {accessDenied, failed, invalidArgs, noObject, rejects, type Stage} from './service-stage'

const mismatch = (given: string, wanted: string) =>
  invalidArgs(`Type of message, “(${given})”, does not match expected type “(${wanted})”`)

const rejectedByTheBus = (member: string) => (error: {text: string; type: string}) => {
  assert.equal(error.type, accessDenied('').type)
  assert.match(error.text, /^Rejected send message, /)
  assert.match(error.text, new RegExp(`member="${member}"`))
  return true
}

/** Errors that do not depend on access rights. */
export function errorFacts(stage: Stage): void {
  it('reports an unknown path with the same error for properties and methods', async () => {
    await stage.borrow('alice', 'cert', {until: 'new'})
    const error = noObject(noSession)
    await rejects(stage.alice.get(noSession, 'status'), error)
    await rejects(stage.alice.getAll(noSession), error)
    await rejects(stage.alice.set(noSession, 'log_verbosity', 'u', 1), error)
    await rejects(stage.alice.call(noSession, 'Disconnect'), error)
    await rejects(stage.alice.call(noSession, 'Pause', 's', ''), error)
  })

  it('reports an unknown property', async () => {
    const session = await stage.borrow('alice', 'cert', {until: 'new'})
    await rejects(stage.alice.get(session, 'nope'), invalidArgs('No such property “nope”'))
    await rejects(stage.alice.set(session, 'nope', 'b', true), invalidArgs('No such property “nope”'))
  })

  it('reports an unknown property to a stranger, too', async (t) => {
    if (stage.alone(t)) return
    const session = await stage.borrow('alice', 'cert', {until: 'new'})
    await rejects(stage.bob.get(session, 'nope'), invalidArgs('No such property “nope”'))
  })

  it('refuses to set a read-only property', async () => {
    const session = await stage.borrow('alice', 'cert', {until: 'new'})
    await rejects(stage.alice.set(session, 'owner', 'u', 1), invalidArgs('Property “owner” is not writable'))
    await rejects(
      stage.alice.set(session, 'config_name', 's', 'x'),
      invalidArgs('Property “config_name” is not writable'),
    )
  })

  it('refuses a property value of another type', async () => {
    const session = await stage.borrow('alice', 'cert', {until: 'new'})
    await rejects(
      stage.alice.set(session, 'public_access', 's', 'yes'),
      invalidArgs('Error setting property “public_access”: Expected type “b” but got “s”'),
    )
  })

  it('refuses arguments of another signature', async () => {
    const session = await stage.borrow('alice', 'cert', {until: 'new'})
    await rejects(stage.alice.call(session, 'Pause'), mismatch('', 's'))
    await rejects(stage.alice.call(session, 'Pause', 'u', 1), mismatch('u', 's'))
    await rejects(stage.alice.call(session, 'Resume', 's', ''), mismatch('s', ''))
    await rejects(stage.alice.manager('LookupConfigName', 'o', '/'), mismatch('o', 's'))
  })

  it('accepts a log_verbosity from 0 to 6', async () => {
    const session = await stage.borrow('alice', 'cert', {until: 'new'})
    const original = await stage.alice.get(session, 'log_verbosity')
    for (const level of [6, 0]) {
      await stage.alice.set(session, 'log_verbosity', 'u', level)
      assert.equal(await stage.alice.get(session, 'log_verbosity'), level)
    }

    for (const level of [7, 99]) {
      await rejects(stage.alice.set(session, 'log_verbosity', 'u', level), failed('Incorrect log level'))
    }

    assert.equal(await stage.alice.get(session, 'log_verbosity'), 0)
    await stage.alice.set(session, 'log_verbosity', 'u', original)
  })

  it('the bus refuses methods that its policy does not allow', async () => {
    const session = await stage.borrow('alice', 'cert', {until: 'new'})
    await assert.rejects(stage.alice.call(session, 'Nope'), rejectedByTheBus('Nope'))
    await assert.rejects(stage.alice.manager('Nope'), rejectedByTheBus('Nope'))
    const transfer = stage.alice.call(session, 'TransferOwnership', 'uu', 1, 2)
    await assert.rejects(transfer, rejectedByTheBus('TransferOwnership'))
  })
}
