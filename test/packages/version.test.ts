import assert from 'node:assert/strict'
import {after, before, describe, it} from 'node:test'

import {Checkout} from './checkout'

describe('npm run check:version', () => {
  let checkout: Checkout

  before(() => {
    checkout = new Checkout()
  })
  after(() => checkout.remove())

  it('prints nothing if all versions agree', () => {
    const {status, stderr} = checkout.script('version.mjs')
    assert.deepEqual([status, stderr], [0, ''])
  })

  const changes = {
    'CHANGELOG.md': ['## [0', '## [7.0.0] - 2030-01-01\n\n## [0', 'CHANGELOG.md: 7.0.0'],
    'package-lock.json': ['"version": "', '"version": "7.', 'package-lock.json: 7.'],
    'packages/kit/package.json': ['"version": "', '"version": "7.', 'packages/kit/package.json: 7.'],
    'plugins/session-acl/package.json': [
      '"@ovpn3/kit": "',
      '"@ovpn3/kit": "^',
      'plugins/session-acl/package.json: @ovpn3/kit: ^',
    ],
  } as const
  for (const [name, [from, to, said]] of Object.entries(changes))
    it(`reports a different version in ${name}`, () => {
      const {status, stderr} = checkout.scriptOnChanged('version.mjs', name, (text) => text.replace(from, to))
      assert.equal(status, 1)
      assert.ok(stderr.startsWith(said) && stderr.trim().split('\n').length === 1, stderr)
    })
})
