import {after, before, describe} from 'node:test'

import type {World} from '../support/world'

import {simulator} from '../simulator/simulator'
import {serviceContract} from './service'
import {sessionManageContract} from './session-manage'

for (const version of ['27.1', '24.1'] as const) {
  describe(`the simulator as ${version}`, () => {
    let opened: World
    const world = () => opened

    before(async () => {
      opened = await simulator({version})
    })
    after(() => opened.close())

    serviceContract(`the simulator of ${version}`, world)
    sessionManageContract(`the simulator of ${version}`, world)
  })
}
