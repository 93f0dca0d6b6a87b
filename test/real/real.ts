import {after, before, describe} from 'node:test'

import type {World} from '../support/world'

import {accessContract} from '../contract/access'
import {faultsContract} from '../contract/faults'
import {inPlaceContract} from '../contract/in-place'
import {serviceContract} from '../contract/service'
import {sessionAclContract} from '../contract/session-acl'
import {sessionAuthContract} from '../contract/session-auth'
import {sessionLogContract} from '../contract/session-log'
import {sessionManageContract} from '../contract/session-manage'
import {sessionStartContract} from '../contract/session-start'
import {sessionStatsContract} from '../contract/session-stats'
import {sessionsListContract} from '../contract/sessions-list'
import {systemdContract} from '../contract/systemd'
import {differentialAclTests} from './differential-acl'
import {differentialAuthTests} from './differential-auth'
import {differentialListTests} from './differential-list'
import {differentialManageTests} from './differential-manage'
import {differentialStartTests} from './differential-start'
import {differentialStatsTests} from './differential-stats'
import {lab, type LabName, skipLab, type Suite} from './lab'
import {labTests} from './lab-tests'
import {logLevelTests} from './log-level'

/** Tests of the real service in one Debian suite, and of the commands with it. */
export const realTests = (suite: Suite): void =>
  testsIn(suite, `real service on ${suite}`, (world) => {
    labTests(suite, world)
    serviceContract(suite, world)
    sessionManageContract(suite, world)
    sessionsListContract(suite, world)
    sessionStatsContract(suite, world)
    sessionAclContract(suite, world)
    sessionAuthContract(suite, world)
    sessionLogContract(suite, world)
  })

/** Tests with several users, faults and the reference tool. In a second lab, to run in parallel with `realTests`. */
export const moreRealTests = (suite: Suite): void =>
  testsIn(`${suite}-2`, `real service on ${suite}: users, faults and the reference tool`, (world) => {
    sessionStartContract(suite, world)
    accessContract(suite, world)
    faultsContract(suite, world)
    inPlaceContract(suite, world)
    systemdContract(suite, world)
    differentialListTests(suite, world)
    differentialStatsTests(suite, world)
    differentialAclTests(suite, world)
    differentialAuthTests(suite, world)
    differentialManageTests(suite, world)
    differentialStartTests(suite, world)
    logLevelTests(suite, world)
  })

function testsIn(name: LabName, title: string, tests: (world: () => World) => void): void {
  describe(title, {skip: skipLab()}, () => {
    let opened: World
    before(async () => {
      opened = await lab(name)
      await opened.reset()
    })
    after(async () => {
      await opened?.reset()
      await opened?.close()
    })
    tests(() => opened)
  })
}
