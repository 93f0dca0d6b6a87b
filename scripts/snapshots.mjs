/**
 * Writes test/snapshots: what scripts and plugins rely on, namely every command with its flags, and every JSON schema.
 * With --check it writes nothing and fails where something has changed.
 */
import {existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync} from 'node:fs'
import {dirname, join} from 'node:path'
import {fileURLToPath} from 'node:url'
import {isDeepStrictEqual} from 'node:util'
import {format, resolveConfig} from 'prettier'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const folder = join(root, 'test', 'snapshots')
const readJson = (...path) => JSON.parse(readFileSync(join(root, ...path), 'utf8'))

/** Only what is there, so that a snapshot says nothing about what does not exist. */
const present = (object) =>
  Object.fromEntries(
    Object.entries(object).filter(([, value]) => value !== undefined && value !== false && value?.length !== 0),
  )

const sorted = (object) => Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)))

const mapValues = (object = {}, map) => sorted(Object.fromEntries(Object.entries(object).map(([k, v]) => [k, map(v)])))

const flagOf = ({
  aliases,
  char,
  charAliases,
  default: value,
  dependsOn,
  exclusive,
  helpGroup,
  relationships,
  ...flag
}) =>
  present({
    type: flag.type,
    char,
    aliases,
    charAliases,
    options: flag.options,
    default: typeof value === 'function' ? undefined : value,
    required: flag.required,
    multiple: flag.multiple,
    hidden: flag.hidden,
    allowNo: flag.allowNo,
    exclusive,
    dependsOn,
    relationships,
    helpGroup,
    helpValue: flag.helpValue,
  })

const commandOf = ({aliases, args, flags, hidden, hiddenAliases}) =>
  present({aliases, args: Object.keys(args ?? {}), flags: mapValues(flags, flagOf), hidden, hiddenAliases})

/** All commands, from the manifests of the CLI and its plugins. */
export function commands() {
  const plugins = readdirSync(join(root, 'plugins')).filter((name) =>
    existsSync(join(root, 'plugins', name, 'oclif.manifest.json')),
  )
  const manifests = [
    readJson('oclif.manifest.json'),
    ...plugins.map((name) => readJson('plugins', name, 'oclif.manifest.json')),
  ]
  return mapValues(Object.assign({}, ...manifests.map((manifest) => manifest.commands)), commandOf)
}

/** What a schema says about itself, and promises nothing. */
const remarks = new Set(['$id', '$schema', 'description', 'examples', 'title'])

/** What a schema promises. */
function shapeOf(schema) {
  if (Array.isArray(schema)) return schema.map((item) => shapeOf(item))
  if (typeof schema !== 'object' || schema === null) return schema
  const {properties, required, ...others} = schema
  const rest = Object.fromEntries(Object.entries(others).filter(([name]) => !remarks.has(name)))
  return sorted({
    ...mapValues(rest, (value) => (Array.isArray(value) ? value.map((item) => shapeOf(item)) : shapeOf(value))),
    ...(properties && {properties: mapValues(properties, shapeOf)}),
    ...(required && {required: [...required].sort()}),
  })
}

/** All JSON schemas, by file name. */
export function schemas() {
  const files = readdirSync(join(root, 'docs', 'schemas')).sort()
  return Object.fromEntries(files.map((file) => [file, shapeOf(readJson('docs', 'schemas', file))]))
}

/** Each snapshot's file, and what it would contain now. */
export function snapshots() {
  return Object.entries({'commands.json': commands(), 'schemas.json': schemas()}).map(([name, value]) => ({
    file: join(folder, name),
    text: JSON.stringify(value),
  }))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(folder, {recursive: true})
  for (const {file, text} of snapshots()) {
    if (!process.argv.includes('--check')) {
      writeFileSync(file, await format(text, {...(await resolveConfig(file)), filepath: file}))
    } else if (!existsSync(file) || !isDeepStrictEqual(JSON.parse(readFileSync(file, 'utf8')), JSON.parse(text))) {
      console.error(`${file} is out of date. If the change is meant: npm run snapshots`)
      process.exitCode = 1
    }
  }
}
