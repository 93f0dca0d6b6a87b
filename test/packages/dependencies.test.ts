import assert from 'node:assert/strict'
import {execFileSync} from 'node:child_process'
import {cpSync} from 'node:fs'
import path from 'node:path'
import {after, before, describe, it} from 'node:test'

import {repository} from '../support/repository'
import {Checkout} from './checkout'

interface Lock {
  readonly packages: Record<string, Record<string, unknown>>
}

describe('npm run check:dependencies', () => {
  let checkout: Checkout

  before(() => {
    checkout = new Checkout()
    cpSync(path.join(repository, 'dist'), path.join(checkout.clone, 'dist'), {recursive: true})
  })
  after(() => checkout.remove())

  it('prints nothing without problems', () => {
    const {status, stderr} = checkout.script('dependencies.mjs')
    assert.deepEqual([status, stderr], [0, ''])
  })

  it('can rely on npm not running install scripts in a clone', () => {
    const said = execFileSync('npm', ['config', 'get', 'ignore-scripts'], {cwd: checkout.clone, encoding: 'utf8'})
    assert.equal(said, 'true\n')
  })

  const lock = (change: (packages: Lock['packages']) => void) => (text: string) => {
    const changed = JSON.parse(text) as Lock
    change(changed.packages)
    return JSON.stringify(changed)
  }

  const ejs = 'node_modules/ejs'
  const faults: readonly [what: string, file: string, change: (text: string) => string, said: string][] = [
    [
      'a dependency that the lock file does not have',
      'plugins/session-acl/package.json',
      (text) => text.replace('"@oclif/core": "', '"@oclif/core": ">'),
      'package-lock.json differs from the dependencies of plugins/session-acl/package.json',
    ],
    [
      'a registry in the lock file',
      'package-lock.json',
      lock((packages) => Object.assign(packages[ejs]!, {resolved: 'https://registry.example/ejs.tgz'})),
      'package-lock.json: node_modules/ejs names a registry: https://registry.example/ejs.tgz',
    ],
    [
      'a package without a checksum',
      'package-lock.json',
      lock((packages) => delete packages[ejs]!.integrity),
      'package-lock.json: node_modules/ejs has no checksum',
    ],
    [
      'an install script',
      'package-lock.json',
      lock((packages) => Object.assign(packages[ejs]!, {hasInstallScript: true})),
      'node_modules/ejs has an install script',
    ],
    [
      'an incompatible licence',
      'package-lock.json',
      lock((packages) => Object.assign(packages[ejs]!, {license: 'GPL-3.0-only'})),
      'node_modules/ejs is installed, but its licence is not allowed: GPL-3.0-only',
    ],
    [
      'no licence',
      'package-lock.json',
      lock((packages) => delete packages[ejs]!.license),
      'node_modules/ejs is installed, but its licence is not allowed: undefined',
    ],
    [
      'an incompatible licence of a bundled package',
      'dist/THIRD-PARTY-LICENSES.txt',
      (text) => text.replace(/^(ejs \S+): Apache-2\.0$/m, '$1: Artistic-2.0'),
      'is bundled, but its licence is not allowed: Artistic-2.0',
    ],
    ['enabled install scripts', '.npmrc', () => '', '.npmrc allows install scripts'],
    [
      'a version range instead of an exact version',
      'package.json',
      (text) => text.replace('"esbuild": "', '"esbuild": "^'),
      'package.json: esbuild is not pinned to one version: ^',
    ],
  ]
  for (const [what, name, change, said] of faults)
    it(`reports ${what}`, () => {
      const {status, stderr} = checkout.scriptOnChanged('dependencies.mjs', name, change)
      assert.equal(status, 1)
      assert.ok(stderr.includes(said), stderr)
    })
})
