import type {Interfaces} from '@oclif/core'

import {Ovpn3Error, type SessionSource} from '@ovpn3/sessions'
import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

import {sourcesOf} from '../../packages/kit/dist/hook'

const options = {connectTimeout: 10, hosts: [], onStall() {}}
const source = (name: string, host?: string) => ({host, name}) as SessionSource

/** The configuration of a CLI with these plugins, each with the result of its hook. */
const configWith = (results: Readonly<Record<string, unknown>>) =>
  ({
    name: 'ovpn3',
    runHook: async () => ({
      failures: [],
      successes: Object.entries(results).map(([name, result]) => ({plugin: {name}, result})),
    }),
  }) as unknown as Interfaces.Config

describe('sources of plugins', () => {
  it('are one or several for each, after that of the CLI', async () => {
    const own = source('local')
    const config = configWith({a: [source('b'), source('c')], d: undefined, ovpn3: own})
    const {all, failures} = await sourcesOf(config, options)
    assert.deepEqual(
      all.map(({name}) => name),
      ['local', 'b', 'c'],
    )
    assert.deepEqual(failures, [])
  })

  it('cannot have the name of another source: the plugin has failed, not that source', async () => {
    const own = source('gw1', 'gw1')
    const config = configWith({greet: source('gw1', 'gw1'), ovpn3: [own]})
    const sources = await sourcesOf(config, {...options, hosts: ['gw1']})
    assert.deepEqual(sources.all, [own])
    assert.deepEqual(sources.failures, [
      {error: new Ovpn3Error('failed', 'another source has the name "gw1"'), source: 'greet'},
    ])
    assert.equal(sources.areAllLost, false)
  })

  it('are those of the hosts of the command, or of this machine', async () => {
    const config = configWith({a: [source('b'), source('gw1', 'gw1')]})
    const namesFor = async (hosts: readonly string[]) =>
      (await sourcesOf(config, {...options, hosts})).all.map(({name}) => name)
    assert.deepEqual([await namesFor([]), await namesFor(['gw1']), await namesFor(['gw2'])], [['b'], ['gw1'], []])
  })
})
