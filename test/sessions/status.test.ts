import {isDeadEnd, isNotStarted, statusText} from '@ovpn3/sessions'
import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

describe('statuses', () => {
  it('have texts, or numbers if unknown', () => {
    assert.equal(statusText({major: 2, minor: 7, message: ''}), 'connected')
    assert.equal(statusText({major: 9, minor: 99, message: ''}), 'status 9/99')
  })

  it('determine the possible actions', () => {
    const minors = Array.from({length: 31}, (_, minor) => minor)
    const where = (check: typeof isDeadEnd) => minors.filter((minor) => check({major: 2, minor, message: ''}))
    assert.deepEqual(where(isDeadEnd), [9, 10, 11, 16, 28, 29])
    assert.deepEqual(where(isNotStarted), [2, 4])
  })
})
