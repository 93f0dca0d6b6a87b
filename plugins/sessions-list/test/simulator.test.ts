import {after, before, describe} from 'node:test'

import type {World} from '../../../test/support/world'

import {sessionsListContract} from '../../../test/contract/sessions-list'
import {simulator} from '../../../test/simulator/simulator'

for (const version of ['27.1', '24.1'] as const) {
  describe(`sessions-list, simulator as ${version}`, () => {
    let opened: World
    const world = () => opened

    before(async () => {
      opened = await simulator({version})
    })
    after(() => opened.close())

    sessionsListContract(`the simulator of ${version}`, world)
  })
}
