import assert from 'node:assert/strict'
import {readFileSync} from 'node:fs'
import path from 'node:path'
import {after, before, describe, it} from 'node:test'

import {repository} from '../support/repository'
import {document} from '../support/schemas'
import {stepsOf} from './guide'
import {Sandbox, skipRegistry} from './sandbox'

/** Another oclif CLI with our plugin, and with another session source or none. */
describe('session-stats in another CLI', {skip: skipRegistry()}, () => {
  let sandbox: Sandbox

  before(async () => {
    sandbox = new Sandbox()
    const packages = await Promise.all(
      ['@ovpn3/kit', '@ovpn3/sessions', '@ovpn3/plugin-session-stats'].map((name) => sandbox.pack(name)),
    )
    for (const step of stepsOf('docs/plugins.md'))
      if (step.kind === 'file' && /^(hooks|recording)/.test(step.name)) sandbox.write(`vpn/${step.name}`, step.text)
    sandbox.write('vpn/bin/run.js', "require('@oclif/core').execute({dir: __dirname})\n")
    sandbox.write('vpn/package.json', JSON.stringify({name: 'vpn', private: true}))
    await sandbox.must(`npm install --silent @oclif/core@~4.14.0 ${packages.join(' ')}`, 'vpn')
  })
  after(() => sandbox.remove())

  function configure(hooks: Readonly<Record<string, string>>): void {
    const file = path.join(sandbox.folder, 'vpn', 'package.json')
    const pjson = JSON.parse(readFileSync(file, 'utf8')) as object
    const oclif = {
      bin: 'vpn',
      dirname: 'ovpn3-test-vpn',
      commands: './commands',
      hooks,
      plugins: ['@ovpn3/plugin-session-stats'],
      topicSeparator: ' ',
    }
    sandbox.write('vpn/package.json', JSON.stringify({...pjson, version: '1.0.0', oclif}))
  }

  const vpn = (line: string) =>
    sandbox.run(`"${process.execPath}" bin/run.js ${line}`, 'vpn', {VPN_RECORDING: 'recording.json'})

  it('shows the statistics of recorded sessions', async () => {
    configure({'session-resolver': './hooks/recording'})
    const text = await vpn('session-stats --config branch')
    assert.equal(text.status, 0, text.stderr)
    assert.match(text.stdout, /BYTES_IN\.+734003200$/m)
    const json = await vpn('session-stats --interface tun4 --json')
    assert.equal(json.status, 0, json.stderr)
    assert.deepEqual(JSON.parse(json.stdout), {BYTES_IN: 734_003_200, BYTES_OUT: 52_110})
  })

  it('keeps exit statuses and codes, also from another copy of kit', async () => {
    configure({'session-resolver': './hooks/recording'})
    const missing = await vpn('session-stats --config nosuch --json')
    assert.equal(missing.status, 4)
    assert.equal(document<{error: {code: string}}>('error', missing.stdout).error.code, 'session-not-found')
    // This hook takes its errors from a copy of the package that the plugin does not load.
    const hook = path.join(sandbox.folder, 'vpn', 'hooks', 'recording.js')
    const foreign = readFileSync(hook, 'utf8').replace(
      "'@ovpn3/sessions'",
      JSON.stringify(path.join(repository, 'packages', 'sessions')),
    )
    sandbox.write('vpn/hooks/foreign.js', foreign)
    configure({'session-resolver': './hooks/foreign'})
    const broken = await sandbox.run(`"${process.execPath}" bin/run.js session-stats -c branch`, 'vpn', {
      VPN_RECORDING: 'nosuch.json',
    })
    assert.equal(broken.status, 6, broken.stderr)
    assert.match(broken.stderr, /^Error: the recording nosuch\.json cannot be read: .*\nName another file[^\n]*\n$/)
  })

  it('reports that there is no session source', async () => {
    for (const hooks of [{}, {'session-resolver': './hooks/recording'}] as Record<string, string>[]) {
      configure(hooks)
      const line = `"${process.execPath}" bin/run.js session-stats --config branch`
      // In the second round there is a hook that returns nothing.
      const text = await sandbox.run(line, 'vpn', {VPN_RECORDING: ''})
      assert.equal(text.status, 6, text.stderr)
      assert.equal(text.stdout, '')
      assert.match(text.stderr, /^Error: no session source is available\n[^\n]+\n$/)
      const json = await sandbox.run(`${line} --json`, 'vpn', {VPN_RECORDING: ''})
      assert.equal(json.status, 6)
      assert.equal(document<{error: {code: string}}>('error', json.stdout).error.code, 'service-unavailable')
    }
  })

  it('reports a broken hook', async () => {
    configure({'session-resolver': './hooks/nosuch'})
    const run = await vpn('session-stats --config branch')
    assert.equal(run.status, 1)
    assert.match(run.stderr, /^Error: \[MODULE_NOT_FOUND\] [^\n]*nosuch[^\n]*\n$/)
  })
})
