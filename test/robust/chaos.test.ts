import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

import {seed} from '../support/seed'
import {chaos} from './chaos'

describe('chaos', () => {
  it(`never makes a command hang, crash or change more than requested (seed ${seed})`, async () => {
    const {violations} = await chaos({commands: 60, seed})
    assert.deepEqual(violations, [], violations.join('\n\n'))
  })
})
