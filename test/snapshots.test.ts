import assert from 'node:assert/strict'
import {spawnSync} from 'node:child_process'
import path from 'node:path'
import {describe, it} from 'node:test'

import {repository} from './support/repository'

describe('the interface for scripts and plugins', () => {
  it('has not changed', () => {
    const script = path.join(repository, 'scripts', 'snapshots.mjs')
    const {status, stderr} = spawnSync(process.execPath, [script, '--check'], {encoding: 'utf8'})
    assert.deepEqual([status, stderr], [0, ''])
  })
})
