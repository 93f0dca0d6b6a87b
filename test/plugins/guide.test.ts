import assert from 'node:assert/strict'
import {readFileSync, symlinkSync} from 'node:fs'
import path from 'node:path'
import {after, before, describe, it} from 'node:test'

import {demo} from '../simulator/demo'
import {type Simulator, simulator} from '../simulator/simulator'
import {repository} from '../support/repository'
import {document} from '../support/schemas'
import {pattern, type Step, stepsOf} from './guide'
import {Sandbox, skipRegistry} from './sandbox'

describe('docs/plugins.md', {skip: skipRegistry()}, () => {
  let world: Simulator
  let sandbox: Sandbox
  const plugin = 'ovpn3-plugin-uptime'

  before(async () => {
    world = await simulator({me: true})
    await demo(world)
    sandbox = new Sandbox({DBUS_SYSTEM_BUS_ADDRESS: world.busAddress})
    // The reader's password store.
    const entries = 'vpn/customer-vpn\n├── password\n└── username'
    const show = '"show vpn/customer-vpn/username" | "show vpn/customer-vpn/password") echo demo'
    sandbox.write('bin/pass', `#!/bin/sh\ncase $* in\nls*) echo '${entries}' ;;\n${show} ;;\n*) exit 1 ;;\nesac\n`)
    // The reader's checkout, next to the folder of the plugin.
    symlinkSync(repository, path.join(sandbox.folder, 'ovpn3'))
  })
  after(async () => {
    sandbox.remove()
    await world.close()
  })

  /** Runs the steps like one shell: the working directory, variables and $? carry over to the next command. */
  async function follow(steps: readonly Step[]): Promise<void> {
    let directory = '.'
    let variables: Record<string, string> = {}
    let status = 0
    for (const step of steps) {
      if (step.kind === 'file') {
        sandbox.write(path.join(plugin, step.name), step.text)
        continue
      }

      const state = path.join(sandbox.folder, 'state')
      const line = `(exit ${status})\n{ ${step.command}\n} 2>&1; s=$?; { pwd; printf %s "$VPN_RECORDING"; } >"${state}"; exit $s`
      const run = await sandbox.run(line, directory, variables)
      status = run.status
      assert.match(run.stdout.trimEnd(), pattern(step.output), `$ ${step.command}\n${run.stdout}${run.stderr}`)
      const [where = '', recording = ''] = readFileSync(state, 'utf8').split('\n')
      directory = where
      variables = {VPN_RECORDING: recording}
    }
  }

  it('can be followed word for word', async () => {
    const steps = stepsOf('docs/plugins.md')
    assert.ok(steps.filter(({kind}) => kind === 'file').length >= 7)
    assert.ok(steps.filter(({kind}) => kind === 'command').length >= 20)
    await follow(steps)
    assert.match(await sandbox.must('ovpn3 plugins'), /No plugins installed/)
  })

  it("leads to a plugin that gets the codes of the CLI's errors despite its own copy of kit", async () => {
    world.createSessions(2, {name: () => 'twin'})
    await sandbox.must('ovpn3 plugins link .', plugin)
    const cases = [
      ['bus-unreachable', 6, '', {DBUS_SYSTEM_BUS_ADDRESS: 'unix:path=/nonexistent'}],
      ['session-ambiguous', 4, '--config twin', {}],
      ['usage', 2, '--bogus', {}],
    ] as const
    for (const [code, status, args, environment] of cases) {
      const json = await sandbox.run(`ovpn3 session-uptime ${args} --json`, plugin, environment)
      assert.equal(json.status, status, json.stderr)
      assert.equal(document<{error: {code: string}}>('error', json.stdout).error.code, code)
      const text = await sandbox.run(`ovpn3 session-uptime ${args}`, plugin, environment)
      assert.equal(text.status, status)
      assert.match(text.stderr, /^Error: [^\n]+\n/)
      assert.doesNotMatch(text.stderr, /^ +at /m)
    }

    await sandbox.must('ovpn3 plugins unlink ovpn3-plugin-uptime', plugin)
  })
})
