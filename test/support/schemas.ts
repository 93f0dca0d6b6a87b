import Ajv from 'ajv/dist/2020'
import assert from 'node:assert/strict'
import {readdirSync} from 'node:fs'
import path from 'node:path'

import {projectJson} from './cli'
import {repository} from './repository'

const ajv = new Ajv({allErrors: true, allowUnionTypes: true})
for (const file of readdirSync(path.join(repository, 'docs', 'schemas')))
  ajv.addSchema(projectJson(path.join('docs', 'schemas', file)) as object)

/** Parses a command's output, which must be one JSON document that conforms to its schema. */
export function document<T>(schema: string, stdout: string): T {
  const value: unknown = JSON.parse(stdout)
  const valid = ajv.validate(`${schema}.schema.json`, value)
  assert.ok(valid, `${ajv.errorsText()}\n${stdout}`)
  return value as T
}
