import {after, before, describe} from 'node:test'

import type {World} from '../support/world'

import {simulator} from '../simulator/simulator'
import {accessContract} from './access'
import {faultsContract} from './faults'
import {inPlaceContract} from './in-place'
import {serviceContract} from './service'
import {sessionAclContract} from './session-acl'
import {sessionAuthContract} from './session-auth'
import {sessionLogContract} from './session-log'
import {sessionManageContract} from './session-manage'
import {sessionStartContract} from './session-start'
import {sessionStatsContract} from './session-stats'
import {sessionsListContract} from './sessions-list'
import {systemdContract} from './systemd'

/** Everything that holds for the real service, for the simulator of one version. */
export function simulatorTests(version: World['version']): void {
  describe(`the simulator as ${version}`, () => {
    const title = `the simulator of ${version}`
    let opened: World
    const world = () => opened

    before(async () => {
      // half the time of the real service, long enough for commands to name the session they wait for
      opened = await simulator({cost: 2, timings: {hung: 5000}, version})
    })
    after(() => opened.close())

    serviceContract(title, world)
    sessionManageContract(title, world)
    sessionsListContract(title, world)
    sessionStartContract(title, world)
    sessionStatsContract(title, world)
    sessionAclContract(title, world)
    sessionAuthContract(title, world)
    sessionLogContract(title, world)
    accessContract(title, world)
    faultsContract(title, world)
    inPlaceContract(title, world)
    systemdContract(title, world)
  })
}
