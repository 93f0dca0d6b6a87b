import {after, before, describe} from 'node:test'

import type {World} from '../support/world'

import {serviceContract} from '../contract/service'
import {sessionManageContract} from '../contract/session-manage'
import {lab, skipLab, type Suite} from './lab'
import {labTests} from './lab-tests'

/** All that is tested on the real service of one Debian suite. */
export function realTests(suite: Suite): void {
  describe(`the real service, ${suite}`, {skip: skipLab()}, () => {
    let opened: World
    const world = () => opened

    before(async () => {
      opened = await lab(suite)
      await opened.reset()
    })
    after(async () => {
      await opened?.reset()
      await opened?.close()
    })

    labTests(suite, world)
    serviceContract(suite, world)
    sessionManageContract(suite, world)
  })
}
