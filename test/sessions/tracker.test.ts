import {
  type Following,
  type FollowOptions,
  Ovpn3Error,
  type PropertyName,
  Session,
  type SessionEvent,
  type SessionProperties,
  type SessionSource,
  type Snapshot,
  type SourceFailure,
  Sources,
  StatusMinor,
  Tracker,
  type TrackerOptions,
} from '@ovpn3/sessions'
import assert from 'node:assert/strict'
import {afterEach, beforeEach, describe, it} from 'node:test'

import {FakeSource, silence, statusOf} from '../support/fake-session'
import {type MockClock, mockClock, settled} from '../support/mock-clock'

const me = 1000
const denied = new Ovpn3Error('access-denied', 'permission denied')
const stale = new Ovpn3Error('session-stale', 'its backend process is gone')
const gone = new Ovpn3Error('session-not-found', 'no such session')
const lost = new Ovpn3Error('disconnected', 'the connection was lost')

let clock: MockClock
let over: AbortController

/** A session whose reads can be delayed. */
class Tunnel extends Session {
  /** The error of its reads. */
  error: Ovpn3Error | undefined
  follows = 0
  /** Reads wait for this promise. */
  gate: Promise<void> | undefined
  live = true
  listener: ((event: SessionEvent) => void) | undefined
  readonly reads: string[] = []
  /** True if its log is followed, too. */
  withLog = false
  values: Partial<SessionProperties>

  constructor(source: SessionSource, id: string, values: Partial<SessionProperties> = {}) {
    super(source, `/${id}`)
    this.values = {config_name: id, device_name: '', owner: me, status: statusOf(StatusMinor.connecting), ...values}
  }

  override async fetch(names: readonly PropertyName[]): Promise<Snapshot> {
    this.reads.push(names.join(' '))
    await this.gate
    const {error, values} = this
    const all = <T>(value: (name: PropertyName) => T) => Object.fromEntries(names.map((name) => [name, value(name)]))
    return error ? {errors: all(() => error), values: {}} : {errors: {}, values: all((name) => values[name])}
  }

  override async follow(
    listener: (event: SessionEvent) => void,
    {log = false}: FollowOptions = {},
  ): Promise<Following> {
    this.follows++
    this.withLog = log
    this.listener = listener
    const end = async () => {
      this.follows--
    }

    return Object.assign(end, {live: this.live})
  }

  /** Delays its reads until the returned function is called. */
  hold(): () => void {
    let release = () => {}
    this.gate = new Promise((resolve) => {
      release = resolve
    })
    return release
  }

  setStatus(minor: number): void {
    this.values = {...this.values, status: statusOf(minor)}
    this.listener?.({status: statusOf(minor), type: 'status'})
  }
}

/** A source without events. */
function quiet(name: string): SessionSource & {sessions: Session[]} {
  return {
    async find() {
      return this.sessions
    },
    me,
    name,
    sessions: [] as Session[],
  }
}

interface Run {
  readonly ended: Promise<unknown>
  readonly events: string[]
  readonly failures: SourceFailure[]
  readonly states: string[]
  readonly tracker: Tracker
}

/** Tracks the sessions of the sources; `events` contains its events. */
function track(sources: readonly SessionSource[], options: Partial<TrackerOptions<unknown>> = {}): Run {
  const events: string[] = []
  const failures: SourceFailure[] = []
  const states: string[] = []
  const tracker = new Tracker(new Sources(sources), {
    changed(kind, {session, state, values, waiting}) {
      events.push(`${kind} ${session.id}`)
      states.push(`${session.id}: ${waiting ? 'waiting' : state} ${values.status?.minor ?? '-'}`)
    },
    failed: (failure) => failures.push(failure),
    follow: true,
    properties: ['config_name', 'device_name'],
    ...options,
  })
  const ended = tracker.run(over.signal).then(
    () => 'ended',
    (error: unknown) => error,
  )
  return {ended, events, failures, states, tracker}
}

/** A source with initial sessions. */
function sourceOf(name: string, ...ids: readonly string[]): {source: FakeSource; tunnels: Tunnel[]} {
  const source = new FakeSource(name, me)
  const tunnels = ids.map((id) => new Tunnel(source, id))
  source.sessions = tunnels
  return {source, tunnels}
}

const idsOf = (tracker: Tracker) => [...tracker].map(({session}) => session.id)

beforeEach(() => {
  clock = mockClock()
  over = new AbortController()
})
afterEach(async () => {
  over.abort()
  // then all timers of this clock are cleared
  await settled()
  clock.reset()
})

