import assert from 'node:assert/strict'
import {execFile} from 'node:child_process'
import {chmodSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {after, afterEach, before, describe, it} from 'node:test'

import type {UserName, World} from '../support/world'

import {forEachLimited, ovpn3} from '../support/cli'

const everyUser: readonly UserName[] = ['alice', 'bob', 'carol', 'root']
const maxAttempts = 5

interface Output {
  readonly status: number | null
  readonly stdout: string
}

/** Compares `sessions-list` with the reference tool in the same situations, byte by byte. */
export function differentialListTests(title: string, world: () => World): void {
  let folder = ''

  /** The chroot of the lab's service. */
  const root = () => /^unix:path=(.*)\/run\/dbus\//.exec(world().busAddress)![1]!

  const reference = (user: UserName, ...args: readonly string[]): Promise<Output> =>
    new Promise((resolve) => {
      const inside = ['chroot', `--userspec=${user}:`, root(), 'env', '-i', 'PATH=/usr/bin:/bin', 'LC_ALL=C.UTF-8']
      const settings = ['TZ=UTC', `HOME=${user === 'root' ? '/root' : `/home/${user}`}`, 'TERM=dumb']
      execFile(
        'nsenter',
        [`--net=/run/netns/ovpn3-${path.basename(root())}-c`, ...inside, ...settings, 'openvpn3', ...args],
        (error, stdout) => resolve({status: error ? Number(error.code) : 0, stdout}),
      )
    })

  const ours = async (user: UserName): Promise<Output> => {
    const {status, stdout} = await ovpn3(world(), user, ['sessions-list'], {
      env: {PATH: `${folder}:${process.env.PATH}`},
    })
    // The lab's users do not exist on this machine, and the caller's own name is not looked up with getent.
    return {status, stdout: stdout.replaceAll(`Owner: ${world().uid(user)} `, `Owner: ${user}`)}
  }

  /** Removes our addition: the reason for a missing status. */
  const withoutRemarks = ({status, stdout}: Output): Output => ({
    status,
    stdout: stdout.replaceAll(/\(No status\): .*/g, '(No status)'),
  })

  /**
   * Asserts that both lists are the same for these users. Retries, because sessions may change between the two runs.
   */
  const same = (users = everyUser) =>
    forEachLimited(users, 2, async (user) => {
      for (let attempt = 1; ; attempt++) {
        const [expected, actual] = await Promise.all([reference(user, 'sessions-list'), ours(user)])
        try {
          assert.deepEqual({user, ...withoutRemarks(actual)}, {user, ...expected})
          break
        } catch (error) {
          if (attempt === maxAttempts) throw error
        }
      }
    })

  describe(`sessions-list prints the same as the reference tool on ${title}`, () => {
    before(() => {
      folder = mkdtempSync(path.join(tmpdir(), 'ovpn3-getent-'))
      const getent = path.join(folder, 'getent')
      const find = `awk -F: -v key="$3" '$1 == key || $3 == key {print; found = 1} END {exit !found}'`
      writeFileSync(getent, `#!/bin/sh\nexec ${find} ${root()}/etc/passwd\n`)
      chmodSync(folder, 0o755)
      chmodSync(getent, 0o755)
    })
    afterEach(() => world().reset())
    after(() => rmSync(folder, {force: true, recursive: true}))

    it('without a session', () => same())

    it('with one session', async () => {
      await world().startSession('alice', 'cert')
      await same()
    })

    it('with three sessions in different states', async () => {
      await world().startSession('alice', 'cert')
      await world().startSession('alice', 'pass', {until: 'new'})
      await world().startSession('alice', 'dead', {until: 'started'})
      await same(['alice', 'root'])
    })

    it('with a session of each user', async () => {
      for (const user of everyUser) await world().startSession(user, 'cert')
      await same()
    })

    it('with sessions that were paused while connected and while connecting', async () => {
      for (const [profile, until] of [
        ['cert', 'connected'],
        ['dead', 'started'],
      ] as const) {
        const session = await world().startSession('alice', profile, {until})
        await reference('alice', 'session-manage', '--pause', '--path', session)
      }

      await same(['alice'])
    })

    it('with sessions that require different inputs', async () => {
      for (const profile of ['chal', 'key', 'pass', 'cert2'] as const)
        await world().startSession('alice', profile, {until: 'new'})
      await same(['alice'])
    })

    it('with a session that waits for web authentication', async () => {
      await world().startSession('alice', 'web', {until: 'started'})
      await same(['alice'])
    })

    it('with a refused password', async () => {
      await assert.rejects(world().startSession('alice', 'pass', {input: ['vpnuser', 'wrong']}), /does not connect/)
      await same(['alice'])
    })

    it('with two sessions of the same name', async () => {
      await world().startSession('alice', 'cert')
      await world().startSession('alice', 'cert', {fresh: true})
      await same(['alice'])
    })

    it('with a renamed and a deleted profile', async () => {
      const file = '/lab/cert.ovpn'
      await reference('alice', 'config-import', '--config', file, '--name', 'differential')
      try {
        await reference('alice', 'session-start', '--config', 'differential')
        await reference('alice', 'config-manage', '--config', 'differential', '--rename', 'renamed')
        const {stdout} = await reference('alice', 'sessions-list')
        assert.match(stdout, /Current name: renamed/)
        await same(['alice'])
      } finally {
        await reference('alice', 'config-remove', '--config', 'renamed', '--force')
      }

      assert.match((await reference('alice', 'sessions-list')).stdout, /Config not available/)
      await same(['alice'])
    })

    it('with a session that is granted to a user, then public', async () => {
      const session = await world().startSession('alice', 'cert')
      await world().grant(session, 'bob')
      await same()
      await world().setPublicAccess(session, true)
      await same()
    })

    it('with a stale session, alone and among others', async () => {
      await world().startSession('alice', 'cert2')
      // Listing removes a stale session, so each tool lists its own; everything else must be the same.
      const lists = []
      for (const list of [() => reference('alice', 'sessions-list'), () => ours('alice')]) {
        const session = await world().startSession('alice', 'cert')
        await world().killBackend(session)
        const {status, stdout} = withoutRemarks(await list())
        const records = stdout.replaceAll(/^-+\n/gm, '').trimEnd().split('\n\n')
        lists.push({records: records.map((record) => record.replace(session, '<stale>').trimEnd()).sort(), status})
      }

      assert.deepEqual(lists[1], lists[0])
      assert.equal(lists[0]!.records.length, 2)
      await same(['alice'])
    })

    it('with a hung backend', async () => {
      const lists = []
      for (const list of [() => reference('alice', 'sessions-list'), () => ours('alice')]) {
        const session = await world().startSession('alice', 'cert')
        await world().stopBackend(session)
        const {status, stdout} = withoutRemarks(await list())
        lists.push({status, stdout: stdout.replace(session, '<hung>')})
        await world().reset()
      }

      assert.deepEqual(lists[1], lists[0])
    })
  })
}
