import assert from 'node:assert/strict'
import {execFileSync, spawn} from 'node:child_process'
import {once} from 'node:events'
import {chownSync} from 'node:fs'
import {after, afterEach, before, describe, it} from 'node:test'

import {type Simulator, simulator} from '../simulator/simulator'
import {asUser, cli, ovpn3, userFile} from '../support/cli'

describe('--credentials', () => {
  let world: Simulator
  before(async () => {
    world = await simulator()
  })
  afterEach(() => world.reset())
  after(() => world.close())

  const json = '{"username": "vpnuser", "password": "secret", "static_challenge": "123456"}'
  const resume = (profile: string, file: string) =>
    `session-manage --resume --config ${profile} --timeout 10 --credentials ${file}`.split(' ')

  it('are read from a descriptor that a shell opened', async () => {
    const path = await world.startSession('alice', 'chal', {until: 'new'})
    const script = `printf %s '${json}' | "$0" "$@" 3<&0 </dev/null`
    const shell = spawn('/bin/sh', ['-c', script, process.execPath, cli(), ...resume('chal', '/dev/fd/3')], {
      ...asUser(world, 'alice'),
      stdio: 'ignore',
    })
    assert.deepEqual(await once(shell, 'close'), [0, null])
    assert.equal(await world.carriesTraffic(path), true)
  })

  it('are read from a descriptor that Node opened: a socket', async () => {
    const path = await world.startSession('alice', 'chal', {until: 'new'})
    const child = spawn(process.execPath, [cli(), ...resume('chal', '/dev/fd/3')], {
      ...asUser(world, 'alice'),
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    })
    const pipe = child.stdio[3] as NodeJS.WritableStream
    pipe.end(json)
    assert.deepEqual(await once(child, 'close'), [0, null])
    assert.equal(await world.carriesTraffic(path), true)
  })

  it('leave no lines of standard input if they are read from it', async () => {
    const path = await world.startSession('alice', 'chal', {until: 'new'})
    const {status, stderr} = await ovpn3(world, 'alice', resume('chal', '-'), {input: 'vpnuser\nsecret\n123456\n'})
    assert.equal(status, 8)
    assert.match(stderr, /: input is missing: Enter the PIN \(static_challenge\)\nPass --credentials FILE/)
    assert.deepEqual(world.answers(path), {})
  })

  it('that never arrive are awaited until --timeout', async () => {
    await world.startSession('alice', 'pass', {until: 'new'})
    const pipe = userFile(world, 'alice', 'pipes/x', '').replace(/x$/, 'pipe')
    execFileSync('mkfifo', ['-m', '600', pipe])
    if (process.getuid!() === 0) chownSync(pipe, world.uid('alice'), world.uid('alice'))
    for (const file of ['-', pipe]) {
      const args = `session-manage --resume --config pass --timeout 1 --credentials ${file}`.split(' ')
      const {status, stderr, time} = await ovpn3(world, 'alice', args, {openStdin: true})
      assert.equal(status, 7, stderr)
      assert.match(stderr, /^Error: timed out after 1 s\n/)
      assert.ok(time < 10_000, `${time} ms`)
    }
  })

  it('answer one session only, and systemd answers each', async () => {
    const paths = [
      await world.startSession('alice', 'pass', {until: 'new'}),
      await world.startSession('alice', 'key', {until: 'new'}),
    ]
    const file = userFile(world, 'alice', 'credentials', 'vpnuser\nsecret\n')
    const args = 'session-manage --resume --all --yes --timeout 10'.split(' ')
    const given = await ovpn3(world, 'alice', [...args, '--credentials', file])
    assert.equal(given.status, 3)
    assert.match(given.stderr, /standard input and --credentials can answer for one session only: Auth User name/)
    assert.match(
      given.stderr,
      /standard input and --credentials can answer for one session only: Private key passphrase/,
    )
    for (const path of paths) assert.deepEqual(world.answers(path), {})
    userFile(world, 'alice', 'systemd/ovpn3.pass', 'vpnuser\nsecret\n', 0o440)
    const key = userFile(world, 'alice', 'systemd/ovpn3.key', '{"pk_passphrase": "opensesame"}', 0o440)
    const env = {CREDENTIALS_DIRECTORY: key.slice(0, key.lastIndexOf('/'))}
    const {status, stderr} = await ovpn3(world, 'alice', args, {env})
    assert.equal(status, 0, stderr)
    for (const path of paths) assert.equal(await world.carriesTraffic(path), true)
  })

  it('require an action that connects', async () => {
    const {status, stderr} = await ovpn3(world, 'alice', ['session-manage', '--pause', '--all', '--credentials', '-'])
    assert.equal(status, 2)
    assert.match(stderr, /--credentials/)
  })
})
