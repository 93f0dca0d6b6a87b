import assert from 'node:assert/strict'
import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {existsSync, readFileSync} from 'node:fs'
import path from 'node:path'
import {after, beforeEach, describe, it} from 'node:test'

import {asUser, cli, until} from '../support/cli'
import {fleet, Hosts} from '../support/hosts'
import {skipTerminal, terminals} from '../support/terminal'
import {missingTools} from '../support/tools'

const skip = missingTools('systemd-stdio-bridge')
const signals = {SIGHUP: 129, SIGINT: 130, SIGTERM: 143} as const

describe('an interruption of a command over hosts', {skip}, () => {
  const {env, hosts, run, world} = fleet('gw1')

  for (const [signal, status] of Object.entries(signals))
    for (const failure of ['a long silence', 'a silence that ignores SIGTERM'] as const)
      it(`leaves no ssh behind during a connection attempt: ${signal}, ${failure}`, async () => {
        hosts.fail('gw2', failure)
        let sent = 0
        const ended = await run('list -H gw1 -H gw2', {
          async during(child) {
            await until('ssh runs', () => hosts.running('gw2').length === 1)
            sent = performance.now()
            child.kill(signal as NodeJS.Signals)
          },
        })
        assert.deepEqual([ended.status, ended.signal], [status, null], ended.stderr)
        assert.ok(performance.now() - sent < 3000)
        assert.deepEqual(hosts.running(), [])
      })

  it('names no host that was not waited for', async () => {
    await world('gw1').startSession('alice', 'cert')
    hosts.fail('gw2', 'a long silence')
    const interrupted = await run('list -H gw1 -H gw2', {
      async during(child) {
        await until('ssh runs', () => hosts.running('gw2').length === 1)
        child.kill('SIGINT')
      },
    })
    assert.deepEqual([interrupted.status, interrupted.stderr], [130, 'Error: interrupted\n'])
    const timedOut = await run('resume cert -H gw1 -H gw2 --timeout 1')
    assert.deepEqual([timedOut.status, timedOut.stderr.split('\n').length], [7, 2], timedOut.stderr)
  })

  it('names no host that was asked for a hint only', async () => {
    await world('gw1').startSession('alice', 'cert')
    hosts.fail('gw2', 'a long silence')
    for (const line of ['pause', 'stats --watch']) {
      const {status, stderr} = await run(`${line} -H gw1 -H gw2`)
      assert.equal(status, 2)
      assert.doesNotMatch(stderr, /interrupted/)
    }
  })

  it('leaves no ssh behind if 40 hosts are silent', async () => {
    const names = Array.from({length: 40}, (_, i) => `silent${i}`)
    for (const name of names) hosts.fail(name, 'a long silence')
    const {status} = await run(`list ${names.map((name) => `-H ${name}`).join(' ')}`, {
      async during(child) {
        // so many are connected to at a time
        await until('ssh runs', () => hosts.running().length === 32)
        child.kill('SIGINT')
      },
    })
    assert.deepEqual([status, hosts.running()], [130, []])
    assert.ok(hosts.calls.length <= 40)
  })

  it('undoes the start of a session on the host', async () => {
    const {status} = await run('start dead -H gw1', {
      async during(child) {
        await until('it connects', async () => {
          const [path] = await world('gw1').sessions()
          return path !== undefined && hosts.running().length > 0 && world('gw1').status(path)[1] !== 2
        })
        child.kill('SIGINT')
      },
      openStdin: true,
    })
    assert.equal(status, 130)
    assert.deepEqual(await world('gw1').sessions(), [])
    assert.deepEqual(hosts.running(), [])
  })

  for (const line of ['list -H gw1 --watch', 'log cert -H gw1', 'stats cert -H gw1 --watch'])
    it(`by SIGKILL ends ssh: ${line}`, async () => {
      await world('gw1').startSession('alice', 'cert')
      const identity = asUser(world('gw1'), 'alice')
      const child = spawn(process.execPath, [cli(), ...line.split(' ')], {
        ...identity,
        env: {...identity.env, ...env},
        stdio: ['pipe', 'pipe', 'inherit'],
      })
      await once(child.stdout, 'data')
      assert.equal(hosts.running().length, 1)
      child.kill('SIGKILL')
      await until('ssh has ended', () => hosts.running().length === 0)
      child.stdout.destroy()
    })

  it('by a second signal ends ssh', async () => {
    hosts.fail('gw2', 'a silence that ignores SIGTERM')
    const ended = await run('list -H gw2', {
      async during(child) {
        await until('ssh runs', () => hosts.running().length === 1)
        child.kill('SIGINT')
        child.kill('SIGTERM')
      },
    })
    assert.ok(ended.status !== 0, String(ended.status))
    await until('ssh has ended', () => hosts.running().length === 0)
  })
})

describe('Ctrl-C on a terminal', {skip: skip || skipTerminal()}, () => {
  const terminal = terminals()
  const hosts = new Hosts()
  beforeEach(() => {
    hosts.forget()
    hosts.add('gw1', terminal.world)
  })
  after(() => hosts.close())

  it('does not end ssh before the session is undone', async () => {
    const screen = await terminal.open({env: hosts.env})
    await screen.type('ovpn3 start dead -H gw1', 'Enter')
    await until('it connects', async () => (await terminal.world.sessions()).length === 1)
    await screen.shows(/dead/)
    await screen.type('C-c')
    await screen.shows(/\[status 130\]/)
    assert.deepEqual(await terminal.world.sessions(), [])
    assert.deepEqual(hosts.running(), [])
  })

  it('leaves no folder behind, also the second one', async () => {
    hosts.script('gw1', `trap '' TERM; exec sleep 1000`)
    const screen = await terminal.open({env: hosts.env})
    await screen.type('ovpn3 list -H gw1', 'Enter')
    await until('ssh runs', () => hosts.running().length === 1)
    const variables = readFileSync(`/proc/${hosts.running()[0]}/environ`, 'utf8').split('\0')
    const socket = variables.find((each) => each.startsWith('OVPN3_ASKPASS_SOCKET='))!.split('=')[1]!
    assert.ok(existsSync(socket))
    await screen.type('C-c')
    await screen.type('C-c')
    await screen.shows(/\[status \d+\]/)
    await until('the folder is removed', () => !existsSync(path.dirname(socket)))
  })

  it('is not needed for a host that is silent and has asked nothing', async () => {
    hosts.fail('gw1', 'a long silence')
    const screen = await terminal.open({env: hosts.env})
    await screen.type('ovpn3 list -H gw1 --connect-timeout 1', 'Enter')
    await screen.shows(/timed out after 1 s/)
  })

  it('leaves no ssh behind during a connection attempt', async () => {
    hosts.fail('gw1', 'a long silence')
    const screen = await terminal.open({env: hosts.env})
    await screen.type('ovpn3 list -H gw1', 'Enter')
    await until('ssh runs', () => hosts.running().length === 1)
    await screen.type('C-c')
    await screen.shows(/\[status 130\]/)
    assert.deepEqual(hosts.running(), [])
  })
})
