import {Interruption, Ovpn3Error, type StartFrom, type StartOptions} from '@ovpn3/sessions'
import assert from 'node:assert/strict'
import {afterEach, beforeEach, describe, it} from 'node:test'

import {type Bus, BusError, type Call, type Signal} from '../../../src/lib/bus'
import {startSession} from '../../../src/lib/openvpn3/start'
import {silence} from '../../support/fake-session'
import {type MockClock, mockClock, settled} from '../../support/mock-clock'

const profile = '/net/openvpn/v3/configuration/x1'
const saved = '/net/openvpn/v3/configuration/x0'
const session = '/net/openvpn/v3/sessions/s1'
const text: StartFrom = {content: 'client\n', name: 'office.ovpn'}
const refused = (message: string) => new BusError('remote', `GDBus.Error:net.openvpn.gdbuspp: ${message}`)

/** A bus with services whose replies a test can replace. */
class Services {
  /** Replies that replace the default ones, by member. */
  readonly answers = new Map<string, () => Promise<unknown[]>>()
  readonly calls: string[] = []
  /** The calls that are not traced. */
  readonly secret: string[] = []
  /** Resolves when the subscription is complete. */
  subscribed: Promise<unknown> = Promise.resolve()
  readonly #listeners = new Set<(signal: Signal) => void>()
  readonly bus = {
    call: (call: Call) => this.#call(call),
    subscribe: async (_: unknown, listener: (signal: Signal) => void) => {
      await this.subscribed
      this.#listeners.add(listener)
      return async () => void this.#listeners.delete(listener)
    },
  } as unknown as Bus

  get listeners(): number {
    return this.#listeners.size
  }

  event(type: number, path = session): void {
    for (const listener of this.#listeners) listener({body: [path, type, 1000]} as unknown as Signal)
  }

  async #call({body = [], member, path, secret}: Call): Promise<unknown[]> {
    const name = member === 'Get' || member === 'Set' ? `${member} ${String(body[1])}` : member
    const what = member === 'SetOverride' ? `${name} ${String(body[0])}` : name
    this.calls.push(path === saved ? `saved ${what}` : what)
    if (secret) this.secret.push(what)
    const answer = this.answers.get(name)
    if (answer) return answer()
    switch (name) {
      case 'Fetch':
        return ['client\n']
      case 'Get dco':
        return [true]
      case 'Get name':
        return ['office']
      case 'Get overrides':
        return [{'log-level': '4'}]
      case 'Import':
        return [profile]
      case 'NewTunnel':
        this.event(1)
        return [session]
      default:
        return []
    }
  }
}

