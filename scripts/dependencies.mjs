/**
 * Checks what the project depends on: the lock file is in step with every package.json, names no registry and has a
 * checksum of every package; nothing that is shipped needs an install script and all of it has a licence that goes with
 * ours; and what decides about the bundle has one version. startup/bundle.mjs sees to the texts of the licences.
 */
import {join} from 'node:path'
import {isDeepStrictEqual} from 'node:util'

import {read, readJson} from './project.mjs'

/** Licences of packages whose code may be in the bundle, and of all that may be installed with it. */
const bundled = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'CC0-1.0', 'ISC', 'MIT']
// npm itself, and a list of names that it has; both are installed as they are
const installed = [...bundled, 'Artistic-2.0', 'CC-BY-3.0']
/** By path in the lock file, where a package says its licence in a way of its own. */
const said = {'node_modules/npm/node_modules/qrcode-terminal': 'Apache-2.0'}
/** Its script removes a link of Corepack's where yarn itself is installed globally: not needed. */
const needless = new Set(['node_modules/yarn'])
/** What the bundle is made with, or relies on the inside of. */
const pinned = ['@oclif/core', '@oclif/plugin-help', 'dbus-next', 'esbuild', 'typescript']

/** @param licence an SPDX expression; any of its alternatives will do */
const isOneOf = (allowed, licence = 'none') =>
  licence
    .replaceAll(/^\(|\)$/g, '')
    .split(' OR ')
    .some((each) => allowed.includes(each))

function* problems() {
  const lock = readJson('package-lock.json')
  for (const [path, entry] of Object.entries(lock.packages)) {
    if (entry.link) continue
    if (!path.includes('node_modules/')) {
      const own = readJson(path, 'package.json')
      for (const kind of ['dependencies', 'devDependencies'])
        if (!isDeepStrictEqual(entry[kind], own[kind]))
          yield `package-lock.json differs from the ${kind} of ${join(path, 'package.json')}`
      continue
    }

    if (entry.resolved) yield `package-lock.json: ${path} names a registry: ${entry.resolved}`
    // what is packed in another package is in that one's checksum
    if (!entry.integrity && !entry.inBundle) yield `package-lock.json: ${path} has no checksum`
    if (entry.dev) continue
    if (entry.hasInstallScript && !needless.has(path)) yield `${path} has an install script`
    const licence = entry.license ?? said[path]
    if (!isOneOf(installed, licence)) yield `${path} is installed, but its licence is not allowed: ${licence}`
  }

  const sections = read('dist/THIRD-PARTY-LICENSES.txt').split(`\n${'-'.repeat(80)}\n\n`)
  for (const section of sections) {
    const [, name, licence] = /^(\S+ \S+): (.+)$/m.exec(section)
    if (!isOneOf(bundled, licence)) yield `${name} is bundled, but its licence is not allowed: ${licence}`
  }

  if (!/^ignore-scripts=true$/m.test(read('.npmrc'))) yield '.npmrc allows install scripts'
  const {dependencies, devDependencies} = readJson('package.json')
  for (const name of pinned) {
    const wanted = {...dependencies, ...devDependencies}[name]
    if (!/^(npm:.+@)?\d+\.\d+\.\d+$/.test(wanted)) yield `package.json: ${name} is not pinned to one version: ${wanted}`
  }
}

for (const problem of problems()) {
  console.error(problem)
  process.exitCode = 1
}
