import assert from 'node:assert/strict'
import {spawnSync} from 'node:child_process'
import {after, afterEach, before, describe, it} from 'node:test'

import {type Simulator, simulator} from '../../../test/simulator/simulator'
import {ovpn3} from '../../../test/support/cli'

/** The reason to skip promtool, or false. With CI=true it is never skipped. */
function skipPromtool(): string | false {
  if (process.env.CI === 'true') return false
  return spawnSync('promtool', ['--version']).error ? 'needs promtool' : false
}

describe('session-stats --format=prometheus', () => {
  let world: Simulator
  const metrics = async (...args: readonly string[]) => {
    const run = await ovpn3(world, 'alice', ['session-stats', '--format=prometheus', ...args])
    assert.equal(run.status, 0, run.stderr)
    return run
  }

  const check = (input: string) => {
    const {status, stderr, stdout} = spawnSync('promtool', ['check', 'metrics'], {encoding: 'utf8', input})
    assert.deepEqual([status, stdout, stderr], [0, '', ''], input)
  }

  before(async () => {
    world = await simulator()
  })
  afterEach(() => world.reset())
  after(() => world.close())

  it('is accepted by promtool', {skip: skipPromtool()}, async () => {
    check((await metrics()).stdout)
    const [first, second] = world.createSessions(3)
    world.setStatistics(first!, {BYTES_IN: 2n ** 63n - 1n, N_PAUSE: 2, AUTH_FAILED: 1, 'Strange-Thing!': 4})
    await world.killBackend(second!)
    world.addProfile('alice', 'a "b" \\ c\nd\te\u001B[31mf\u202E')
    await world.startProfile('alice', 'a "b" \\ c\nd\te\u001B[31mf\u202E')
    check((await metrics()).stdout)
  })

  it('escapes names, and removes control sequences', async () => {
    const names = {
      'a"b': String.raw`a\"b`,
      [String.raw`c\d`]: String.raw`c\\d`,
      [String.raw`e\"f`]: String.raw`e\\\"f`,
      'g\nh': String.raw`g\nh`,
      'i\u001B]0;owned\u0007j\tk\u202El': 'ij k l',
      'öäü {x="y"} ✓': String.raw`öäü {x=\"y\"} ✓`,
    }
    for (const name of Object.keys(names)) {
      world.addProfile('alice', name)
      await world.startProfile('alice', name)
    }

    const {stdout} = await metrics()
    for (const escaped of Object.values(names))
      assert.ok(stdout.includes(`,config="${escaped}",owner="`), `${escaped}\n${stdout.slice(0, 2000)}`)
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(stdout, /[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u202E]/)
  })

  it('has each metric once, with help and type, for any counters of the service', async () => {
    const [first, second] = world.createSessions(2)
    world.setStatistics(first!, {BYTES_IN: 5, 'odd counter': 1, 'odd-counter': 2})
    world.setStatistics(second!, {AUTH_FAILED: 3})
    const {stdout} = await metrics()
    for (const kind of ['HELP', 'TYPE']) {
      const names = [...stdout.matchAll(new RegExp(`^# ${kind} (\\w+)`, 'gm'))].map(([, name]) => name)
      assert.equal(new Set(names).size, names.length)
    }

    const samples = stdout.split('\n').filter((line) => line && !line.startsWith('#'))
    assert.equal(new Set(samples.map((line) => line.slice(0, line.lastIndexOf(' ')))).size, samples.length)
    assert.match(stdout, /^openvpn3_session_odd_counter_total{.*load-1.*} 1$/m)
    assert.match(stdout, /^openvpn3_session_auth_failed_total{.*load-2.*} 3$/m)
    assert.match(stdout, /^openvpn3_session_auth_failed_total{.*load-1.*} 0$/m)
    assert.match(stdout, /^# TYPE openvpn3_session_bytes_in_total counter$/m)
    assert.ok(stdout.endsWith('\n'))
  })

  it('keeps the other properties if one cannot be read', async () => {
    const [first, second] = world.createSessions(2)
    world.failProperty(first!, 'statistics')
    world.failProperty(second!, 'status')
    const {stderr, stdout} = await metrics()
    assert.match(stderr, /^Error: load-1 \(\w{8}\): /)
    assert.match(stdout, /^openvpn3_session_readable{.*load-1.*} 0$/m)
    assert.match(stdout, /^openvpn3_session_connected{.*load-1.*} 1$/m)
    assert.match(stdout, /^openvpn3_session_bytes_in_total{.*load-2.*} \d+$/m)
    assert.doesNotMatch(stdout, /^openvpn3_session_connected{.*load-2/m)
    assert.doesNotMatch(stdout, /^openvpn3_session_bytes_in_total{.*load-1/m)
  })
})
