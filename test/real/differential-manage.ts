import assert from 'node:assert/strict'
import {beforeEach, describe, it} from 'node:test'

import type {Profile, StartOptions, World} from '../support/world'

import {ovpn3} from '../support/cli'
import {reference} from './reference'

/** Compares `session-manage` with the reference tool; our addition is one line for each session. */
export function differentialManageTests(title: string, world: () => World): void {
  const normalize = (text: string, paths: readonly string[]) =>
    paths
      .reduce((rest, path) => rest.replaceAll(path, '<path>'), text)
      .replaceAll(/^( {5}[A-Z_]+)\.+\d+$/gm, '$1')
      .replaceAll('cert2', 'cert')

  /** Removes our lines; 24.1 does not print the server. */
  const withoutOurs = (text: string) => {
    const theirs = text.replaceAll(/^\w+ \(\w{8}\): .*\n/gm, '')
    return world().version === '24.1' ? theirs.replaceAll(/Connected to .*$/gm, 'Connected') : theirs
  }

  /** Asserts that both tools succeed and print the same, each with its own session. */
  const same = async (mine: string, theirs: string, args: string) => {
    const words = (path: string) => ['session-manage', '--path', path, ...args.split(' ')]
    const [expected, actual] = await Promise.all([
      reference(world(), 'alice', words(theirs)),
      ovpn3(world(), 'alice', words(mine)),
    ])
    assert.deepEqual(
      {status: actual.status, stderr: actual.stderr, stdout: normalize(withoutOurs(actual.stdout), [mine])},
      {status: 0, stderr: '', stdout: normalize(expected.stdout, [theirs])},
      args,
    )
    assert.deepEqual([expected.status, expected.stderr], [0, ''], args)
  }

  const pair = async (options?: StartOptions): Promise<[string, string]> => {
    const start = (profile: Profile) => world().startSession('alice', profile, options)
    return [await start('cert'), await start('cert2')]
  }

  describe(`session-manage compared with the reference tool on ${title}`, () => {
    beforeEach(() => world().reset())

    it('prints the same for a session from pause to disconnect', async () => {
      const [mine, theirs] = await pair()
      for (const args of [
        '--pause',
        '--resume --timeout 20',
        '--resume --timeout 20',
        '--restart --timeout 20',
        '--log-level',
        '--log-level=6',
        '--log-level=6',
        '-P',
        '--resume',
        '--restart --timeout 20',
        '--restart',
        '-D',
      ])
        await same(mine, theirs, args)
      assert.deepEqual(await world().sessions(), [])
    })

    it('prints the same for a session that never started', async () => {
      const [mine, theirs] = await pair({until: 'new'})
      for (const args of ['--pause', '--disconnect']) await same(mine, theirs, args)
    })

    it('prints the same for a clean-up', async () => {
      const both: string[] = []
      for (const tool of ['reference', 'ours']) {
        const [stale, live] = await pair()
        await world().killBackend(stale)
        const args = ['session-manage', '--cleanup']
        const run = await (tool === 'ours' ? ovpn3(world(), 'alice', args) : reference(world(), 'alice', args))
        assert.deepEqual([run.status, run.stderr], [0, ''])
        both.push(normalize(withoutOurs(run.stdout), [live]).split('\n').sort().join('\n'))
        await world().reset()
      }

      assert.equal(both[1], both[0])
    })

    it('prints the same prompts', async () => {
      for (const [profile, input] of [
        ['chal', 'vpnuser\nsecret\n123456\n'],
        ['key', 'opensesame\n'],
        ['pass', 'vpnuser\nsecret\n'],
      ] as const) {
        const args = ['session-manage', '--config', profile, '--resume', '--timeout', '20']
        const asked: string[] = []
        for (const tool of ['reference', 'ours']) {
          const path = await world().startSession('alice', profile, {until: 'new'})
          const run = await (tool === 'ours'
            ? ovpn3(world(), 'alice', args, {input})
            : reference(world(), 'alice', args, input))
          assert.deepEqual([run.status, run.stderr], [0, ''], `${tool} ${profile}`)
          asked.push(normalize(withoutOurs(run.stdout), [path]))
          await world().reset()
        }

        // The reference tool accepts the answers but does not connect.
        const connected = world().version === '24.1' ? 'Connected' : 'Connected to 10.99.0.1 (10.99.0.1)'
        assert.equal(asked[1], `${asked[0]}${connected}\n`)
      }
    })
  })
}
