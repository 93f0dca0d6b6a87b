import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

import {pluginSpec} from '../../src/plugins/installer'
import {hostIn, npmError, withoutCredentials} from '../../src/plugins/npm'

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

describe('error of npm', () => {
  const output = (...lines: readonly string[]) => lines.map((line) => `npm error ${line}\n`).join('')
  const git = (reason: string) =>
    output(
      'code 128',
      'An unknown git error occurred',
      'command git --no-replace-objects ls-remote ssh://git@git.example/x.git',
      reason,
    )
  const denied = 'git.example has no such package, or denied access'
  const cases: Readonly<
    Record<string, readonly [output: string, host: string | undefined, message: string, hint: RegExp]>
  > = {
    'a git host denies access': [git('git@git.example: Permission denied'), 'git.example', denied, /your access/],
    'a git host cannot be reached': [
      git('fatal: unable to access: Could not resolve host: git.example'),
      'git.example',
      'git.example cannot be reached',
      /network/,
    ],
    'a host has no such file': [
      output('code E404', '404 Not Found - GET https://codeload.git.example/x/tar.gz/main'),
      'git.example',
      denied,
      /URL/,
    ],
    'the registry denies a dependency': [
      output('code E403', '403 Forbidden - GET https://registry.example/y'),
      'git.example',
      'the npm registry denied access',
      /npm login/,
    ],
    'the registry has no such package': [
      output('code E404', '404 Not Found - GET https://registry.example/y'),
      undefined,
      'no such package in the npm registry',
      /Check the name/,
    ],
  }
  for (const [name, [text, host, message, hint]] of Object.entries(cases))
    it(`names the host: ${name}`, () => {
      const error = npmError(text, host)
      assert.equal(error.message, message)
      assert.match(error.hint!, hint)
    })

  it('is about the host of the package', () => {
    const specs: readonly (readonly [string, string | undefined])[] = [
      ['git+ssh://git@git.example/x.git', 'git.example'],
      ['https://user:secret@git.example:8443/x.git', 'git.example'],
      ['git@git.example:x.git', 'git.example'],
      ['user/repository', 'github.com'],
      ['github:user/repository#main', 'github.com'],
      ['@ovpn3/kit', undefined],
      ['ovpn3-plugin-uptime@latest', undefined],
      ['file:/tmp/x.tgz', undefined],
      ['./folder/x.tgz', undefined],
      ['--registry=https://registry.example', undefined],
    ]
    for (const [spec, host] of specs) assert.equal(hostIn(spec), host, spec)
  })
})
