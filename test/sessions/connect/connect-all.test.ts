import {
  connectAll,
  type ConnectOptions,
  Deadline,
  InputGroup,
  type Interaction,
  Interruption,
  Ovpn3Error,
  type SessionResult,
  StatusMinor,
} from '@ovpn3/sessions'
import assert from 'node:assert/strict'
import {afterEach, beforeEach, describe, it} from 'node:test'

import {FakeSession, FakeSource, silence, statusOf, userName} from '../../support/fake-session'
import {type MockClock, mockClock, settled} from '../../support/mock-clock'

type Options = Partial<Omit<ConnectOptions, 'deadline'>> & {readonly timeout?: number}

const rest = {answer: async () => ['alice'], labelOf: () => 'office of bob', oneOnly: false, openUrl() {}} as const
const changing = new Set(['connect', 'disconnect', 'provideInput', 'restart', 'resume'])

let clock: MockClock
let abort: AbortController

/** A running attempt. */
class Run {
  results: readonly SessionResult[] | undefined
  readonly deadline: Deadline
  readonly progress: string[] = []
  readonly titles = new Set<string>()
  readonly urls: string[] = []
  #failure: unknown

  constructor(
    sessions: readonly FakeSession[],
    {timeout, ...options}: Options = {},
    interaction?: Partial<Interaction>,
  ) {
    this.deadline = new Deadline(abort.signal, timeout)
    connectAll
      .run(
        sessions,
        {action: 'resume', wait: 'required', ...options, deadline: this.deadline},
        {
          ...rest,
          openUrl: (_, url) => void this.urls.push(url),
          watch: async (waits) => {
            for (const {title} of waits) this.titles.add(title)
            const ends = await Promise.all(waits.map((wait) => wait.run((text) => this.progress.push(text))))
            return ends.map(({value}) => value)
          },
          ...interaction,
        },
      )
      .then(
        (results) => {
          this.results = results
        },
        (error: unknown) => {
          this.#failure = error
        },
      )
  }

