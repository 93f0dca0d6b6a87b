import {isOwnedBy, nearestRing, Ovpn3Error, type Ownership, ownershipOf, type Snapshot} from '@ovpn3/sessions'
import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

import {FakeSession} from '../support/fake-session'

const me = 1000
const other = 1001
const denied = new Ovpn3Error('access-denied', 'denied')
const failed = new Ovpn3Error('failed', 'failed')
const stale = new Ovpn3Error('session-stale', 'gone')

describe('the ownership of a session', () => {
  const cases: readonly [string, Ownership | undefined, Snapshot['values'], Snapshot['errors']][] = [
    ['the caller', 'own', {owner: me}, {}],
    ['the caller, who is on the list too', 'own', {acl: [me], owner: me}, {}],
    ['another user, who granted access', 'granted', {acl: [3, me], owner: other}, {}],
    ['another user, as root sees it', 'public', {acl: [3], owner: other}, {}],
    ['nobody may say', 'public', {}, {owner: denied, status: denied}],
    ['a single denial tells', 'public', {}, {owner: failed, status: denied}],
    ['the list failed', undefined, {owner: other}, {acl: failed}],
    ['the owner failed', undefined, {}, {owner: failed}],
    ['it is gone', undefined, {}, {owner: stale}],
  ]
  for (const [title, ownership, values, errors] of cases)
    it(title, () => {
      assert.equal(ownershipOf({errors, values}, me), ownership)
    })

  it('limits a name to the nearest ring', () => {
    const ring = (all: readonly (Ownership | undefined)[]) =>
      nearestRing(all.map((ownership) => ({ownership}))).map(({ownership}) => ownership)
    assert.deepEqual(ring(['public', 'granted', 'own', undefined, 'own']), ['own', 'own'])
    assert.deepEqual(ring(['public', undefined, 'granted']), ['granted'])
    assert.deepEqual(ring(['public', undefined]), [undefined])
    assert.deepEqual(ring(['public']), [])
  })

  it('matches a user only if the owner was read', () => {
    const session = new FakeSession()
    assert.equal(
      isOwnedBy(session, () => other),
      false,
    )
    assert.equal(
      isOwnedBy(session, () => {}),
      false,
    )
    session.snapshot = {errors: {}, values: {owner: other}}
    assert.equal(
      isOwnedBy(session, () => other),
      true,
    )
    assert.equal(
      isOwnedBy(session, () => {}),
      false,
    )
  })
})
