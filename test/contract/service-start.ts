import assert from 'node:assert/strict'
import {afterEach, describe, it} from 'node:test'

import type {Profile} from '../support/world'

import {until} from '../support/cli'
import {ProfileStage, without} from './profile-stage'
import {failed, noObject, rejects, type Stage, watch} from './service-stage'

/** A certificate authority that no server here uses. */
const OTHER_CA = `<ca>
-----BEGIN CERTIFICATE-----
MIIBezCCASGgAwIBAgIUU27bHhkO9uGXgEGAQPaZEKL5C9YwCgYIKoZIzj0EAwIw
EzERMA8GA1UEAwwIT3RoZXIgQ0EwHhcNMjYxMTI2MjA1NTUxWhcNMzYxMTIzMjA1
NTUxWjATMREwDwYDVQQDDAhPdGhlciBDQTBZMBMGByqGSM49AgEGCCqGSM49AwEH
A0IABDD7VuEHhQfoIBBlP9ztLTyYFRqdiLwUFw3u+Wu3DQBNHStEkSbkUX5k4Y2A
tu/iVoY4B5ZksgmJWshziRdTOhqjUzBRMB0GA1UdDgQWBBT6FkqsSH/K7nvR4EYQ
y8IAxYGqxzAfBgNVHSMEGDAWgBT6FkqsSH/K7nvR4EYQy8IAxYGqxzAPBgNVHRMB
Af8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIQCMZyJLYeqajGr0SiQdaEpXAz4s
sEn3VBbVcXN3K00LdAIgCvGqIRBZ1pX62VAeU86TLMgSPKPgcmKEyjcOSfBe7JY=
-----END CERTIFICATE-----
</ca>
`

/** A log line or a status of a session. */
type Signal = readonly [category: number, text: string] | readonly [status: string]

const PASSWORD = ['vpnuser', 'secret'] as const
const NO_CA = 'ssl_context_error: OpenSSLContext: CA not defined'

const STARTING: readonly Signal[] = [['2,2'], [4, 'Starting connection'], ['2,6']]
const CONNECTING: readonly Signal[] = [...STARTING, [4, 'Connecting'], ['2,6']]
const CONNECTED: readonly Signal[] = [[4, 'Connected'], ['2,7']]
const STOPPING: readonly Signal[] = [[4, 'Stopping VPN client'], ['2,8']]
/** The lines of Disconnect for a running client, and for one that is not running. */
const STOPPED: readonly Signal[] = [...STOPPING, ['2,9'], [4, 'Disconnected'], ['2,16']]
const ENDED: readonly Signal[] = [...STOPPING, ['2,16']]

