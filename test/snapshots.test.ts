import assert from 'node:assert/strict'
import {readFileSync} from 'node:fs'
import path from 'node:path'
import {describe, it} from 'node:test'
import {pathToFileURL} from 'node:url'

import {repository} from './support/repository'

interface Snapshot {
  readonly file: string
  readonly text: string
}

describe('what scripts and plugins rely on', async () => {
  const script = pathToFileURL(path.join(repository, 'scripts', 'snapshots.mjs'))
  const {snapshots} = (await import(script.href)) as {snapshots: () => Snapshot[]}
  for (const {file, text} of snapshots()) {
    it(`${path.basename(file)} has not changed`, () => {
      const expected: unknown = JSON.parse(readFileSync(file, 'utf8'))
      assert.deepEqual(
        JSON.parse(text),
        expected,
        `${path.relative(repository, file)}: a change that may break scripts and plugins. If it is meant: npm run snapshots`,
      )
    })
  }
})
