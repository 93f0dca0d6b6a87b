import {after, before, describe} from 'node:test'

import type {World} from '../support/world'

import {accessContract} from '../contract/access'
import {faultsContract} from '../contract/faults'
import {inPlaceContract} from '../contract/in-place'
import {serviceContract} from '../contract/service'
import {sessionAclContract} from '../contract/session-acl'
import {sessionManageContract} from '../contract/session-manage'
import {sessionStatsContract} from '../contract/session-stats'
import {sessionsListContract} from '../contract/sessions-list'
import {differentialAclTests} from './differential-acl'
import {differentialListTests} from './differential-list'
import {differentialManageTests} from './differential-manage'
import {differentialStatsTests} from './differential-stats'
import {lab, skipLab, type Suite} from './lab'
import {labTests} from './lab-tests'
import {logLevelTests} from './log-level'

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
    sessionsListContract(suite, world)
    sessionStatsContract(suite, world)
    sessionAclContract(suite, world)
    accessContract(suite, world)
    faultsContract(suite, world)
    inPlaceContract(suite, world)
    differentialListTests(suite, world)
    differentialStatsTests(suite, world)
    differentialAclTests(suite, world)
    differentialManageTests(suite, world)
    logLevelTests(suite, world)
  })
}
