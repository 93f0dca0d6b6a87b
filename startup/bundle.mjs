/**
 * Builds dist/: one file with the CLI, the commands of its core plugins and their dependencies, another for completion,
 * and separate files for rarely used parts. startup/README.md shows the benefit of each optimisation.
 *
 * For bench/tricks.ts: --out FOLDER writes to another folder, --without NAME disables an optimisation, and --entry FILE
 * selects another entry point of the CLI.
 */
import {build} from 'esbuild'
import {existsSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {dirname, join, sep} from 'node:path'
import {fileURLToPath} from 'node:url'
import {parseArgs} from 'node:util'

import {lazyRequires} from './lazy-requires.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const {entry, out, without} = parseArgs({
  options: {
    entry: {default: 'build/startup/ovpn3.js', type: 'string'},
    out: {default: join(root, 'dist'), type: 'string'},
    without: {default: [], multiple: true, type: 'string'},
  },
}).values
/** The path relative to the programs. */
const loader = '../startup/load.js'
const readJson = (...path) => JSON.parse(readFileSync(join(...path), 'utf8'))

/** Separate files and their packages: `discovery` for plugins without a manifest, `terminal` for terminal output. */
const parts = {
  discovery: ['ejs', 'lilconfig', 'minimatch', 'semver', 'tinyglobby'],
  terminal: [
    '@inquirer/confirm',
    '@inquirer/core',
    '@inquirer/input',
    '@inquirer/password',
    'cli-spinners',
    'listr2',
    'log-update',
  ],
}

const options = {
  absWorkingDir: root,
  bundle: true,
  // oclif would load a library to check the version of Node.js, which bin/run.js has checked already.
  define: {'process.env.OCLIF_DISABLE_ENGINE_WARNING': '"1"'},
  // Optional packages, which oclif requires in a try statement.
  external: ['pnpapi', 'ts-node', 'tsx', 'typescript', loader, ...Object.keys(parts).map((part) => `./${part}.js`)],
  format: 'cjs',
  legalComments: 'none',
  logLevel: 'warning',
  metafile: true,
  minify: !without.includes('minify'),
  outdir: out,
  platform: 'node',
  target: 'node20',
}

/** The source of startup/bundled.ts in the bundle: the commands of the core plugins. */
function bundledCommands() {
  const names = readJson(root, 'package.json').oclif.plugins
  const plugins = names.map((name) => {
    const folder = join(root, 'node_modules', name)
    const commands = Object.entries(readJson(folder, 'oclif.manifest.json').commands).map(
      ([id, {relativePath}]) => `'${id}': () => require(${JSON.stringify(join(folder, ...relativePath))}).default`,
    )
    return `'${name}': {version: '${readJson(folder, 'package.json').version}', commands: {${commands.join(', ')}}}`
  })
  return `exports.bundled = {${plugins.join(', ')}}`
}

/** Replaces dynamic imports by a call to the loader, because a script with a code cache cannot use import(). */
const withImports = (path) =>
  readFileSync(path, 'utf8').replaceAll(/await import\((?!')/g, `await require('${loader}').importModule(`)

/** Optimisations by name, as esbuild plugins. The first one that loads a module wins. */
const tricks = {
  bundled: ({onLoad}) =>
    onLoad({filter: /startup\/bundled\.js$/}, () => ({contents: bundledCommands(), resolveDir: root})),
  'lazy-requires': ({onLoad}) => onLoad({filter: /\.js$/}, ({path}) => ({contents: lazyRequires(withImports(path))})),
  imports: ({onLoad}) => onLoad({filter: /\.js$/}, ({path}) => ({contents: withImports(path)})),
  // dbus-next creates an XML parser and builder with every connection; src/lib/bus does not use introspection.
  'no-xml'({onLoad, onResolve}) {
    onResolve({filter: /^fast-xml-(builder|parser)$/}, ({path}) => ({namespace: 'no-xml', path}))
    onLoad({filter: /./, namespace: 'no-xml'}, () => ({
      contents: 'exports.default = exports.XMLParser = class {}',
    }))
  },
  templates: ({onResolve}) =>
    onResolve({filter: /^ejs$/}, ({importer}) =>
      importer.includes('@oclif') ? {path: join(root, 'startup', 'templates.js')} : undefined,
    ),
  parts({onLoad, onResolve}) {
    const partOf = new Map(Object.entries(parts).flatMap(([part, names]) => names.map((name) => [name, part])))
    onResolve({filter: /^[^./]/}, ({path}) => (partOf.has(path) ? {namespace: 'part', path} : undefined))
    onLoad({filter: /./, namespace: 'part'}, ({path}) => ({
      contents: `module.exports = require('./${partOf.get(path)}.js')['${path}']`,
    }))
  },
}

/**
 * The folders of packages with all their dependencies, which may be packed into the files that a package publishes.
 * @param folders relative to the root
 */
function closure(folders, found = new Set()) {
  for (const folder of folders) {
    if (found.has(folder)) continue
    found.add(folder)
    const {dependencies = {}} = readJson(root, folder, 'package.json')
    closure(
      Object.keys(dependencies).map((name) => lookUp(name, folder)),
      found,
    )
  }

  return found
}

/** The folder in which Node.js finds a package. */
function lookUp(name, from) {
  const folder = join(from, 'node_modules', name)
  return from === '.' || existsSync(join(root, folder)) ? folder : lookUp(name, dirname(from))
}

const mitTerms = /^Permission is [^]*/m.exec(readFileSync(join(root, 'LICENSE'), 'utf8'))[0].trim()

/** The licences of the packages in the bundle, which require that their text is included. */
function licences(inputs) {
  const folders = new Set(inputs.flatMap((file) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1] ?? []))
  const foreign = [...folders].filter((folder) => !folder.includes(`node_modules${sep}@ovpn3${sep}`))
  return [...closure(foreign)]
    .sort()
    .map((folder) => {
      const {author, license, name, version} = readJson(root, folder, 'package.json')
      const file = readdirSync(join(root, folder)).find((each) => /^licen[cs]e/i.test(each))
      const text = file
        ? readFileSync(join(root, folder, file), 'utf8').trim()
        : license === 'MIT' && `Copyright (c) ${author.name ?? author}\n\n${mitTerms}`
      if (!text) throw new Error(`${folder} has no text of its licence, ${license}`)
      return `${name} ${version}: ${license}\n\n${text}\n`
    })
    .join(`\n${'-'.repeat(80)}\n\n`)
}

rmSync(out, {force: true, recursive: true})
const outputs = await Promise.all([
  build({
    ...options,
    entryPoints: {
      complete: 'build/src/complete.js',
      ovpn3: entry,
    },
    plugins: Object.entries(tricks)
      .filter(([name]) => !without.includes(name))
      .map(([name, setup]) => ({name, setup})),
  }),
  ...Object.entries(parts).map(([part, names]) =>
    build({
      ...options,
      entryNames: part,
      stdin: {
        contents: names
          .map((name) => `Object.defineProperty(exports, '${name}', {get: () => require('${name}')})`)
          .join('\n'),
        resolveDir: join(root, 'packages', 'kit'),
      },
    }),
  ),
])
const inputs = outputs.flatMap(({metafile}) =>
  Object.values(metafile.outputs).flatMap((file) => Object.keys(file.inputs)),
)
writeFileSync(join(out, 'THIRD-PARTY-LICENSES.txt'), licences(inputs))
