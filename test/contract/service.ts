import {after, before, describe} from 'node:test'

import type {World} from '../support/world'

import {accessFacts} from './service-access'
import {actionFacts} from './service-actions'
import {errorFacts} from './service-errors'
import {inputFacts} from './service-input'
import {managerFacts} from './service-manager'
import {profileFacts} from './service-profiles'
import {propertyFacts} from './service-properties'
import {signalFacts} from './service-signals'
import {Stage} from './service-stage'
import {staleFacts} from './service-stale'
import {startFacts} from './service-start'

const chapters: readonly [string, (stage: Stage) => void][] = [
  ['errors', errorFacts],
  ['access', accessFacts],
  ['actions', actionFacts],
  ['the manager', managerFacts],
  ['profiles', profileFacts],
  ['start', startFacts],
  ['properties', propertyFacts],
  ['signals', signalFacts],
  ['stale sessions', staleFacts],
  ['input', inputFacts],
]

/** The behaviour of the service on the bus. The caller opens and closes the world. */
export function serviceContract(title: string, world: () => World): void {
  describe(`the service: ${title}`, () => {
    const stage = new Stage(world)
    after(() => stage.close())
    for (const [chapter, facts] of chapters)
      describe(chapter, () => {
        // each part starts and ends without sessions, because tests reuse only sessions of their
        // own part
        before(() => stage.reset())
        after(() => stage.reset())
        facts(stage)
      })
  })
}
