import assert from 'node:assert/strict'
import {after, afterEach, before, beforeEach, describe, it} from 'node:test'

import {type Simulator, simulator} from '../simulator/simulator'
import {ovpn3, type RunOptions, until} from '../support/cli'
import {document} from '../support/schemas'
import {skipSshd, Sshd} from '../support/sshd'

interface Listed {
  readonly sessions: readonly {readonly config: string; readonly host: string}[]
}

describe('hosts behind a real sshd', {skip: skipSshd()}, () => {
  let gw1: Simulator
  let gw2: Simulator
  let sshd: Sshd
  const both = '-H gw1 -H gw2'

  before(async () => {
    // the user of the sessions is the one who logs in
    ;[gw1, gw2] = await Promise.all([simulator({me: true}), simulator({me: true})])
  })
  beforeEach(async () => {
    sshd = await Sshd.start({gw1: gw1.busAddress, gw2: gw2.busAddress, gw3: 'unix:path=/nowhere/bus'})
    await gw1.startSession('alice', 'cert')
    await gw2.startSession('alice', 'cert2')
  })
  afterEach(async () => {
    sshd.close()
    await Promise.all([gw1.reset(), gw2.reset()])
  })
  after(() => Promise.all([gw1?.close(), gw2?.close()]))

  const run = (line: string, options?: RunOptions) =>
    ovpn3(gw1, 'alice', line.split(' '), {
      ...options,
      env: {...sshd.env, DBUS_SYSTEM_BUS_ADDRESS: 'unix:path=/nowhere/bus'},
    })

  it('are listed', async () => {
    const {status, stderr, stdout} = await run(`list ${both} --json`)
    assert.deepEqual([status, stderr], [0, ''], stdout)
    const {sessions} = document<Listed>('sessions-list', stdout)
    assert.deepEqual(
      sessions.map(({config, host}) => [host, config]),
      [
        ['gw1', 'cert'],
        ['gw2', 'cert2'],
      ],
    )
  })

  it('have sessions that can be paused and resumed', async () => {
    const {status, stderr, stdout} = await run(`pause cert2 ${both}`)
    assert.deepEqual([status, stderr], [0, ''])
    assert.match(stdout, /^gw2:cert2 \(\w{8}\): paused$/m)
    const resumed = await run('resume cert2 -H gw2 --timeout 20')
    assert.deepEqual([resumed.status, resumed.stderr], [0, ''])
    assert.match(resumed.stdout, /^gw2:cert2 \(\w{8}\): connected to /m)
  })

  it('have users, whose names the host knows', async () => {
    const {status, stdout} = await run('acl cert -H gw1 --grant root')
    assert.ok(status === 0 || process.getuid!() === 0, stdout)
    const unknown = await run('acl cert -H gw1 --grant no-such-user')
    assert.equal(unknown.status, 2)
    assert.match(unknown.stderr, /no such user: "no-such-user"/)
  })

  it('are watched until sshd is killed', async () => {
    const {status, stderr, stdout} = await run(`list ${both} --watch`, {
      async during(_, output) {
        await until('both are listed', () => /gw1/.test(output()) && /gw2/.test(output()))
        await gw2.startSession('alice', 'chal')
        await until('a new session is listed', () => output().includes('chal'))
        sshd.kill()
      },
      openStdin: true,
    })
    assert.equal(status, 6, stderr)
    assert.match(stdout, /chal/)
    for (const host of ['gw1', 'gw2'])
      assert.match(stderr, new RegExp(`^Error: ${host}: .*: connection closed by the host$`, 'm'))
  })

  it('fail with an error for each reason', async () => {
    const errorOf = async (line: string) => {
      const {status, stderr} = await run(line)
      assert.equal(status, 6, stderr)
      return stderr.split('\n')[0]!
    }

    assert.equal(await errorOf('list -H gw1:1'), 'Error: gw1:1: connection refused')
    assert.equal(
      await errorOf('list -H nobody-by-that-name@gw1'),
      'Error: nobody-by-that-name@gw1: permission denied (publickey)',
    )
    // older bridges log the reason to the journal
    assert.match(
      await errorOf('list -H gw3'),
      /^Error: gw3: (no system bus there|systemd-stdio-bridge ended with status 1)$/,
    )
    sshd.denyLogins()
    assert.equal(await errorOf('list -H gw1'), 'Error: gw1: permission denied (publickey)')
    sshd.changeHostKey()
    await sshd.restart()
    assert.equal(await errorOf('list -H gw1'), 'Error: gw1: its host key has changed')
    sshd.forgetHostKey()
    assert.equal(await errorOf('list -H gw1'), 'Error: gw1: its host key is not known')
    sshd.kill()
    assert.equal(await errorOf('list -H gw1'), 'Error: gw1: connection refused')
  })
})