describe('a tracker', () => {
  it('reports sessions that are present, created, changed and removed', async () => {
    const {source, tunnels} = sourceOf('local', 'a')
    const {ended, events, tracker} = track([source])
    await settled()
    source.tell({session: new Tunnel(source, 'b'), type: 'created'})
    await settled()
    tunnels[0]!.setStatus(StatusMinor.paused)
    source.tell({path: '/a', type: 'removed'})
    assert.deepEqual(events, ['present a', 'created b', 'changed a', 'removed a'])
    assert.deepEqual(idsOf(tracker), ['b'])
    over.abort()
    assert.equal(await ended, 'ended')
  })

  it('reports a session once that is both listed and announced', async () => {
    const {source, tunnels} = sourceOf('local', 'a')
    const {events} = track([source])
    source.tell({session: tunnels[0]!, type: 'created'})
    await settled()
    assert.deepEqual(events, ['created a'])
  })

  it('cancels its subscriptions when it ends', async () => {
    const {source, tunnels} = sourceOf('local', 'a', 'b')
    const {ended} = track([source])
    await settled()
    assert.deepEqual(
      tunnels.map(({follows}) => follows),
      [1, 1],
    )
    over.abort()
    await ended
    assert.deepEqual(
      tunnels.map(({follows}) => follows),
      [0, 0],
    )
  })

  it('forwards log events on request, and does not subscribe to them otherwise', async () => {
    const {source, tunnels} = sourceOf('local', 'a')
    const told: string[] = []
    track([source], {log: (session, {type}) => told.push(`${type} ${session.id}`)})
    await settled()
    assert.equal(tunnels[0]!.withLog, true)
    tunnels[0]!.listener!({category: 4, group: 7, message: 'Connecting', type: 'log'})
    tunnels[0]!.listener!({type: 'log-lost'})
    assert.deepEqual(told, ['log a', 'log-lost a'])
    const other = sourceOf('other', 'b')
    track([other.source])
    await settled()
    assert.equal(other.tunnels[0]!.withLog, false)
  })

  it('adds the requested sessions, and reads the others once', async () => {
    const {source, tunnels} = sourceOf('local', 'a', 'b')
    const kinds: string[] = []
    const {events, tracker} = track([source], {
      wanted({session}, kind) {
        kinds.push(`${kind} ${session.id}`)
        return session.id !== 'b'
      },
    })
    await settled()
    source.tell({session: new Tunnel(source, 'c'), type: 'created'})
    await clock.pass(12_000)
    assert.deepEqual(kinds, ['present a', 'present b', 'created c'])
    assert.deepEqual(events.slice(0, 2), ['present a', 'created c'])
    assert.deepEqual([tunnels[1]!.reads.length, tunnels[1]!.follows, tracker.has(tunnels[1]!)], [1, 0, false])
  })

  it('rereads a session that has no name yet', async () => {
    const {source, tunnels} = sourceOf('local', 'a')
    tunnels[0]!.values.config_name = ''
    const {events} = track([source], {wanted: ({values}) => values.config_name === 'a'})
    await settled()
    tunnels[0]!.values.config_name = 'a'
    assert.deepEqual(events, [])
    await clock.pass(10_500)
    assert.deepEqual(events, ['created a'])
  })

  it('ends without waiting for a pending subscription, and cancels it later', async () => {
    let unsubscribed = false
    let subscribed = () => {}
    const source = Object.assign(new FakeSource('local', me), {
      watch: () =>
        new Promise<() => Promise<void>>((resolve) => {
          subscribed = () =>
            resolve(async () => {
              unsubscribed = true
            })
        }),
    })
    const {ended} = track([source])
    await settled()
    over.abort()
    assert.equal(await ended, 'ended')
    subscribed()
    await settled()
    assert.equal(unsubscribed, true)
  })

  it('ends within 2 s if subscriptions cannot be cancelled', async () => {
    const {source} = sourceOf('local')
    const {ended} = track([Object.assign(source, {watch: async () => silence})])
    await settled()
    over.abort()
    await clock.pass(2500)
    assert.equal(await ended, 'ended')
  })

  it('rereads properties that change with the status, and a missing name', async () => {
    const {source, tunnels} = sourceOf('local', 'a')
    tunnels[0]!.values.config_name = ''
    const {states} = track([source])
    await settled()
    tunnels[0]!.values.config_name = 'office'
    tunnels[0]!.reads.length = 0
    tunnels[0]!.setStatus(StatusMinor.connected)
    await settled()
    assert.deepEqual(tunnels[0]!.reads, ['status device_name config_name'])
    assert.deepEqual(states, ['a: ok 6', 'a: ok 7', 'a: ok 7'])
  })

  it('prefers a signal to a read that started earlier', async () => {
    const {source, tunnels} = sourceOf('local', 'a')
    const {states, tracker} = track([source])
    await settled()
    const release = tunnels[0]!.hold()
    const read = tracker.fetch(tunnels[0]!, ['status'])
    const {values} = tunnels[0]!
    tunnels[0]!.setStatus(StatusMinor.reconnecting)
    tunnels[0]!.values = values
    release()
    await read
    assert.deepEqual(states, ['a: ok 6', 'a: ok 12'])
  })
})

