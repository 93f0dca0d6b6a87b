import type {ChildProcess} from 'node:child_process'

import assert from 'node:assert/strict'
import path from 'node:path'
import {after, before, beforeEach, describe, it} from 'node:test'

import type {World} from '../support/world'

import {ovpn3, until, userFile} from '../support/cli'
import {missingTools} from '../support/tools'
import {NotifySocket, Unit} from '../support/units'

/** The command lines of the systemd units, run as systemd runs them. */
export function systemdContract(title: string, world: () => World): void {
  describe(`systemd units on ${title}`, {skip: missingTools('perl', 'systemd-notify')}, () => {
    const unit = new Unit('system/ovpn3-session@.service')
    let runs = 0
    let socket: NotifySocket

    /** Runs the service of a profile and, once it is ready, acts on it. */
    const run = async (
      profile: string,
      act: (child: ChildProcess) => Promise<unknown> | unknown = (child) => child.kill(),
      credentials?: string,
    ) => {
      socket.messages.length = 0
      const name = `credentials-${++runs}/ovpn3.${profile}`
      const env = credentials && {
        CREDENTIALS_DIRECTORY: path.dirname(userFile(world(), 'alice', name, credentials, 0o400)),
      }
      let acted = 0
      const ended = await ovpn3(world(), 'alice', unit.args('ExecStart', profile), {
        async during(child, output) {
          await until(output, () => child.exitCode !== null || socket.messages.length > 0)
          if (child.exitCode !== null) return
          acted = performance.now()
          await act(child)
        },
        env: {NOTIFY_SOCKET: socket.path, ...env},
      })
      return {...ended, messages: [...socket.messages], time: performance.now() - acted}
    }

    const notified = (message: RegExp) =>
      until(String(message), () => socket.messages.some((each) => message.test(each)))
    const session = async () => {
      const [session, ...others] = await world().sessions()
      assert.deepEqual(others, [])
      return session!
    }

    const ready = /^READY=1\tSTATUS=connected to 10\.99\.0\.1 on tun\d+/

    before(async () => {
      socket = await NotifySocket.open()
    })
    beforeEach(() => world().reset())
    after(async () => {
      socket?.close()
      await world().reset()
    })

    it('are ready once connected, and disconnect on SIGTERM', async () => {
      const {messages, status, stderr, time} = await run('cert')
      assert.match(messages[0]!, ready)
      assert.deepEqual(messages.slice(1), ['STOPPING=1'])
      assert.equal(stderr, '')
      assert.deepEqual(await world().sessions(), [])
      assert.equal(unit.restartsAfter(status), false)
      assert.ok(time < Number.parseInt(unit.get('TimeoutStopSec')!, 10) * 1000)
    })

    it('take credentials from systemd and print them nowhere', async () => {
      const {messages, stderr, stdout} = await run('pass', (child) => child.kill(), 'vpnuser\nsecret\n')
      assert.match(messages[0]!, ready)
      assert.doesNotMatch(messages.join('\n') + stderr + stdout, /vpnuser|secret/)
    })

    it('are not restarted after missing or refused credentials, or an unknown profile', async () => {
      for (const [profile, credentials, expected] of [
        ['pass', undefined, 8],
        ['pass', 'vpnuser\nwrong\n', 8],
        ['nosuch', undefined, 4],
      ] as const) {
        const {messages, status, stderr} = await run(profile, () => assert.fail(), credentials)
        assert.equal(status, expected, stderr)
        assert.deepEqual(messages, [])
        assert.equal(unit.restartsAfter(status), false)
        assert.deepEqual(await world().sessions(), [])
      }
    })

    it('show the status, and succeed if another client disconnects the session', async () => {
      const manage = (action: string) => ovpn3(world(), 'alice', ['session-manage', `--${action}`, '--config', 'cert'])
      const {messages, status, stderr} = await run('cert', async () => {
        await manage('pause')
        await notified(/^STATUS=paused$/)
        await manage('resume')
        await notified(/^STATUS=connected$/)
        await manage('disconnect')
      })
      assert.equal(status, 0, stderr)
      assert.equal(messages.includes('STOPPING=1'), false)
    })

    it('are restarted after the backend ended, and connect again', async () => {
      const {status} = await run('cert', async () => world().killBackend(await session()))
      assert.equal(unit.restartsAfter(status), true, `${status}`)
      assert.match((await run('cert')).messages[0]!, ready)
    })

    it('are restarted after they were killed, and take over the session', async () => {
      let left = ''
      const {signal} = await run('cert', async (child) => {
        left = await session()
        child.kill('SIGUSR2')
      })
      assert.equal(signal, 'SIGUSR2')
      const {messages} = await run('cert', async (child) => {
        assert.equal(await session(), left)
        child.kill()
      })
      assert.match(messages[0]!, ready)
      assert.deepEqual(await world().sessions(), [])
    })

    it('are not blocked by a hanging systemd-notify', async () => {
      const hangs = userFile(world(), 'alice', 'bin/systemd-notify', '#!/bin/sh\nexec sleep 100\n', 0o755)
      let sent = 0
      const {status, stderr} = await ovpn3(world(), 'alice', unit.args('ExecStart', 'cert'), {
        async during(child, output) {
          await until(output, () => output().includes('connected to'))
          child.kill()
          sent = performance.now()
        },
        env: {NOTIFY_SOCKET: socket.path, PATH: `${path.dirname(hangs)}:${process.env.PATH}`},
      })
      assert.ok(performance.now() - sent < 4000)
      assert.equal(status, 143)
      assert.equal(stderr, 'Cannot notify the service manager: systemd-notify timed out after 1 s\n')
      assert.deepEqual(await world().sessions(), [])
    })

    it('disconnect all sessions at logout', async () => {
      const args = new Unit('user/ovpn3-logout.service').args('ExecStop')
      await world().startSession('alice', 'cert')
      await world().startSession('alice', 'pass', {until: 'new'})
      for (let i = 0; i < 2; i++) {
        const {status, stderr} = await ovpn3(world(), 'alice', args)
        assert.equal(status, 0, stderr)
        assert.deepEqual(await world().sessions(), [])
      }
    })
  })
}