/** From a profile to a session and to its end, with every signal on the way. */
export function startFacts(stage: Stage): void {
  const profiles = new ProfileStage(stage)
  afterEach(() => profiles.clear())

  const textOf = (profile: Profile) => stage.world.profileText(profile)
  const newTunnel = (path: string) => stage.alice.manager<string>('NewTunnel', 'o', path)

  /**
   * Starts a session of a new profile, which waits for Connect, and forwards its log and statuses.
   */
  const load = async (text: string, overrides: Readonly<Record<string, boolean | string>> = {}): Promise<string> => {
    const path = await profiles.add(text)
    for (const [key, value] of Object.entries(overrides)) {
      await profiles.override(path, key, typeof value === 'string' ? 's' : 'b', value)
    }

    await stage.alice.listen()
    const session = await newTunnel(path)
    await stage.alice.call(session, 'LogForward', 'b', true)
    return session
  }

  const provide = async (session: string, ...values: readonly string[]): Promise<void> => {
    for (const [id, value] of values.entries()) {
      await stage.alice.call(session, 'UserInputProvide', 'uuus', 1, 1, id, value)
    }
  }

  /** How many signals of a session were checked before. */
  const checked = new Map<string, number>()
  const newSignals = (session: string): Signal[] => {
    const all = stage.alice.signals('', session).flatMap(({body: [one, two, text], member}): Signal[] => {
      if (member === 'StatusChange') return [[`${one},${two}`]]
      if (member !== 'Log') return []
      assert.equal(one, 7, 'the group of a client')
      // only 27.1 logs the interface, at a varying position
      return String(text).startsWith('Virtual interface') ? [] : [[Number(two), String(text).replace(/:.*/s, '')]]
    })
    return all.slice(checked.get(session) ?? 0)
  }

  /** The signals since the last check are these. */
  const expectSignals = async (session: string, expected: readonly Signal[]): Promise<void> => {
    await until('every signal arrived', () => newSignals(session).length >= expected.length).catch(() => {})
    assert.deepEqual(newSignals(session), expected)
    checked.set(session, (checked.get(session) ?? 0) + expected.length)
  }

  const gone = (session: string) =>
    until('gone', () => (stage.alice.events(session) as [number, number][]).some(([type]) => type === 2))

  describe('NewTunnel', () => {
    it('replies after it has sent its signals and used the profile, and the session is ready', async () => {
      const {alice} = stage
      await alice.listen()
      const path = await profiles.add()
      const session = await newTunnel(path)
      assert.deepEqual(alice.events(session), [[1, stage.world.uid('alice')]])
      assert.deepEqual(await alice.status(session), [2, 2, `config_path=${path}`])
      await alice.call(session, 'Ready')
      assert.deepEqual(await alice.sessions(), [session])
      assert.equal(await profiles.get('alice', path, 'used_count'), 1)
      assert.ok(Math.abs(Number(await profiles.get('alice', path, 'last_used_timestamp')) - Date.now() / 1000) < 10)
    })

    it('removes a single-use profile after reading its overrides', async () => {
      const {alice} = stage
      const path = await profiles.add(textOf('cert'), {name: 'once', singleUse: true})
      await profiles.override(path, 'log-level', 's', '5')
      const session = await newTunnel(path)
      await rejects(profiles.get('alice', path, 'name'), noObject(path))
      assert.equal(await alice.get(session, 'config_path'), path)
      assert.equal(await alice.get(session, 'config_name'), 'once')
      await alice.call(session, 'Connect')
      await alice.reaches(session, 7)
      assert.equal(await alice.get(session, 'log_verbosity'), 5)
    })

    it('returns a path for a profile without client or remote or one that a server locked, and reports the session gone', async () => {
      const {alice} = stage
      await alice.listen()
      const cert = textOf('cert')
      for (const text of [without(cert, 'client'), without(cert, 'remote'), `${cert}setenv GENERIC_CONFIG 1\n`]) {
        const path = await profiles.add(text)
        const session = await newTunnel(path)
        await until('gone', () => alice.events(session).length > 0)
        assert.deepEqual(alice.events(session), [[2, stage.world.uid('alice')]])
        await rejects(alice.status(session), noObject(session))
        assert.equal(await profiles.get('alice', path, 'used_count'), 1)
      }
    })

    it('a profile without dev connects, although it is invalid', async () => {
      const session = await load(without(textOf('cert'), 'dev'))
      await stage.alice.call(session, 'Connect')
      await stage.alice.reaches(session, 7)
    })

    it('the session does not need its profile afterwards', async () => {
      const {alice} = stage
      const path = await profiles.add(textOf('cert'), {name: 'gone'})
      const session = await newTunnel(path)
      await profiles.call('alice', path, 'Remove')
      await alice.call(session, 'Connect')
      await alice.reaches(session, 7)
      assert.equal(await alice.get(session, 'config_name'), 'gone')
      assert.equal(await alice.get(session, 'config_path'), path)
    })

    it('with an invalid log-level, 27.1 creates a stale session, 24.1 one that connects', async () => {
      const {alice, world} = stage
      const path = await profiles.add()
      await profiles.override(path, 'log-level', 's', '9')
      const session = await newTunnel(path)
      if (world.version === '27.1') {
        await rejects(alice.status(session), failed('Backend VPN process did not respond'))
        await rejects(alice.status(session), noObject(session))
      } else {
        await alice.call(session, 'Connect')
        await alice.reaches(session, 7)
      }
    })
  })

  describe('input', () => {
    it('name, password and passphrase: announces both, and the status names the passphrase', async () => {
      const {alice} = stage
      const text = textOf('key').replace('nobind', 'nobind\nauth-user-pass\nstatic-challenge "Which?" 0')
      const session = await load(text)
      assert.deepEqual(await alice.status(session), [2, 4, 'Private key passphrase needed to connect'])
      const groups = [
        [1, 1],
        [1, 4],
        [1, 3],
      ]
      assert.deepEqual(await alice.call(session, 'UserInputQueueGetTypeGroup'), [groups])
      assert.deepEqual(
        alice.signals('AttentionRequired', session).map(({body: [type, group]}) => [type, group]),
        [
          [1, 1],
          [1, 3],
        ],
      )
      const pin = [1, 4, 0, 'static_challenge', 'Which?', true]
      assert.deepEqual(await alice.call(session, 'UserInputQueueFetch', 'uuu', 1, 4, 0), pin)
    })

    it('does not ask for a name and a password that the profile contains', async () => {
      const login = `<auth-user-pass>\n${PASSWORD.join('\n')}\n</auth-user-pass>`
      const session = await load(textOf('pass').replace('auth-user-pass', login))
      await stage.alice.call(session, 'Ready')
      await stage.alice.call(session, 'Connect')
      await stage.alice.reaches(session, 7)
    })
  })

  describe('dco', () => {
    it('can be set until Connect, which switches it off without the kernel module', async () => {
      const {alice} = stage
      const session = await load(textOf('cert'))
      assert.equal(await alice.get(session, 'dco'), false)
      await alice.set(session, 'dco', 'b', true)
      assert.equal(await alice.get(session, 'dco'), true)
      await alice.call(session, 'Connect')
      await alice.reaches(session, 7)
      assert.equal(await alice.get(session, 'dco'), false)
      await rejects(alice.set(session, 'dco', 'b', true), failed('DCO mode cannot be changed now'))
      await expectSignals(session, [...CONNECTING, ...CONNECTED])
    })

    it('of a profile has no effect on its session without the kernel module', async () => {
      const path = await profiles.add()
      await profiles.set('alice', path, 'dco', 'b', true)
      assert.equal(await stage.alice.get(await newTunnel(path), 'dco'), false)
    })
  })

  describe('signals', () => {
    it('of a connection, a pause, a resume, a restart and the end; persist-tun affects only the devices', async () => {
      const {alice} = stage
      for (const persist of [false, true]) {
        const devices: string[] = []
        const session = await load(textOf('cert'), {'persist-tun': persist})
        const look = async () => devices.push(await alice.get(session, 'device_name'))
        await alice.call(session, 'Connect')
        await expectSignals(session, [...CONNECTING, ...CONNECTED])
        await look()
        await alice.call(session, 'Pause', 's', 'why not')
        await expectSignals(session, [[4, 'Pausing connection'], ['2,13'], ['2,14']])
        await look()
        const again: readonly Signal[] = [[4, 'Reconnecting'], ['2,12'], ...CONNECTED]
        await alice.call(session, 'Resume')
        await expectSignals(session, [[4, 'Resuming connection'], ['2,15'], ...again])
        await look()
        await alice.call(session, 'Restart')
        await expectSignals(session, [[4, 'Restarting connection'], ['2,12'], ...again])
        await look()
        await alice.call(session, 'Disconnect')
        await expectSignals(session, STOPPED)
        // a kept device exists until the next one does
        assert.deepEqual(devices, persist ? ['tun0', 'tun0', 'tun1', 'tun0'] : ['tun0', 'tun0', 'tun0', 'tun0'])
      }
    })

    it('with log-level 5 have more log lines', async () => {
      const {alice} = stage
      const session = await load(textOf('pass'), {'log-level': '5'})
      await provide(session, ...PASSWORD)
      await alice.call(session, 'Connect')
      await alice.reaches(session, 7)
      await until('every signal arrived', () => newSignals(session).some(([status]) => status === '2,7'))
      // with a server that pushes its options unasked, there is nothing to retrieve
      const isSure = ([, text]: Signal) => text !== 'Retrieving configuration from server'
      assert.deepEqual(
        newSignals(session).filter((each) => isSure(each)),
        [
          ['2,2'],
          [4, 'Starting connection'],
          [3, "Username/password provided successfully for 'vpnuser'"],
          [2, 'Using DNS resolver scope'],
          ['2,6'],
          [2, 'Resolving'],
          [3, 'Waiting for server response'],
          [4, 'Connecting'],
          ['2,6'],
          [2, 'Session name'],
          ...CONNECTED,
        ],
      )
    })

    it('with log-level 2 are statuses only', async () => {
      const session = await load(textOf('cert'), {'log-level': '2'})
      await stage.alice.call(session, 'Connect')
      await expectSignals(session, [['2,2'], ['2,6'], ['2,6'], ['2,7']])
    })

    it('of a refused login have no log line, and the session stays until Disconnect', async () => {
      const {alice} = stage
      const session = await load(textOf('pass'))
      await provide(session, 'vpnuser', 'wrong')
      await alice.call(session, 'Connect')
      await expectSignals(session, [...CONNECTING, ['2,11']])
      await watch(500, async () => assert.deepEqual(await alice.status(session), [2, 11, 'Authentication failed']))
      await alice.call(session, 'Connect')
      assert.deepEqual(await alice.status(session), [2, 11, 'Authentication failed'])
      await alice.call(session, 'Disconnect')
      await expectSignals(session, ENDED)
      await gone(session)
    })

    it('of a web authentication contain its URL', async () => {
      const {alice} = stage
      const session = await load(textOf('web'))
      await provide(session, ...PASSWORD)
      await alice.call(session, 'Connect')
      await expectSignals(session, [...CONNECTING, ['3,22']])
      await alice.call(session, 'Disconnect')
      await expectSignals(session, STOPPED)
    })

    it('of Disconnect before Connect', async () => {
      const session = await load(textOf('cert'))
      await stage.alice.call(session, 'Disconnect')
      await expectSignals(session, ENDED)
      await gone(session)
    })

    it('of an unreachable server or an unknown server name end with its start', async () => {
      const {alice} = stage
      const cert = textOf('cert')
      for (const [text, overrides] of [
        [textOf('dead'), {}],
        [cert.replace('10.99.0.1', 'no.such.host.invalid'), {}],
        [cert.replace('1194 udp', '1999 tcp'), {}],
        [cert, {'server-override': '10.99.66.1'}],
      ] as const) {
        const session = await load(text, overrides)
        await alice.call(session, 'Connect')
        await expectSignals(session, STARTING)
        await watch(500, async () => assert.deepEqual(await alice.status(session), [2, 6, '']))
        assert.deepEqual(newSignals(session), [])
        await alice.call(session, 'Disconnect')
        await expectSignals(session, STOPPED)
      }
    })

    it('of a server that requires a login or a certificate and gets none end with its start', async () => {
      const {alice} = stage
      for (const text of [textOf('cert').replace('1194', '1195'), without(textOf('cert'), 'cert', 'key')]) {
        const session = await load(text)
        await alice.call(session, 'Connect')
        await expectSignals(session, CONNECTING)
        await watch(500, async () => assert.deepEqual(await alice.status(session), [2, 6, '']))
        await alice.call(session, 'Disconnect')
        await expectSignals(session, STOPPED)
      }
    })

    it('of a client that cannot start give the reason; 27.1 ends the session, 24.1 keeps it', async () => {
      const {alice, world} = stage
      const cert = without(textOf('cert'), 'data-ciphers')
      const unknown = 'UNKNOWN/UNSUPPORTED OPTIONS: no-such-option,no-such-word\n {UNUSED_OPTIONS_ERROR}'
      for (const [text, problem] of [
        [without(cert, 'ca'), NO_CA],
        [cert.replace(/<ca>[^]*<\/ca>/, '<ca>\nno\n</ca>'), NO_CA],
        [`${cert}no-such-option 1\nno-such-word\n`, unknown],
      ] as const) {
        const session = await load(text)
        assert.equal((await alice.status(session))[1], 2)
        await alice.call(session, 'Connect')
        const failure: readonly Signal[] = [...STARTING, [6, 'Connection failed'], ['2,10']]
        if (world.version === '24.1') {
          await expectSignals(session, failure)
          await watch(500, async () => assert.deepEqual(await alice.status(session), [2, 10, problem]))
          await alice.call(session, 'Disconnect')
          await expectSignals(session, ENDED)
        } else {
          await gone(session)
          const reason = alice.statuses(session).find(([, minor]) => minor === 10)
          assert.deepEqual(reason, [2, 10, problem])
          await expectSignals(session, [...failure, ...ENDED])
        }
      }
    })

    it('of a server whose certificate has another authority give the reason, without 2,8', async () => {
      const {alice, world} = stage
      const session = await load(textOf('cert').replace(/<ca>[^]*<\/ca>\n/, OTHER_CA))
      await alice.call(session, 'Connect')
      const problem = 'Certificate verification failed'
      const failure: readonly Signal[] = [...CONNECTING, [7, problem], ['2,10']]
      const end: readonly Signal[] = [[4, 'Stopping VPN client'], ['2,16']]
      if (world.version === '24.1') {
        await expectSignals(session, failure)
        assert.deepEqual(await alice.status(session), [2, 10, problem])
        await alice.call(session, 'Disconnect')
        await expectSignals(session, end)
      } else {
        await gone(session)
        await expectSignals(session, [...failure, ...end])
      }
    })
  })
}
