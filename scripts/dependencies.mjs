/**
 * Checks the dependencies of the project: the lock file matches every package.json, has no registry host, and has a
 * checksum of every package. No shipped package needs an install script, and each has a compatible licence. Packages
 * that determine the bundle are pinned. startup/bundle.mjs collects the texts of the licences.
 */
import {join} from 'node:path'
import {isDeepStrictEqual} from 'node:util'

import {read, readJson} from './project.mjs'

/** Allowed licences of bundled packages. */
const bundled = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'CC0-1.0', 'ISC', 'MIT']
/** Allowed licences of installed packages: also those of npm and of a list of names in it, which are not modified. */
const installed = [...bundled, 'Artistic-2.0', 'CC-BY-3.0']
/** Licences that the lock file does not contain, by path. */
const knownLicences = {'node_modules/npm/node_modules/qrcode-terminal': 'Apache-2.0'}
/** Packages whose install scripts are not needed: that of yarn only concerns a global installation of yarn. */
const optionalScripts = new Set(['node_modules/yarn'])
/** Packages that build the bundle, or whose internals are used. */
const pinned = ['@oclif/core', '@oclif/plugin-help', 'dbus-next', 'esbuild', 'typescript']

/** @param licence an SPDX expression, of which one alternative must be allowed */
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
    // the checksum of a package covers the packages bundled in it
    if (!entry.integrity && !entry.inBundle) yield `package-lock.json: ${path} has no checksum`
    if (entry.dev) continue
    if (entry.hasInstallScript && !optionalScripts.has(path)) yield `${path} has an install script`
    const licence = entry.license ?? knownLicences[path]
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
