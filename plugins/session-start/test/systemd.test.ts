import {ServiceManager} from '@ovpn3/plugin-session-start'
import assert from 'node:assert/strict'
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {afterEach, beforeEach, describe, it} from 'node:test'

describe('the notifier of the service manager', () => {
  const environment = {...process.env}
  let folder: string
  let notices: string[]
  const manager = () => new ServiceManager((text) => notices.push(text))
  /** Installs a systemd-notify that records its arguments, one line per run. */
  const install = (then = '') =>
    writeFileSync(
      path.join(folder, 'systemd-notify'),
      `#!/bin/sh\nprintf '[%s]' "$@" >>${folder}/sent\necho >>${folder}/sent\n${then}\n`,
      {mode: 0o755},
    )
  const sent = () => readFileSync(path.join(folder, 'sent'), 'utf8')

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'ovpn3-notify-'))
    notices = []
    process.env.NOTIFY_SOCKET = '/nowhere'
    process.env.PATH = `${folder}:${environment.PATH}`
    install()
  })
  afterEach(() => {
    process.env = {...environment}
    rmSync(folder, {force: true, recursive: true})
  })

  it('sends every message in order', async () => {
    const service = manager()
    service.ready('connected to 10.99.0.1 on tun0')
    service.status('reconnecting')
    service.stopping()
    await service.sent()
    assert.equal(sent(), '[READY=1][STATUS=connected to 10.99.0.1 on tun0]\n[STATUS=reconnecting]\n[STOPPING=1]\n')
    assert.deepEqual(notices, [])
  })

  it('sends no assignment contained in a text', async () => {
    const service = manager()
    service.status('connected\nMAINPID=1')
    await service.sent()
    assert.equal(sent(), '[STATUS=connected MAINPID=1]\n')
  })

  it('sends nothing without NOTIFY_SOCKET', async () => {
    delete process.env.NOTIFY_SOCKET
    const service = manager()
    service.ready('connected')
    await service.sent()
    assert.throws(sent, {code: 'ENOENT'})
  })

  it('gives up if systemd-notify does not finish within 1 s', async () => {
    install('exec sleep 100')
    const service = manager()
    const begun = performance.now()
    service.ready('connected')
    assert.ok(performance.now() - begun < 500, 'nothing waits for it')
    service.stopping()
    await service.sent()
    assert.ok(performance.now() - begun < 2000)
    // later messages are dropped
    service.status('reconnecting')
    await service.sent()
    assert.equal(sent(), '[READY=1][STATUS=connected]\n')
    assert.deepEqual(notices, ['Cannot notify the service manager: systemd-notify timed out after 1 s'])
  })

  it('gives up if a message cannot be sent, and reports the reason once', async () => {
    install('exit 1')
    let service = manager()
    service.ready('connected')
    service.stopping()
    await service.sent()
    process.env.PATH = '/nowhere'
    service = manager()
    service.ready('connected')
    service.stopping()
    await service.sent()
    assert.equal(sent(), '[READY=1][STATUS=connected]\n')
    assert.deepEqual(notices, [
      'Cannot notify the service manager: systemd-notify failed with exit status 1',
      'Cannot notify the service manager: systemd-notify did not start: spawn systemd-notify ENOENT',
    ])
  })
})
