import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

import {pluginSpec} from '../../src/plugins/installer'
import {withoutCredentials} from '../../src/plugins/npm'

describe('plugins install', () => {
  for (const [typed, spec] of [
    ['ovpn3-plugin-uptime', {name: 'ovpn3-plugin-uptime'}],
    ['@scope/uptime@1.2.0', {name: '@scope/uptime', tag: '1.2.0'}],
    ['user/uptime', {url: 'https://github.com/user/uptime'}],
    ['https://github.com/user/uptime.git', {url: 'https://github.com/user/uptime.git'}],
    ['/tmp/uptime.tgz', {url: 'file:/tmp/uptime.tgz'}],
  ] as const)
    it(`takes ${typed}`, () => assert.deepEqual(pluginSpec(typed), spec))

  for (const typed of ['-g', '--registry=http://127.0.0.1:1/', '-', 'a b', ''])
    it(`refuses ${JSON.stringify(typed)}, which is not a package`, () => {
      assert.throws(() => pluginSpec(typed), {code: 'usage', message: `"${typed}" is not the name of a package`})
    })

  it('shows no password of a URL', () => {
    assert.equal(
      withoutCredentials('npm install https://user:secret@example.net/x.git git+ssh://git@example.net/y'),
      'npm install https://example.net/x.git git+ssh://example.net/y',
    )
  })
})