describe('a new session', () => {
  /** The events of a new session with these values, which may be listed. */
  const announce = async (
    values: Partial<SessionProperties>,
    {error, listed}: {error?: Ovpn3Error; listed: boolean},
  ) => {
    const source = new FakeSource('local', me)
    const {states, tracker} = track([source], {properties: ['acl']})
    await settled()
    const tunnel = new Tunnel(source, 'a', values)
    tunnel.error = error
    if (listed) source.sessions = [tunnel]
    source.tell({session: tunnel, type: 'created'})
    await settled()
    const atOnce = [...states]
    await clock.pass(600)
    return {atOnce, later: idsOf(tracker)}
  }

  it('of the caller is reported at once', async () => {
    assert.deepEqual(await announce({}, {listed: false}), {atOnce: ['a: ok 6'], later: ['a']})
  })

  it('that was granted to the caller is reported at once', async () => {
    assert.deepEqual(await announce({acl: [me], owner: 1}, {listed: false}), {atOnce: ['a: ok 6'], later: ['a']})
  })

  it('of another user is reported once it is listed, because it was shared meanwhile', async () => {
    assert.deepEqual(await announce({acl: [], owner: 1}, {listed: true}), {atOnce: [], later: ['a']})
    assert.deepEqual(await announce({}, {error: denied, listed: true}), {atOnce: [], later: ['a']})
  })

  it('of another user that is not listed is ignored', async () => {
    assert.deepEqual(await announce({acl: [], owner: 1}, {listed: false}), {atOnce: [], later: []})
    assert.deepEqual(await announce({}, {error: denied, listed: false}), {atOnce: [], later: []})
  })

  it('is ignored if the sessions are given, and those are not read again', async () => {
    const {source, tunnels} = sourceOf('local', 'a', 'b')
    await tunnels[0]!.refresh(['config_name', 'owner'])
    tunnels[0]!.reads.length = 0
    const {events} = track([source], {fixed: true, follow: false, sessions: [tunnels[0]!]})
    source.tell({session: new Tunnel(source, 'c'), type: 'created'})
    await clock.pass(15_000)
    source.tell({path: '/b', type: 'removed'})
    source.tell({path: '/a', type: 'removed'})
    assert.deepEqual(events, ['present a', 'removed a'])
    assert.deepEqual(tunnels[0]!.reads, [])
  })
})

describe('a removed session', () => {
  it('is not reported if it is removed during its first read', async () => {
    const {source, tunnels} = sourceOf('local', 'a')
    const release = tunnels[0]!.hold()
    const {events, tracker} = track([source])
    await settled()
    source.sessions = []
    source.tell({path: '/a', type: 'removed'})
    release()
    await settled()
    assert.deepEqual([events, idsOf(tracker)], [[], []])
  })

  it('is reported with the reason that a pending read finds', async () => {
    const {source, tunnels} = sourceOf('local', 'a')
    const {states, tracker} = track([source])
    await settled()
    const release = tunnels[0]!.hold()
    tunnels[0]!.error = stale
    const read = tracker.fetch(tunnels[0]!, ['status'])
    source.tell({path: '/a', type: 'removed'})
    assert.deepEqual(states, ['a: ok 6'])
    release()
    await read
    assert.deepEqual(states, ['a: ok 6', 'a: stale 6', 'a: stale 6'])
  })

  it('is reported as hung after a stall', async () => {
    const {source, tunnels} = sourceOf('local', 'a', 'b')
    const {events, states, tracker} = track([source])
    await settled()
    tracker.stalled(tunnels[0]!)
    tunnels[0]!.error = stale
    await tracker.fetch(tunnels[0]!, ['status'])
    // without a pending read as well
    tracker.stalled(tunnels[1]!)
    source.tell({path: '/b', type: 'removed'})
    assert.deepEqual(states.slice(2), ['a: waiting 6', 'a: hung 6', 'a: hung 6', 'b: waiting 6', 'b: hung 6'])
    assert.deepEqual(events.slice(-1), ['removed b'])
  })

  it('is reported as hung if it stalled at its first read', async () => {
    const {source, tunnels} = sourceOf('local', 'a')
    const release = tunnels[0]!.hold()
    const {states, tracker} = track([source])
    await settled()
    tracker.stalled(tunnels[0]!)
    tunnels[0]!.error = stale
    release()
    await settled()
    assert.deepEqual(states, ['a: hung -', 'a: hung -'])
  })

  it('is not reported as hung after it recovered from a stall', async () => {
    const {source, tunnels} = sourceOf('local', 'a')
    const {states, tracker} = track([source])
    await settled()
    tracker.stalled(tunnels[0]!)
    await tracker.fetch(tunnels[0]!, ['status'])
    tunnels[0]!.error = stale
    await tracker.fetch(tunnels[0]!, ['status'])
    assert.deepEqual(states.slice(1), ['a: waiting 6', 'a: ok 6', 'a: stale 6', 'a: stale 6'])
  })
})

