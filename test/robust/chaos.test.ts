import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

import {chaos} from './chaos'

const seed = Date.now() % 2 ** 31

describe('chaos', () => {
  it(`random commands under random faults: nothing hangs, crashes or is changed unasked (seed ${seed})`, async () => {
    const {violations} = await chaos({commands: 60, seed})
    assert.deepEqual(violations, [], violations.join('\n\n'))
  })
})
