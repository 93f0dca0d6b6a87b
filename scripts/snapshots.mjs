/**
 * Writes test/snapshots: the stable interface of scripts and plugins, which is every command with its flags and every
 * JSON schema. With --check, it writes nothing and fails if something has changed.
 */
import {readdirSync} from 'node:fs'
import {join} from 'node:path'
import {format, resolveConfig} from 'prettier'

import {commands, generate, readJson, root} from './project.mjs'

const sorted = (object) => Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)))

const mapValues = (object, map) => sorted(Object.fromEntries(Object.entries(object).map(([k, v]) => [k, map(v)])))

/** Omits false and empty values. */
const withoutEmpty = (object) =>
  Object.fromEntries(
    Object.entries(object).filter(([, value]) => value !== undefined && value !== false && value?.length !== 0),
  )

const pick = (object, names) => withoutEmpty(Object.fromEntries(names.map((name) => [name, object[name]])))

const stableFlagProperties = [
  'type',
  'char',
  'aliases',
  'charAliases',
  'options',
  'default',
  'required',
  'multiple',
  'hidden',
  'allowNo',
  'exclusive',
  'dependsOn',
  'relationships',
  'helpGroup',
  'helpValue',
]

const commandOf = (command) => ({
  ...pick(command, ['aliases', 'hidden', 'hiddenAliases']),
  ...withoutEmpty({args: Object.keys(command.args ?? {})}),
  flags: mapValues(command.flags, (flag) => pick(flag, stableFlagProperties)),
})

/** Keywords of a schema that do not affect validation. */
const annotations = new Set(['$id', '$schema', 'description', 'examples', 'title'])

/** A schema without annotations, in a fixed order. */
function shapeOf(schema) {
  if (Array.isArray(schema)) return schema.map((item) => shapeOf(item))
  if (typeof schema !== 'object' || schema === null) return schema
  const {properties, required, ...others} = schema
  const rest = Object.fromEntries(Object.entries(others).filter(([name]) => !annotations.has(name)))
  return sorted({
    ...mapValues(rest, (value) => (Array.isArray(value) ? value.map((item) => shapeOf(item)) : shapeOf(value))),
    ...(properties && {properties: mapValues(properties, shapeOf)}),
    ...(required && {required: [...required].sort()}),
  })
}

const schemas = readdirSync(join(root, 'docs', 'schemas')).sort()
const snapshots = {
  'commands.json': mapValues(commands(), commandOf),
  'schemas.json': Object.fromEntries(schemas.map((file) => [file, shapeOf(readJson('docs', 'schemas', file))])),
}
for (const [name, value] of Object.entries(snapshots)) {
  const file = join(root, 'test', 'snapshots', name)
  const content = await format(JSON.stringify(value), {...(await resolveConfig(file)), filepath: file})
  generate(
    file,
    content,
    ' has changed, which may break scripts and plugins. If this is intended, run `npm run snapshots`',
  )
}