describe('polling', () => {
  it('finds a status without a signal at the fifth poll', async () => {
    const {source, tunnels} = sourceOf('local', 'a')
    const {states} = track([source])
    await settled()
    tunnels[0]!.values.status = statusOf(StatusMinor.paused)
    await clock.pass(9000)
    assert.deepEqual(states, ['a: ok 6'])
    await clock.pass(1500)
    assert.deepEqual(states, ['a: ok 6', 'a: ok 14'])
  })

  it('reads sessions without signals every 2 s', async () => {
    const {source, tunnels} = sourceOf('local', 'mute', 'unsupported')
    tunnels[0]!.live = false
    tunnels[1]!.follow = () => Promise.reject(new Ovpn3Error('unsupported', 'cannot do this'))
    const {states} = track([source])
    await settled()
    for (const tunnel of tunnels) tunnel.values.status = statusOf(StatusMinor.paused)
    await clock.pass(2500)
    assert.deepEqual(states.slice(2), ['mute: ok 14', 'unsupported: ok 14'])
  })

  it('includes given sessions and lists no others', async () => {
    const {source, tunnels} = sourceOf('local', 'a', 'b')
    tunnels[0]!.live = false
    await tunnels[0]!.refresh(['status', 'owner'])
    const {states} = track([source], {fixed: true, sessions: [tunnels[0]!]})
    await settled()
    tunnels[0]!.values.status = statusOf(StatusMinor.paused)
    await clock.pass(10_500)
    assert.deepEqual(states, ['a: ok 6', 'a: ok 14'])
    assert.deepEqual(tunnels[1]!.reads, [])
  })

  it('pauses for nine times the duration of a poll', async () => {
    const {source, tunnels} = sourceOf('local', 'a')
    tunnels[0]!.live = false
    track([source])
    await settled()
    tunnels[0]!.reads.length = 0
    const release = tunnels[0]!.hold()
    await clock.pass(3000)
    release()
    await clock.pass(8900)
    assert.equal(tunnels[0]!.reads.length, 1)
    await clock.pass(500)
    assert.equal(tunnels[0]!.reads.length, 2)
  })

  it('finds granted and revoked access, and a session that is readable again', async () => {
    const {source, tunnels} = sourceOf('local', 'mine', 'theirs', 'closed')
    tunnels[2]!.error = denied
    const {events, states} = track([source])
    await settled()
    source.sessions = [tunnels[0]!, new Tunnel(source, 'granted', {owner: 1}), tunnels[2]!]
    tunnels[2]!.error = undefined
    await clock.pass(10_500)
    assert.deepEqual(events.slice(3).sort(), ['changed closed', 'created granted', 'removed theirs'])
    assert.ok(states.includes('closed: unreadable -') && states.includes('closed: ok 6'))
  })

  it('finds the sessions of a source without events', async () => {
    const source = quiet('file')
    source.sessions = [new Tunnel(source, 'a')]
    const {events} = track([source])
    await settled()
    source.sessions = [new Tunnel(source, 'b')]
    await clock.pass(2500)
    assert.deepEqual(events, ['present a', 'removed a', 'created b'])
  })

  it('keeps the sessions of a source that fails temporarily', async () => {
    const {source} = sourceOf('local', 'a')
    const {events, failures, tracker} = track([source])
    await settled()
    const {find} = source
    source.find = () => Promise.reject(new Ovpn3Error('service-unavailable', 'it went away'))
    await clock.pass(10_500)
    source.find = find
    assert.deepEqual([events, failures, idsOf(tracker)], [['present a'], [], ['a']])
  })

  it('reports the failure of a source only if it has no events', async () => {
    const source = quiet('file')
    const {failures} = track([source])
    await settled()
    source.find = () => Promise.reject(new Ovpn3Error('service-unavailable', 'no such file'))
    await clock.pass(10_000)
    assert.deepEqual(
      [...new Set(failures.map(({error, source}) => `${source}: ${error.message}`))],
      ['file: no such file'],
    )
  })
})