  /** The outcome of the only session, the code of its error and the message. */
  get end(): readonly [outcome: string, code: string | undefined, message: string] {
    if (this.#failure) throw this.#failure
    assert.ok(this.results, 'it is not over')
    const [{error, message, outcome}] = this.results as [SessionResult]
    return [outcome, error?.code, message]
  }

  get over(): boolean {
    return this.results !== undefined
  }
}

const changes = ({calls}: FakeSession) => calls.filter((call) => changing.has(call))

beforeEach(() => {
  clock = mockClock()
  abort = new AbortController()
})
afterEach(() => clock.reset())

describe('a new session', () => {
  const begin = (session: FakeSession, options: Options = {}) => new Run([session], {action: 'start', ...options})

  describe('that connects', () => {
    const line = 'Connected: 10.99.0.1:1194 (10.99.0.1) via /UDP on tun/10.8.0.2/ gw=[10.8.0.1/] mtu=1500'
    const withAddress = ['done', undefined, 'connected to 10.99.0.1 on tun0, address 10.8.0.2'] as const
    const without = ['done', undefined, 'connected to 10.99.0.1 on tun0'] as const

    const connecting = async () => {
      const session = new FakeSession(StatusMinor.configOk)
      session.fetch = async () => ({
        errors: {},
        values: {
          connected_to: {host: '10.99.0.1', port: 1194, protocol: 'udp'},
          device_name: 'tun0',
          session_name: 'office',
          status: session.status,
        },
      })
      const run = begin(session)
      await settled()
      return {run, session}
    }

    it('reports the address of its tunnel', async () => {
      const {run, session} = await connecting()
      session.log(4, line)
      session.setStatus(StatusMinor.connected)
      await settled()
      assert.deepEqual(run.end, withAddress)
      assert.equal(run.results![0]!.connection!.address, '10.8.0.2')
      assert.deepEqual(changes(session), ['connect'])
    })

    it('reports the address even if the log line follows the status', async () => {
      const {run, session} = await connecting()
      session.log(4, 'Connecting to [10.99.0.1]:1194')
      session.setStatus(StatusMinor.connected)
      await clock.pass(200)
      assert.equal(run.over, false)
      session.log(4, line)
      await settled()
      assert.deepEqual(run.end, withAddress)
    })

    it('does not wait long for an address that the log does not contain', async () => {
      const {run, session} = await connecting()
      session.log(4, 'Connecting to [10.99.0.1]:1194')
      session.setStatus(StatusMinor.connected)
      await clock.pass(400)
      assert.deepEqual(run.end, without)
    })

    it('does not wait for an address without a log', async () => {
      const {run, session} = await connecting()
      session.setStatus(StatusMinor.connected)
      await settled()
      assert.deepEqual(run.end, without)
      assert.equal(run.results![0]!.connection!.address, null)
    })
  })

  for (const code of ['session-not-found', 'session-stale'] as const)
    it(`reports why it ended if it is gone during a read: ${code}`, async () => {
      const session = new FakeSession(StatusMinor.configOk)
      const run = begin(session)
      session.fetch = async () => {
        if (!session.calls.includes('connect')) return {errors: {}, values: {status: session.status}}
        session.setStatus(StatusMinor.connectionFailed, 'CA not defined')
        return {errors: {status: new Ovpn3Error(code, 'gone')}, values: {}}
      }

      await clock.pass(1000)
      assert.deepEqual(run.end, ['failed', 'refused', 'CA not defined'])
    })

  it('is disconnected after a failure, unless it is to be kept', async () => {
    for (const keep of [false, true]) {
      const session = new FakeSession(StatusMinor.configOk)
      const run = begin(session, {keep})
      await settled()
      session.setStatus(StatusMinor.authenticationFailed, 'Authentication failed')
      await settled()
      assert.deepEqual(run.end, ['failed', 'refused', 'Authentication failed'])
      assert.deepEqual(changes(session), keep ? ['connect'] : ['connect', 'disconnect'])
    }
  })

  it('is named if it fails and cannot be disconnected', async () => {
    const session = new FakeSession(StatusMinor.configOk)
    const run = begin(session)
    await settled()
    session.silent.add('disconnect')
    session.setStatus(StatusMinor.authenticationFailed, 'no')
    await clock.pass(1100)
    assert.deepEqual(run.end, ['failed', 'refused', 'no; the session could not be disconnected'])
    assert.match(run.results![0]!.error!.hint!, /^Run `ovpn3 .*--path 7c1b02d4s3c2e`$/)
  })

  it('has a hint for its host if it fails there and cannot be disconnected', async () => {
    const session = new FakeSession(StatusMinor.configOk, {source: Object.assign(new FakeSource('gw1'), {host: 'gw1'})})
    const run = begin(session)
    await settled()
    session.silent.add('disconnect')
    session.setStatus(StatusMinor.authenticationFailed, 'no')
    await clock.pass(1100)
    assert.equal(run.results![0]!.error!.hint, `Run \`ovpn3 disconnect --host gw1 --path ${session.id}\``)
  })

  it('is disconnected if it is interrupted before it connects, even by a hang-up', async () => {
    for (const hangup of [false, true]) {
      abort = new AbortController()
      const session = new FakeSession(StatusMinor.inputRequired)
      session.queue = [userName]
      const run = new Run([session], {action: 'start'}, {answer: () => silence()})
      await settled()
      abort.abort(new Interruption(hangup))
      await settled()
      assert.deepEqual(run.end.slice(0, 2), ['failed', 'interrupted'])
      assert.deepEqual(changes(session), ['disconnect'])
    }
  })

  it('keeps connecting after a hang-up', async () => {
    const session = new FakeSession(StatusMinor.configOk)
    const run = begin(session)
    await settled()
    abort.abort(new Interruption(true))
    await settled()
    assert.deepEqual(run.end, ['failed', 'interrupted', 'interrupted: still connecting in the background'])
    assert.deepEqual(changes(session), ['connect'])
  })
})

describe('the start of an attempt', () => {
  it('resumes a paused session and waits until it is connected', async () => {
    const session = new FakeSession()
    const run = new Run([session])
    await clock.pass(300)
    assert.equal(run.over, false)
    session.setStatus(StatusMinor.connected)
    await settled()
    assert.deepEqual(run.end, ['done', undefined, 'connected'])
    assert.deepEqual(changes(session), ['resume'])
    assert.ok(session.calls.indexOf('follow') < session.calls.indexOf('resume'), 'or the reason of a failure is lost')
    assert.equal(session.calls.at(-1), 'unfollow')
  })

  for (const minor of [StatusMinor.configOk, StatusMinor.inputRequired])
    it(`connects a session that never started: status ${minor}`, async () => {
      const session = new FakeSession(minor)
      const run = new Run([session], {wait: 'never'})
      await settled()
      assert.deepEqual(run.end, ['done', undefined, 'resuming in the background'])
      assert.deepEqual(changes(session), ['connect'])
    })

  it('connects a session that was paused before its start', async () => {
    const session = new FakeSession()
    session.statistics = {}
    await session.refresh()
    void new Run([session], {wait: 'never'})
    await settled()
    assert.deepEqual(changes(session), ['connect'])
  })

  it('restarts a connected session', async () => {
    const session = new FakeSession(StatusMinor.connected)
    const run = new Run([session], {action: 'restart'})
    await clock.pass(300)
    session.setStatus(StatusMinor.connected)
    await clock.pass(1500)
    assert.deepEqual(run.end, ['done', undefined, 'connected'])
    assert.deepEqual(changes(session), ['restart'])
  })

  it('does not change a connected session on resume', async () => {
    const session = new FakeSession(StatusMinor.connected)
    const run = new Run([session])
    await settled()
    assert.deepEqual(run.end, ['unchanged', undefined, 'already connected'])
    assert.deepEqual(session.calls, [])
  })

  for (const minor of [9, 10, 11, 16, 28, 29])
    it(`refuses a failed session: status ${minor}`, async () => {
      const session = new FakeSession(minor)
      const run = new Run([session])
      await settled()
      assert.deepEqual(run.end.slice(0, 2), ['failed', 'refused'])
      assert.deepEqual(changes(session), [])
    })

  it('changes nothing in a dry run', async () => {
    const session = new FakeSession()
    const run = new Run([session], {dryRun: true})
    await settled()
    assert.deepEqual(run.end, ['planned', undefined, 'would be resumed (paused)'])
    assert.deepEqual(changes(session), [])
  })

  for (const minor of [6, 12, 15, 22])
    it(`attaches to a session that is connecting: status ${minor}`, async () => {
      const session = new FakeSession(minor)
      const run = new Run([session])
      await clock.pass(300)
      session.setStatus(StatusMinor.connected)
      await clock.pass(600)
      assert.deepEqual(run.end, ['done', undefined, 'connected'])
      assert.deepEqual(changes(session), [])
    })

  it('does not connect a session that another client has connected meanwhile', async () => {
    const session = new FakeSession(StatusMinor.configOk)
    const run = new Run([session], {timeout: 5})
    session.status = statusOf(StatusMinor.connecting)
    await clock.pass(6000)
    assert.deepEqual(changes(session), [])
    assert.match(run.end[2], /still connecting in the background$/)
  })

  it('waits by default only for a session with a readable status', async () => {
    const session = new FakeSession()
    const denied = new Ovpn3Error('access-denied', 'permission denied')
    session.snapshot = {errors: {status: denied}, values: {}}
    const run = new Run([session], {wait: 'default'})
    await settled()
    assert.deepEqual(run.end, ['done', undefined, 'resuming in the background'])
    const refused = new FakeSession()
    refused.snapshot = session.snapshot
    const other = new Run([refused])
    await settled()
    assert.deepEqual(other.end.slice(0, 2), ['failed', 'access-denied'])
    assert.deepEqual(changes(refused), [])
  })
})

describe('input', () => {
  const needy = () => {
    const session = new FakeSession(StatusMinor.inputRequired)
    session.queue = [userName, {...userName, id: 1, name: 'password'}]
    return session
  }

  const answers = {answer: async () => ['alice', 'secret']}

  it('is requested, then sent, before the session is connected', async () => {
    const session = needy()
    const run = new Run([session], {}, answers)
    await clock.pass(100)
    assert.deepEqual(changes(session), ['provideInput', 'provideInput', 'connect'])
    session.setStatus(StatusMinor.connected)
    await settled()
    assert.deepEqual(run.end, ['done', undefined, 'connected'])
  })

  it('has no time limit while the user is prompted', async () => {
    const session = needy()
    let answer = (_: string[]) => {}
    const asked = () =>
      new Promise<string[]>((resolve) => {
        answer = resolve
      })
    const run = new Run([session], {timeout: 5}, {answer: (_, __, {deadline}) => deadline.pause(asked)})
    await clock.pass(60_000)
    assert.equal(run.over, false)
    answer(['alice', 'secret'])
    await clock.pass(4000)
    assert.equal(run.over, false)
    await clock.pass(2000)
    assert.deepEqual(run.end.slice(0, 2), ['failed', 'timeout'])
  })

  it('has a time limit if no user is prompted', async () => {
    const session = needy()
    const run = new Run([session], {timeout: 5}, {answer: () => silence()})
    await clock.pass(6500)
    assert.deepEqual(run.end, ['failed', 'timeout', 'not connected within 5 s (needs input): nothing was done'])
    assert.deepEqual(changes(session), [])
  })

  it('from another client is accepted, and the missing input is requested again', async () => {
    const session = needy()
    let asked = 0
    const run = new Run(
      [session],
      {},
      {
        async answer(_, requests) {
          // another client answers during the prompt
          if (asked++ === 0) session.queue = session.queue.slice(1)
          return requests.map(() => 'x')
        },
      },
    )
    await clock.pass(3000)
    assert.equal(asked, 2)
    assert.deepEqual(session.queue, [])
    session.setStatus(StatusMinor.connected)
    await settled()
    assert.equal(run.end[0], 'done')
  })

  it('from another client that connects prevents a second connect, and the session stays', async () => {
    const session = needy()
    const run = new Run(
      [session],
      {timeout: 10},
      {
        async answer() {
          session.queue = []
          setTimeout(() => session.setStatus(StatusMinor.connecting), 500)
          return ['alice', 'secret']
        },
      },
    )
    await clock.pass(12_000)
    assert.deepEqual(changes(session), ['provideInput'])
    assert.match(run.end[2], /still connecting in the background$/)
  })

  describe('from a source for one session only', () => {
    const lines: Partial<Interaction> = {
      async answer(_, requests, {claim}) {
        if (!claim()) throw new Ovpn3Error('input-missing', 'for one only')
        return requests.map(() => 'x')
      },
      oneOnly: true,
    }

    it('answers neither of two sessions that need it', async () => {
      const sessions = [needy(), needy()]
      const run = new Run(sessions, {}, lines)
      await settled()
      for (const {error} of run.results!) assert.equal(error?.code, 'input-missing')
      for (const session of sessions) assert.deepEqual(changes(session), [])
    })

    it('belongs to the first session that took it', async () => {
      const [session, later] = [needy(), new FakeSession()]
      const run = new Run([session, later], {timeout: 10}, lines)
      await clock.pass(300)
      assert.deepEqual(changes(session), ['provideInput', 'provideInput', 'connect'])
      for (const each of [later, session]) {
        each.queue = [userName]
        each.setStatus(StatusMinor.inputRequired)
      }

      await clock.pass(3000)
      assert.equal(session.queue.length, 0)
      assert.equal(later.queue.length, 1)
      session.setStatus(StatusMinor.connected)
      await clock.pass(600)
      assert.deepEqual(
        run.results!.map(({error}) => error?.code),
        [undefined, 'input-missing'],
      )
    })
  })

  it('is requested while the session connects, then connects it again', async () => {
    const session = new FakeSession()
    const run = new Run([session])
    await clock.pass(300)
    session.queue = [userName]
    session.setStatus(StatusMinor.inputRequired)
    await clock.pass(1500)
    assert.deepEqual(changes(session), ['resume', 'provideInput', 'connect'])
    session.setStatus(StatusMinor.connected)
    await clock.pass(600)
    assert.equal(run.end[0], 'done')
  })

  it('of one session does not wait for another', async () => {
    const [slow, session] = [new FakeSession(), new FakeSession()]
    const run = new Run([slow, session], {timeout: 60})
    await clock.pass(300)
    session.queue = [userName]
    session.setStatus(StatusMinor.inputRequired)
    await clock.pass(2000)
    assert.deepEqual(changes(session), ['resume', 'provideInput', 'connect'])
    for (const each of [slow, session]) each.setStatus(StatusMinor.connected)
    await clock.pass(600)
    assert.deepEqual(
      run.results!.map(({outcome}) => outcome),
      ['done', 'done'],
    )
  })

  it('waits for the outcome of a login even without a wait for the connection', async () => {
    const session = needy()
    const run = new Run([session], {wait: 'login'}, answers)
    await clock.pass(300)
    session.setStatus(StatusMinor.authenticationFailed, 'Authentication failed')
    await settled()
    assert.deepEqual(run.end, ['failed', 'refused', 'Authentication failed'])
    const silent = needy()
    const other = new Run([silent], {wait: 'login'}, answers)
    await clock.pass(32_000)
    assert.deepEqual(other.end, [
      'failed',
      'timeout',
      'not connected within 30 s (connecting): still connecting in the background',
    ])
    assert.deepEqual(changes(silent), ['provideInput', 'provideInput', 'connect'])
  })
})

describe('the wait for the connection', () => {
  const ends: Readonly<Record<string, readonly [minor: number, code: string, message: RegExp]>> = {
    'a refused login': [11, 'refused', /^no$/],
    'a connection that failed': [10, 'refused', /^no$/],
    'a pause': [14, 'failed', /paused while connecting/],
    'a PKCS#11 request': [23, 'refused', /ovpn3 does not support/],
  }
  for (const [what, [minor, code, message]] of Object.entries(ends))
    it(`ends with ${what}`, async () => {
      const session = new FakeSession()
      const run = new Run([session])
      await clock.pass(300)
      session.setStatus(minor, 'no')
      await settled()
      assert.equal(run.end[1], code)
      assert.match(run.end[2], message)
      assert.deepEqual(changes(session), ['resume'])
    })

  it('ends if the session is removed', async () => {
    const session = new FakeSession()
    const run = new Run([session])
    await clock.pass(300)
    session.tell({type: 'removed'})
    await settled()
    assert.deepEqual(run.end.slice(0, 2), ['failed', 'session-not-found'])
  })

  it('ends with a failure if a new session is removed', async () => {
    const session = new FakeSession()
    session.setStatus(StatusMinor.configOk)
    const run = new Run([session], {action: 'start'})
    await clock.pass(300)
    session.tell({type: 'removed'})
    await settled()
    assert.deepEqual(run.end, ['failed', 'failed', 'the session was removed while connecting'])
  })

  it('reports why a session failed that is removed at once', async () => {
    const session = new FakeSession()
    const run = new Run([session])
    await clock.pass(300)
    const detail = 'PKey::parse_pem: error in private key:: error:1C800064:Provider routines::bad decrypt'
    session.setStatus(StatusMinor.connectionFailed, detail)
    session.setStatus(StatusMinor.done)
    session.tell({type: 'removed'})
    await settled()
    assert.deepEqual(run.end, ['failed', 'refused', 'wrong passphrase or unreadable private key'])
    assert.equal(run.results![0]!.status!.message, detail)
  })

  it('shows each status', async () => {
    const session = new FakeSession()
    const run = new Run([session])
    await clock.pass(300)
    session.setStatus(StatusMinor.reconnecting)
    session.setStatus(StatusMinor.connected)
    await settled()
    assert.deepEqual(run.progress.slice(-2), ['reconnecting', 'connected'])
    assert.deepEqual([...run.titles], ['Resuming office of bob'])
  })

  it('shows each URL once, even if both status and signal announce it', async () => {
    const session = new FakeSession()
    const run = new Run([session])
    await clock.pass(300)
    session.tell({group: InputGroup.openUrl, message: 'https://vpn/1', type: 'attention'})
    session.setStatus(StatusMinor.urlAuthentication, 'https://vpn/1')
    await clock.pass(2000)
    session.setStatus(StatusMinor.urlAuthentication, 'https://vpn/2')
    await clock.pass(600)
    assert.deepEqual(run.urls, ['https://vpn/1', 'https://vpn/2'])
    session.setStatus(StatusMinor.connected)
    await clock.pass(600)
    assert.equal(run.end[0], 'done')
  })

  it('ignores the status from before a restart', async () => {
    const session = new FakeSession()
    session.restart = async () => void session.calls.push('restart')
    const run = new Run([session], {action: 'restart'})
    await clock.pass(700)
    assert.equal(run.over, false)
    session.setStatus(StatusMinor.connected)
    await settled()
    assert.equal(run.end[0], 'done')
  })

  it('rarely polls the service for input of a session that is not ready', async () => {
    const session = new FakeSession()
    const run = new Run([session], {timeout: 10})
    await clock.pass(300)
    session.ready = async () => {
      session.calls.push('ready')
      return false
    }

    session.setStatus(StatusMinor.inputRequired)
    const before = session.calls.length
    await clock.pass(5000)
    const rate = (session.calls.length - before) / 5
    assert.ok(rate <= 5, `${rate} calls a second`)
    await clock.pass(7000)
    assert.match(run.end[2], /^not connected within 10 s \(needs input\): gave up and disconnected it$/)
  })

  it('rarely polls the service during a flood of signals', async () => {
    const session = new FakeSession()
    void new Run([session])
    await clock.pass(300)
    session.queue = []
    const before = session.calls.length
    for (let i = 0; i < 100; i++) {
      session.setStatus(i % 2 ? StatusMinor.inputRequired : StatusMinor.connecting)
      await clock.pass(50)
    }

    const rate = (session.calls.length - before) / 5
    assert.ok(rate <= 5, `${rate} calls a second`)
  })
})

describe('an abort', () => {
  const interruption = () => abort.abort(new Interruption())

  it('before the action is sent, at any call, changes nothing', async () => {
    const calls = ['ready', 'follow']
    for (const silent of calls) {
      abort = new AbortController()
      const session = new FakeSession()
      session.silent.add(silent)
      const run = new Run([session])
      await clock.pass(300)
      interruption()
      await clock.pass(200)
      assert.deepEqual(run.end, ['failed', 'interrupted', 'interrupted: nothing was done'], silent)
      assert.deepEqual(changes(session), [])
    }
  })

  it('before Connect is sent, during the last read, changes nothing', async () => {
    const session = new FakeSession(StatusMinor.configOk)
    let answer = () => {}
    const {fetch} = session
    session.fetch = async (names) => {
      await new Promise<void>((resolve) => {
        answer = resolve
      })
      return fetch.call(session, names)
    }

    const run = new Run([session])
    await clock.pass(300)
    interruption()
    await clock.pass(200)
    answer()
    await clock.pass(3000)
    assert.deepEqual(run.end, ['failed', 'interrupted', 'interrupted: nothing was done'])
    assert.deepEqual(changes(session), [])
  })

  it('after input was sent reports it and does not connect', async () => {
    const session = new FakeSession(StatusMinor.inputRequired)
    session.queue = [userName]
    session.silent.add('provideInput')
    const run = new Run([session])
    await clock.pass(300)
    interruption()
    await clock.pass(200)
    assert.deepEqual(run.end, [
      'failed',
      'interrupted',
      'interrupted: input was sent, but the connection was not started',
    ])
    assert.deepEqual(changes(session), ['provideInput'])
  })

  it('disconnects a session that it started', async () => {
    const session = new FakeSession()
    const run = new Run([session])
    await clock.pass(300)
    interruption()
    await clock.pass(200)
    assert.deepEqual(run.end, ['failed', 'interrupted', 'interrupted: gave up and disconnected it'])
    assert.equal(run.results![0]!.statistics!.BYTES_IN, 1n)
    assert.equal(run.results![0]!.changed, true)
    assert.deepEqual(changes(session), ['resume', 'disconnect'])
  })

  it('disconnects if the action was sent but not answered', async () => {
    const session = new FakeSession()
    session.silent.add('resume')
    const run = new Run([session])
    await clock.pass(300)
    interruption()
    await clock.pass(200)
    assert.deepEqual(changes(session), ['resume', 'disconnect'])
    assert.match(run.end[2], /gave up and disconnected it/)
  })

  it('does not change a session that it only attached to: interruption, timeout', async () => {
    for (const timeout of [undefined, 2]) {
      abort = new AbortController()
      const session = new FakeSession(StatusMinor.reconnecting)
      const run = new Run([session], {timeout})
      await clock.pass(300)
      if (!timeout) interruption()
      await clock.pass(2500)
      assert.match(run.end[2], /: still connecting in the background$/)
      assert.deepEqual(changes(session), [])
    }
  })

  it('by a hang-up does not disconnect', async () => {
    const session = new FakeSession()
    const run = new Run([session])
    await clock.pass(300)
    abort.abort(new Interruption(true))
    await clock.pass(200)
    assert.deepEqual(run.end, ['failed', 'interrupted', 'interrupted: still connecting in the background'])
    assert.deepEqual(changes(session), ['resume'])
  })

  for (const options of [{keep: true}, {wait: 'default'}, {wait: 'login'}] as const)
    it(`keeps the session: ${JSON.stringify(options)}`, async () => {
      const session = new FakeSession()
      session.queue = 'wait' in options && options.wait === 'login' ? [userName] : []
      const run = new Run([session], {timeout: 2, ...options})
      await clock.pass(33_000)
      assert.deepEqual(run.end.slice(0, 2), ['failed', 'timeout'])
      assert.match(run.end[2], /: still connecting in the background$/)
      assert.equal(session.calls.includes('disconnect'), false)
    })

  it('is bounded if the session manager is silent, and reports the unconfirmed disconnect', async () => {
    const session = new FakeSession()
    const run = new Run([session], {timeout: 3})
    await clock.pass(300)
    session.silent.add('*')
    await clock.pass(2700)
    assert.equal(run.over, false)
    await clock.pass(1800)
    assert.deepEqual(run.end, [
      'failed',
      'timeout',
      'not connected within 3 s (resuming): a disconnect was sent, but not answered; it may still be connecting',
    ])
    assert.ok(session.calls.includes('disconnect'))
  })

  for (const [name, options] of [
    ['with a wait', {}],
    ['in the background', {wait: 'never'}],
  ] as const)
    it(`reports the unknown outcome of an action without an answer: ${name}`, async () => {
      const session = new FakeSession()
      session.silent.add('resume')
      const run = new Run([session], {keep: true, ...options})
      await clock.pass(300)
      interruption()
      await clock.pass(1800)
      assert.match(run.end[2], /^interrupted before there was an answer: it may still have taken effect$/)
    })

  it('in the background reports an answer that arrives within the grace period', async () => {
    const session = new FakeSession()
    const {resume} = session
    session.resume = async () => {
      await new Promise((resolve) => {
        setTimeout(resolve, 500)
      })
      return resume.call(session)
    }

    const run = new Run([session], {wait: 'never'})
    await clock.pass(200)
    interruption()
    await clock.pass(800)
    assert.deepEqual(run.end, ['done', undefined, 'resuming in the background'])
  })

  it('reads the status once more, because the process may have been stopped', async () => {
    const session = new FakeSession()
    const run = new Run([session], {timeout: 3})
    await clock.pass(2900)
    session.status = statusOf(StatusMinor.connected)
    await clock.pass(300)
    assert.equal(run.end[0], 'done')
    assert.deepEqual(changes(session), ['resume'])
  })

  it('reports a failed disconnect', async () => {
    const session = new FakeSession()
    session.disconnect = () => Promise.reject(new Ovpn3Error('access-denied', 'permission denied'))
    const run = new Run([session], {timeout: 2})
    await clock.pass(2500)
    assert.deepEqual(run.end, [
      'failed',
      'timeout',
      'not connected within 2 s (resuming); it could not be disconnected: permission denied',
    ])
  })

  it('of several sessions does not touch those that have not started', async () => {
    const [first, second] = [new FakeSession(), new FakeSession()]
    first.silent.add('resume')
    const run = new Run([first, second])
    await clock.pass(300)
    interruption()
    await clock.pass(300)
    assert.deepEqual(
      run.results!.map(({message}) => message),
      ['interrupted: gave up and disconnected it', 'interrupted: nothing was done'],
    )
    assert.deepEqual(second.calls, [])
  })

  it('by Ctrl-C at a prompt ends all attempts', async () => {
    const session = new FakeSession(StatusMinor.inputRequired)
    session.queue = [userName]
    const answer = () => Promise.reject(new Ovpn3Error('interrupted', 'interrupted'))
    const run = new Run([session, new FakeSession()], {}, {answer})
    await clock.pass(300)
    assert.deepEqual(
      run.results!.map(({message}) => message),
      ['interrupted: nothing was done', 'interrupted: nothing was done'],
    )
  })
})

describe('a new session', () => {
  const start = {action: 'start'} as const

  it('is connected and awaited', async () => {
    const session = new FakeSession(StatusMinor.configOk)
    const run = new Run([session], start)
    await clock.pass(300)
    session.setStatus(StatusMinor.connected)
    await settled()
    assert.deepEqual(run.end, ['done', undefined, 'connected'])
    assert.deepEqual(changes(session), ['connect'])
  })

  it('is removed if it is refused', async () => {
    const session = new FakeSession(StatusMinor.configOk)
    const run = new Run([session], start)
    await clock.pass(300)
    session.setStatus(StatusMinor.authenticationFailed, 'wrong password')
    await settled()
    assert.deepEqual(run.end, ['failed', 'refused', 'wrong password'])
    assert.deepEqual(changes(session), ['connect', 'disconnect'])
  })

  it('is removed if there is no input', async () => {
    const session = new FakeSession(StatusMinor.inputRequired)
    session.queue = [userName]
    const answer = async () => {
      throw new Ovpn3Error('input-missing', 'no input')
    }

    const run = new Run([session], start, {answer})
    await settled()
    assert.deepEqual(run.end, ['failed', 'input-missing', 'no input; the session was disconnected'])
    assert.deepEqual(changes(session), ['disconnect'])
  })

  it('is disconnected on an interruption at a prompt', async () => {
    const session = new FakeSession(StatusMinor.inputRequired)
    session.queue = [userName]
    const run = new Run([session], start, {answer: () => silence()})
    await settled()
    abort.abort(new Interruption())
    await clock.pass(100)
    assert.deepEqual(run.end, ['failed', 'interrupted', 'interrupted: gave up and disconnected it'])
    assert.deepEqual(changes(session), ['disconnect'])
  })

  it('is kept if requested', async () => {
    const session = new FakeSession(StatusMinor.configOk)
    const run = new Run([session], {...start, keep: true})
    await clock.pass(300)
    session.setStatus(StatusMinor.connectionFailed, 'no route')
    await settled()
    assert.deepEqual(run.end, ['failed', 'refused', 'no route'])
    assert.deepEqual(changes(session), ['connect'])
  })

  it('keeps connecting in the background', async () => {
    const session = new FakeSession(StatusMinor.configOk)
    const run = new Run([session], {...start, wait: 'never'})
    await settled()
    assert.deepEqual(run.end, ['done', undefined, 'connecting in the background'])
    assert.deepEqual(changes(session), ['connect'])
  })

  it('is kept on a hang-up once it connects, and removed before', async () => {
    const connecting = new FakeSession(StatusMinor.configOk)
    void new Run([connecting], start)
    await clock.pass(300)
    const asking = new FakeSession(StatusMinor.inputRequired)
    asking.queue = [userName]
    void new Run([asking], start, {answer: () => silence()})
    await settled()
    abort.abort(new Interruption(true))
    await clock.pass(2000)
    assert.deepEqual(changes(connecting), ['connect'])
    assert.deepEqual(changes(asking), ['disconnect'])
  })
})

describe('authentication', () => {
  const authenticate = {action: 'authenticate'} as const

  it('answers and connects a session that needs input', async () => {
    const session = new FakeSession(StatusMinor.inputRequired)
    session.queue = [userName]
    const run = new Run([session], authenticate)
    await clock.pass(300)
    session.setStatus(StatusMinor.connected)
    await settled()
    assert.deepEqual(run.end, ['done', undefined, 'connected'])
    assert.deepEqual(changes(session), ['provideInput', 'connect'])
  })

  for (const minor of [StatusMinor.paused, StatusMinor.configOk, StatusMinor.connecting])
    it(`does not change a session that needs no input: status ${minor}`, async () => {
      const session = new FakeSession(minor)
      const run = new Run([session], authenticate)
      await settled()
      assert.equal(run.end[0], 'unchanged')
      assert.deepEqual(changes(session), [])
    })

  it('waits for the web authentication of a session that started earlier', async () => {
    const session = new FakeSession(StatusMinor.configOk)
    session.status = statusOf(StatusMinor.urlAuthentication, 'https://vpn.example/1')
    await session.refresh()
    const run = new Run([session], authenticate)
    await clock.pass(1000)
    assert.deepEqual(run.urls, ['https://vpn.example/1'])
    session.setStatus(StatusMinor.connected)
    await settled()
    assert.deepEqual(run.end, ['done', undefined, 'connected'])
    assert.deepEqual(changes(session), [])
  })
})
