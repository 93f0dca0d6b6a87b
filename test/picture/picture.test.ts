import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

import {skipTerminal} from '../support/terminal'
import {committed, comparable, names, pictures} from './picture'

describe('the picture in the README', {skip: skipTerminal()}, () => {
  it('shows the output of the commands; otherwise run npm run picture', async () => {
    const now = await pictures(2)
    for (const name of names) assert.equal(comparable(committed(name)), comparable(now[name]))
  })
})