describe('with several sources', () => {
  it('a reset removes only the sessions of its source', async () => {
    const [one, two] = [sourceOf('one', 'a', 'b'), sourceOf('two', 'a')]
    const {events, tracker} = track([one.source, two.source])
    await settled()
    one.source.sessions = []
    one.source.tell({type: 'reset'})
    await settled()
    assert.deepEqual(events.slice(3), ['removed a', 'removed b'])
    assert.deepEqual(
      [...tracker].map(({session}) => session.source.name),
      ['two'],
    )
    // the subscriptions ended with the source
    assert.deepEqual(
      one.tunnels.map(({follows}) => follows),
      [1, 1],
    )
    one.source.tell({session: new Tunnel(one.source, 'c'), type: 'created'})
    await settled()
    assert.deepEqual(idsOf(tracker), ['c', 'a'])
  })

  it('a closed source is a failure, and the last one ends the tracker', async () => {
    const [one, two] = [sourceOf('one', 'a'), sourceOf('two', 'a')]
    const {ended, events, failures, tracker} = track([one.source, two.source])
    await settled()
    one.source.tell({error: lost, type: 'closed'})
    assert.deepEqual(failures, [{error: lost, source: 'one'}])
    assert.deepEqual(events.slice(2), ['removed a'])
    assert.deepEqual(
      [...tracker].map(({session}) => session.source.name),
      ['two'],
    )
    two.source.tell({error: lost, type: 'closed'})
    assert.equal(await ended, lost)
    assert.equal(events.length, 3)
  })

  it('a source that cannot be watched is a failure and does not keep the tracker running', async () => {
    const one = sourceOf('one', 'a')
    const two = new FakeSource('two', me)
    two.watch = () => Promise.reject(new Ovpn3Error('bus-unreachable', 'no bus there'))
    two.find = () => Promise.reject(new Ovpn3Error('bus-unreachable', 'no bus there'))
    const {ended, events, failures} = track([one.source, two])
    await settled()
    assert.deepEqual(events, ['present a'])
    assert.deepEqual(
      failures.map(({source}) => source),
      ['two'],
    )
    one.source.tell({error: lost, type: 'closed'})
    assert.equal(await ended, lost)
  })

  it('a silent source does not delay the others', async () => {
    const [one, two] = [sourceOf('one', 'a'), sourceOf('two', 'b')]
    const {tracker} = track([one.source, two.source])
    await settled()
    one.tunnels[0]!.hold()
    one.tunnels[0]!.setStatus(StatusMinor.connected)
    two.tunnels[0]!.setStatus(StatusMinor.connected)
    two.tunnels[0]!.values.device_name = 'tun1'
    await clock.pass(500)
    assert.deepEqual(
      [...tracker].map(({values}) => values.device_name),
      ['', 'tun1'],
    )
  })

  it('a failing source fails the read of its session, and the tracker if it is the last', async () => {
    const [one, two] = [sourceOf('one', 'a'), sourceOf('two', 'a')]
    const {tracker} = track([one.source, two.source])
    await settled()
    one.tunnels[0]!.error = lost
    assert.deepEqual((await tracker.fetch(one.tunnels[0]!, ['status'])).errors, {status: lost})
    two.source.tell({error: lost, type: 'closed'})
    await assert.rejects(tracker.fetch(one.tunnels[0]!, ['status']), lost)
  })

  it('the tracker ends if no source can be watched', async () => {
    const one = new FakeSource('one', me)
    one.watch = () => Promise.reject(lost)
    assert.equal(await track([one]).ended, lost)
  })

  it('a source that closes during the start ends the tracker with its reason', async () => {
    const one = new FakeSource('one', me)
    one.watch = async (listener) => {
      listener({error: lost, type: 'closed'})
      await silence()
      return async () => {}
    }

    const {ended} = track([one])
    await clock.pass(2500)
    assert.equal(await ended, lost)
  })
})

describe('a session that is gone when it is read', () => {
  it('is no longer tracked', async () => {
    const {source, tunnels} = sourceOf('local', 'a')
    const {states, tracker} = track([source])
    await settled()
    tunnels[0]!.error = gone
    await tracker.fetch(tunnels[0]!, ['status'])
    assert.deepEqual(states, ['a: ok 6', 'a: ok 6'])
    assert.equal(tracker.has(tunnels[0]!), false)
  })
})