describe('startSession', () => {
  let abort: AbortController
  let clock: MockClock
  let services: Services
  /** The result of the start; undefined while it runs. */
  let end: unknown
  const start = (from: StartFrom = text, options: StartOptions = {}) => {
    startSession(services.bus, from, options, abort.signal).then(
      (path) => {
        end = path
      },
      (error: unknown) => {
        end = error
      },
    )
  }

  const failure = () => {
    assert.ok(end instanceof Ovpn3Error, String(end))
    return [end.code, end.message] as const
  }

  beforeEach(() => {
    abort = new AbortController()
    clock = mockClock()
    services = new Services()
    end = undefined
  })
  afterEach(() => {
    assert.equal(services.listeners, 0, 'a subscription was not released')
    clock.reset()
  })

  it('imports a text as a single-use profile', async () => {
    start()
    await settled()
    assert.equal(end, session)
    assert.deepEqual(services.calls, ['Import', 'Validate', 'NewTunnel'])
  })

  it('uses a saved profile without a copy', async () => {
    start({name: 'office', path: saved}, {dco: true})
    await settled()
    assert.equal(end, session)
    assert.deepEqual(services.calls, ['saved Validate', 'NewTunnel', 'Set dco'])
  })

  it('sets overrides of this session in a copy that keeps the settings of the profile', async () => {
    start({name: 'office', path: saved}, {persistTun: true})
    await settled()
    assert.equal(end, session)
    assert.deepEqual([...services.calls].sort(), [
      'Import',
      'NewTunnel',
      'Set dco',
      'SetOverride log-level',
      'SetOverride persist-tun',
      'Validate',
      'saved Fetch',
      'saved Get dco',
      'saved Get name',
      'saved Get overrides',
    ])
  })

  it('does not trace the text and the overrides, which may contain a password', async () => {
    start({name: 'office', path: saved}, {persistTun: true})
    await settled()
    assert.deepEqual([...services.secret].sort(), [
      'Fetch',
      'Get overrides',
      'Import',
      'SetOverride log-level',
      'SetOverride persist-tun',
    ])
  })

  it('waits until the manager signals the session', async () => {
    services.answers.set('NewTunnel', async () => [session])
    start()
    await clock.pass(100)
    services.event(1, `${session}x`)
    await clock.pass(100)
    assert.equal(end, undefined)
    services.event(1)
    await settled()
    assert.equal(end, session)
  })

  it('fails if the session never appears', async () => {
    services.answers.set('NewTunnel', async () => [session])
    start()
    await clock.pass(16_000)
    assert.deepEqual(failure(), ['failed', 'no session appeared within 15 s'])
    assert.deepEqual(services.calls.slice(-2), ['Disconnect', 'Remove'])
  })

  it('retries once if the session ends at once', async () => {
    let ends = 1
    services.answers.set('NewTunnel', async () => {
      services.event(1)
      if (ends-- > 0) services.event(2)
      return [session]
    })
    start()
    await settled()
    assert.equal(end, session)
    assert.deepEqual(
      services.calls.filter((call) => call === 'Import' || call === 'NewTunnel'),
      ['Import', 'NewTunnel', 'Import', 'NewTunnel'],
    )
    ends = 2
    start()
    await settled()
    assert.deepEqual(failure(), ['failed', 'the session ended while it was starting'])
    assert.deepEqual(services.calls.slice(-2), ['Disconnect', 'Remove'])
  })

  for (const [member, message, code, told] of [
    [
      'Import',
      'Invalid configuration profile: ERR_INVALID_OPTION_VAL: option_error: line 2 is too long',
      'usage',
      'invalid profile: line 2 is too long',
    ],
    [
      'Validate',
      'Configration profile is missing required options',
      'usage',
      'invalid profile: Configration profile is missing required options',
    ],
    [
      'NewTunnel',
      'A session with this configuration profile is already running',
      'session-running',
      'a session of this profile already exists',
    ],
  ] as const)
    it(`reports a refusal in plain words: ${member}`, async () => {
      services.answers.set(member, async () => {
        throw refused(message)
      })
      start()
      await settled()
      assert.deepEqual(failure(), [code, told])
      assert.equal(services.calls.includes('Remove'), member !== 'Import')
    })

  for (const [member, what, list] of [
    ['Import', 'profile', 'openvpn3 configs-list'],
    ['NewTunnel', 'session', 'ovpn3 list'],
  ] as const)
    it(`reports what may remain after a call without a reply: ${member}`, async () => {
      services.answers.set(member, async () => {
        throw new BusError('timeout', `${member} timed out after 25 s`)
      })
      start()
      await settled()
      assert.equal(failure()[0], 'timeout')
      assert.match(failure()[1], new RegExp(`${member} timed out after 25 s: a ${what} may be left behind$`))
      assert.equal((end as Ovpn3Error).hint, `Run \`${list}\``)
    })

  it('disconnects a session if DCO cannot be set', async () => {
    services.answers.set('Set dco', async () => {
      throw refused('DCO mode cannot be changed now')
    })
    start(text, {dco: true})
    await settled()
    assert.match(failure()[1], /DCO mode cannot be changed now/)
    assert.deepEqual(services.calls.slice(-2), ['Disconnect', 'Remove'])
  })

  describe('when interrupted', () => {
    for (const [member, made, undone] of [
      ['Import', profile, ['Remove']],
      ['NewTunnel', session, ['Disconnect', 'Remove']],
    ] as const) {
      it(`undoes the effect of a late reply: ${member}`, async () => {
        let answer: (body: unknown[]) => void = () => {}
        services.answers.set(
          member,
          () =>
            new Promise((resolve) => {
              answer = resolve
            }),
        )
        start()
        await settled()
        abort.abort(new Interruption())
        await clock.pass(500)
        assert.equal(end, undefined)
        answer([made])
        await settled()
        assert.deepEqual(failure(), ['interrupted', 'interrupted'])
        assert.deepEqual(services.calls.slice(-undone.length), undone)
      })

      it(`reports what may remain without a reply: ${member}`, async () => {
        services.answers.set(member, silence)
        start()
        await settled()
        abort.abort(new Interruption())
        await clock.pass(1400)
        assert.equal(end, undefined)
        await clock.pass(200)
        const what =
          member === 'Import'
            ? 'configuration manager did not respond; a profile'
            : 'session manager did not respond; a session'
        assert.deepEqual(failure(), ['interrupted', `interrupted: the ${what} may be left behind`])
        assert.equal(services.calls.includes('Remove'), member === 'NewTunnel')
      })
    }

    it('ends within 1.5 s', async () => {
      for (const member of ['Disconnect', 'NewTunnel', 'Remove']) services.answers.set(member, silence)
      start()
      await settled()
      abort.abort(new Interruption())
      await clock.pass(1600)
      assert.equal(failure()[0], 'interrupted')
    })

    it('disconnects a session that has not appeared yet', async () => {
      services.answers.set('NewTunnel', async () => [session])
      start()
      await settled()
      abort.abort(new Ovpn3Error('timeout', 'timed out after 3 s'))
      await settled()
      assert.deepEqual(failure(), ['timeout', 'timed out after 3 s'])
      assert.deepEqual(services.calls.slice(-2), ['Disconnect', 'Remove'])
    })

    it('makes no further calls while the bus does not respond', async () => {
      services.subscribed = silence()
      start()
      await settled()
      abort.abort(new Interruption())
      await settled()
      assert.deepEqual(failure(), ['interrupted', 'interrupted'])
      assert.deepEqual(services.calls, ['Import', 'Validate', 'Remove'])
    })

    it('makes no further calls', async () => {
      services.answers.set('Validate', silence)
      start()
      await settled()
      abort.abort(new Interruption())
      await settled()
      assert.deepEqual(failure(), ['interrupted', 'interrupted'])
      assert.deepEqual(services.calls, ['Import', 'Validate', 'Remove'])
    })
  })
})
