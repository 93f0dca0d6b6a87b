/**
 * Makes dist/: the CLI with its core plugins' commands and all that they need in one file, since reading and searching
 * for hundreds is most of what a start of an oclif CLI takes, and beside it, in files of their own, what few runs use.
 * With --meta FILE it also writes what is in there, as esbuild tells it.
 */
import {build} from 'esbuild'
import {createHash} from 'node:crypto'
import {existsSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {dirname, join, sep} from 'node:path'
import {fileURLToPath} from 'node:url'

import {lazyRequires} from './lazy-requires.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const dist = join(root, 'dist')
const readJson = (...path) => JSON.parse(readFileSync(join(...path), 'utf8'))

/** What hardly any run comes to. */
const rare = [
  'cli-spinners',
  'ejs',
  'fast-xml-builder',
  'fast-xml-parser',
  'lilconfig',
  'minimatch',
  'semver',
  'tinyglobby',
]

/** The files beside the bundle, and the packages in each: progress, questions, and those. */
const parts = {
  live: ['log-update'],
  prompts: ['@inquirer/confirm', '@inquirer/input', '@inquirer/password', '@inquirer/select'],
  tasks: ['listr2'],
  ...Object.fromEntries(rare.map((name) => [name, [name]])),
}

const options = {
  absWorkingDir: root,
  bundle: true,
  // else oclif would check the version of Node with a library: bin/run.js has done so
  define: {'process.env.OCLIF_DISABLE_ENGINE_WARNING': '"1"'},
  // optional, and asked for in a try
  external: ['pnpapi', 'ts-node', 'tsx', 'typescript'],
  format: 'cjs',
  legalComments: 'none',
  logLevel: 'warning',
  metafile: true,
  minify: true,
  platform: 'node',
  target: 'node20',
}

/** Core plugins whose commands go into the bundle: ours, and small ones. */
const bundledPlugins = () => {
  const {oclif} = readJson(root, 'package.json')
  return oclif.plugins.filter((name) => name.startsWith('@ovpn3/') || name === '@oclif/plugin-help')
}

const manifestOf = (name) => readJson(root, 'node_modules', name, 'oclif.manifest.json')

/** The source of startup/bundled.ts as it has to be in the bundle, from the plugins' manifests. */
function bundledCommands() {
  const plugins = bundledPlugins().map((name) => {
    const folder = join(root, 'node_modules', name)
    const commands = Object.entries(manifestOf(name).commands).map(
      ([id, {relativePath}]) =>
        `${JSON.stringify(id)}: () => require(${JSON.stringify(join(folder, ...relativePath))}).default`,
    )
    const {version} = readJson(folder, 'package.json')
    return `${JSON.stringify(name)}: {version: ${JSON.stringify(version)}, commands: {${commands.join(', ')}}}`
  })
  return `exports.bundled = {${plugins.join(', ')}}`
}

/**
 * The classes of a module, made when they are first used and not when they are constructed: dbus-next makes one of each
 * with every connection, for descriptions in XML that nobody asks for.
 */
const late = (exported) => `new Proxy({}, {
  get: (_, name) => function (...options) {
    let made
    return new Proxy({}, {
      get(_, key) {
        made ??= new (${exported}[name])(...options)
        const value = made[key]
        return typeof value === 'function' ? value.bind(made) : value
      },
    })
  },
})`

const plugin = {
  name: 'ovpn3',
  setup({onLoad, onResolve}) {
    const partOf = new Map(Object.entries(parts).flatMap(([part, names]) => names.map((name) => [name, part])))
    onResolve({filter: /^[^./]/}, ({kind, path}) =>
      kind !== 'entry-point' && partOf.has(path) ? {namespace: 'part', path} : undefined,
    )
    onLoad({filter: /./, namespace: 'part'}, ({path}) => {
      const exported = `require('./${partOf.get(path)}.js')[${JSON.stringify(path)}]`
      return {contents: `module.exports = ${path.startsWith('fast-xml') ? late(exported) : exported}`, resolveDir: dist}
    })
    onResolve({filter: /^\.\/[\w-]+\.js$/}, ({namespace, path}) =>
      namespace === 'part' ? {external: true, path} : undefined,
    )
    onLoad({filter: /build[/\\]startup[/\\]bundled\.js$/}, () => ({contents: bundledCommands(), resolveDir: root}))
    // only their versions are read
    onLoad({filter: /@oclif[/\\]core[/\\]package\.json$/}, ({path}) => {
      const {name, version} = readJson(path)
      return {contents: JSON.stringify({name, version}), loader: 'json'}
    })
    // a script with a code cache cannot import: a file that is loaded as any other does it
    onResolve({filter: /^\.\/import\.js$/}, ({path}) => ({external: true, path}))
    onLoad({filter: /(@oclif[/\\]core[/\\]lib[/\\]module-loader|src[/\\]plugins[/\\]modules)\.js$/}, ({path}) => ({
      contents: lazyRequires(
        readFileSync(path, 'utf8').replaceAll('await import(', "await require('./import.js')("),
        path,
      ),
    }))
    onLoad({filter: /\.c?js$/}, ({path}) => {
      const code = readFileSync(path, 'utf8')
      return /^\s*(import|export)\b/m.test(code) ? undefined : {contents: lazyRequires(code, path)}
    })
  },
}

/**
 * The folders of packages with all that they depend on: what a package publishes may have these packed into it.
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

/** Where Node finds a package. */
function lookUp(name, from) {
  const folder = join(from, 'node_modules', name)
  return from === '.' || existsSync(join(root, folder)) ? folder : lookUp(name, dirname(from))
}

const mitTerms = /^Permission is [^]*/m.exec(readFileSync(join(root, 'LICENSE'), 'utf8'))[0].trim()

/** The licences of the packages that the bundle contains, as they ask for. */
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

rmSync(dist, {force: true, recursive: true})
const partEntries = await Promise.all(
  Object.entries(parts).map(([part, names]) =>
    build({
      ...options,
      outfile: join(dist, `${part}.js`),
      stdin: {
        contents: names
          .map((name) => {
            const key = JSON.stringify(name)
            return `Object.defineProperty(exports, ${key}, {enumerable: true, get: () => require(${key})})`
          })
          .join('\n'),
        resolveDir: join(root, 'packages', 'kit'),
      },
    }),
  ),
)
const programs = await build({
  ...options,
  entryPoints: {complete: 'build/src/complete.js', ovpn3: 'build/startup/ovpn3.js'},
  outdir: dist,
  plugins: [plugin],
  write: false,
})
writeFileSync(join(dist, 'import.js'), '"use strict";module.exports=(url)=>import(url);\n')

// for startup/load.js, which keeps a code cache for each of these commands of just this bundle
const hash = createHash('sha256')
for (const {contents} of programs.outputFiles) hash.update(contents)
const identity = hash.digest('hex').slice(0, 16)
const {commands} = readJson(root, 'oclif.manifest.json')
const ids = [...Object.keys(commands), ...bundledPlugins().flatMap((name) => Object.keys(manifestOf(name).commands))]
for (const {path, text} of programs.outputFiles)
  writeFileSync(path, `// ${[identity, '--complete', ...ids].join(' ')}\n${text}`)
const outputs = Object.assign({}, ...[programs, ...partEntries].map(({metafile}) => metafile.outputs))
writeFileSync(
  join(dist, 'THIRD-PARTY-LICENSES.txt'),
  licences(Object.values(outputs).flatMap(({inputs}) => Object.keys(inputs))),
)
