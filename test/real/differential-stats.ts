import assert from 'node:assert/strict'
import {beforeEach, describe, it} from 'node:test'

import type {UserName, World} from '../support/world'

import {forEachLimited, ovpn3} from '../support/cli'
import {reference} from './reference'

interface Outcome {
  readonly status: number
  readonly stdout: string
}

/** The counters of a text or JSON output; undefined if there are none. */
function countersOf(stdout: string): Map<string, bigint> | undefined {
  const entries = [...stdout.matchAll(/^(?: {5}([A-Z_]+)\.+|\s+"([A-Z_]+)" ?: )(\d+),?$/gm)]
  return entries.length > 0
    ? new Map(entries.map(([, text, json, value]) => [(text ?? json)!, BigInt(value!)]))
    : undefined
}

/** A text output without the values of its counters, which grow. */
const shape = (stdout: string) => stdout.replaceAll(/\.+\d+$/gm, '')

/** Compares `session-stats` with the reference tool, one run after the other. */
export function differentialStatsTests(title: string, world: () => World): void {
  const ours = async (user: UserName, args: readonly string[]): Promise<Outcome> => {
    const run = await ovpn3(world(), user, ['session-stats', ...args])
    return {status: run.status!, stdout: run.stdout}
  }

  const theirs = (user: UserName, args: readonly string[]) => reference(world(), user, ['session-stats', ...args])

  /** Asserts that our counters lie between two runs of the reference tool; without traffic the output is the same. */
  const agree = (user: UserName, selector: readonly string[]) =>
    forEachLimited([[], ['--json'], ['-j']], 3, async (form) => {
      const args = [...selector, ...form]
      const what = `${user}: session-stats ${args.join(' ')}`
      const before = await theirs(user, args)
      const mine = await ours(user, args)
      const after = await theirs(user, args)
      assert.deepEqual([before.status, mine.status], [0, 0], what)
      const [low, value, high] = [before, mine, after].map(({stdout}) => countersOf(stdout))
      if (form.length === 0) {
        if (before.stdout === after.stdout) assert.equal(mine.stdout, before.stdout, what)
        if (low?.size === high?.size) assert.equal(shape(mine.stdout), shape(before.stdout), what)
      } else {
        if (before.stdout === after.stdout) assert.deepEqual(JSON.parse(mine.stdout), JSON.parse(before.stdout), what)
        if (low?.size === high?.size) assert.deepEqual(new Set(value?.keys()), new Set(low?.keys()), what)
      }

      for (const [name, n] of value ?? [])
        assert.ok(n >= (low?.get(name) ?? 0n) && n <= high!.get(name)!, `${what}: ${name}`)
    })

  /** Asserts that both tools fail and print no result. */
  const bothRefuse = (user: UserName, selector: readonly string[], status: number) =>
    forEachLimited([[], ['--json']], 2, async (form) => {
      const args = [...selector, ...form]
      const what = `${user}: session-stats ${args.join(' ')}`
      const [theirRun, mine] = await Promise.all([theirs(user, args), ours(user, args)])
      assert.deepEqual([theirRun.status > 0, theirRun.stdout], [true, ''], what)
      assert.equal(mine.status, status, what)
      if (form.length === 0) assert.equal(mine.stdout, '', what)
      else assert.ok('error' in (JSON.parse(mine.stdout) as object), what)
    })

  describe(`session-stats compared with the reference tool on ${title}`, () => {
    beforeEach(() => world().reset())

    it('agrees on a connected session, selected by path, name and interface', async () => {
      const session = await world().startSession('alice', 'cert')
      await world().carriesTraffic(session)
      await agree('alice', ['--path', session])
      await agree('alice', ['--session-path', session])
      await agree('alice', ['-o', session])
      await agree('alice', ['--config', 'cert'])
      await agree('alice', ['-c', 'cert'])
      const devices = await Promise.all(['tun0', 'tun1', 'tun2'].map((device) => ours('alice', ['-I', device])))
      const device = `tun${devices.findIndex(({status}) => status === 0)}`
      await agree('alice', ['--interface', device])
      await agree('alice', [`--interface=${device}`])
    })

    it('agrees on a paused session', async () => {
      const session = await world().startSession('alice', 'cert')
      await ovpn3(world(), 'alice', ['session-manage', '--pause', '--path', session])
      await agree('alice', ['--path', session])
    })

    it('agrees on a session that connects, and on one that has not started', async () => {
      await world().startSession('alice', 'dead', {until: 'started'})
      await agree('alice', ['--config', 'dead'])
      await world().startSession('alice', 'pass', {until: 'new'})
      await agree('alice', ['--config', 'pass'])
    })

    it('agrees on a session that the server refused', async () => {
      const session = await world().startSession('alice', 'pass', {input: ['vpnuser', 'wrong'], until: 'started'})
      await agree('alice', ['--path', session])
    })

    it('gives the same access to other users, granted users and root', async () => {
      const session = await world().startSession('alice', 'cert')
      for (const user of ['bob', 'carol'] as const) {
        await bothRefuse(user, ['--path', session], 5)
        await bothRefuse(user, ['--config', 'cert'], 4)
        await bothRefuse(user, ['--interface', 'tun0'], 4)
      }

      await agree('root', ['--path', session])
      await world().grant(session, 'bob')
      await agree('bob', ['--path', session])
      await agree('bob', ['--config', 'cert'])
      await bothRefuse('carol', ['--path', session], 5)
      await world().setPublicAccess(session, true)
      await bothRefuse('carol', ['--path', session], 5)
    })

    it('fails as well for an ambiguous name, no match and a missing selector', async () => {
      await world().startSession('alice', 'cert')
      await world().startSession('alice', 'cert', {fresh: true})
      await bothRefuse('alice', ['--config', 'cert'], 4)
      await bothRefuse('alice', ['--config', 'nope'], 4)
      await bothRefuse('alice', ['--interface', 'tun77'], 4)
      await bothRefuse('alice', ['--path', '/net/openvpn/v3/sessions/00000000s0000s0000s0000s000000000000'], 4)
      await bothRefuse('alice', ['--path', 'not/a path'], 2)
      await bothRefuse('alice', [], 2)
    })

    it('removes a stale session, as the reference tool does', async () => {
      for (const run of [theirs, ours]) {
        const session = await world().startSession('alice', 'cert')
        await world().killBackend(session)
        const {status, stdout} = await run('alice', ['--path', session])
        assert.deepEqual([status, stdout], [run === ours ? 4 : 8, ''])
        assert.deepEqual(await world().sessions(), [])
      }
    })
  })
}
