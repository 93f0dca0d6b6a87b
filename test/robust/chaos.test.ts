import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

import {seed} from '../support/seed'
import {chaos} from './chaos'

describe('chaos', () => {
  it(`random commands under random faults: nothing hangs, crashes or is changed unasked (seed ${seed})`, async () => {
    const {violations} = await chaos({commands: 60, seed})
    assert.deepEqual(violations, [], violations.join('\n\n'))
  })
})
