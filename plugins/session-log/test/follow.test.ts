import {follow, type FollowOptions, judge, type LogItem, type Verdict} from '@ovpn3/plugin-session-log/dist/follow'
import {Interruption, Ovpn3Error, type Session, Sources, StatusMinor} from '@ovpn3/sessions'
import assert from 'node:assert/strict'
import {afterEach, beforeEach, describe, it} from 'node:test'

import {FakeSession, FakeSource, statusOf} from '../../../test/support/fake-session'
import {type MockClock, mockClock, settled} from '../../../test/support/mock-clock'

let clock: MockClock
let over: AbortController
let source: FakeSource

interface Run {
  readonly ended: Promise<unknown>
  readonly logItems: string[]
  readonly silent: Session[]
}

function textOf(logItem: LogItem): string {
  const {session, type} = logItem
  const status = 'status' in logItem ? ` ${logItem.status?.minor}` : ''
  return `${type} ${session.id}${type === 'log' ? ` ${logItem.line.message}` : status}`
}

function run(sessions: readonly Session[], options: Partial<FollowOptions> = {}): Run {
  const logItems: string[] = []
  const silent: Session[] = []
  const ended = follow(new Sources([source]), {
    async meet() {},
    onFailure() {},
    onItem: (logItem) => logItems.push(textOf(logItem)),
    onSilence: (session) => silent.push(session),
    sessions,
    signal: over.signal,
    stays: false,
    ...options,
  }).catch((error: unknown) => error)
  return {ended, logItems, silent}
}

const sessionOf = (id: string, minor: number = StatusMinor.connected) => new FakeSession(minor, {id, source})
const verdictOf = async ({ended}: Run) => {
  const {reached, text} = (await ended) as Verdict
  return [reached, text]
}

beforeEach(() => {
  clock = mockClock()
  over = new AbortController()
  source = new FakeSource()
})
afterEach(async () => {
  over.abort()
  await settled()
  clock.reset()
})

describe("the follower of a session's log", () => {
  it('reports lines and statuses in order, and ends with the session', async () => {
    const session = sessionOf('a')
    source.sessions = [session]
    const {ended, logItems} = run([session])
    await settled()
    session.log(4, 'Pausing connection')
    session.setStatus(StatusMinor.paused)
    session.setStatus(StatusMinor.paused)
    session.tell({type: 'removed'})
    assert.equal(await ended, undefined)
    assert.deepEqual(logItems, ['attached a 7', 'log a Pausing connection', 'status a 14', 'ended a'])
  })

  it('unsubscribes at the end', async () => {
    const session = sessionOf('a')
    const {ended} = run([session])
    await settled()
    over.abort(new Interruption())
    await ended
    assert.ok(session.calls.includes('unfollow'))
  })

  it('reports a lost log once, and again after it recovered', async () => {
    const session = sessionOf('a')
    const {logItems} = run([session])
    await settled()
    session.tell({type: 'log-lost'})
    session.tell({type: 'log-lost'})
    session.log(4, 'here again')
    session.tell({type: 'log-lost'})
    assert.deepEqual(logItems.slice(1), ['log-lost a', 'log a here again', 'log-lost a'])
  })

  it('continues with matching sessions only', async () => {
    const {ended, logItems} = run([], {
      stays: true,
      wanted: ({session}) => session.id.startsWith('a'),
    })
    await settled()
    for (const id of ['a1', 'b']) {
      const session = sessionOf(id)
      source.sessions = [...source.sessions, session]
      source.tell({session, type: 'created'})
      await settled()
    }

    source.tell({path: source.sessions[0]!.path, type: 'removed'})
    await settled()
    assert.deepEqual(logItems, ['attached a1 7', 'ended a1'])
    assert.equal((source.sessions[1] as FakeSession).followed, false)
    over.abort(new Interruption())
    assert.equal(await ended, undefined)
  })

  it('reports once that there are no lines', async () => {
    const session = sessionOf('a')
    const {silent} = run([session])
    await clock.pass(4900)
    assert.equal(silent.length, 0)
    await clock.pass(20_000)
    assert.deepEqual(silent, [session])
  })

  it('does not report missing lines after a line, after the log is lost, or with --until', async () => {
    const [heard, lost, waiting] = [sessionOf('a'), sessionOf('b'), sessionOf('c', StatusMinor.connecting)]
    const runs = [run([heard]), run([lost]), run([waiting], {goal: 'connected'})]
    await settled()
    heard.log(4, 'Connecting')
    lost.tell({type: 'log-lost'})
    await clock.pass(10_000)
    assert.deepEqual(
      runs.map(({silent}) => silent),
      [[], [], []],
    )
  })

  it('follows the status alone of a session whose source cannot follow it', async () => {
    const session = sessionOf('a')
    session.follow = async () => {
      throw new Ovpn3Error('unsupported', 'not supported by its source, fake')
    }

    const {logItems, silent} = run([session])
    await settled()
    session.status = statusOf(StatusMinor.paused)
    await clock.pass(10_000)
    assert.deepEqual(logItems, ['attached a 7', 'log-lost a', 'status a 14'])
    assert.deepEqual(silent, [])
  })

  it('starts once the source can be watched, and fails otherwise', async () => {
    let begun = 0
    const onBegin = () => {
      begun++
    }

    run([], {onBegin, stays: true})
    await settled()
    assert.equal(begun, 1)
    const error = new Ovpn3Error('bus-unreachable', 'no bus')
    source.watch = () => Promise.reject(error)
    assert.equal(await run([], {onBegin, stays: true}).ended, error)
    assert.equal(begun, 1)
  })

  it('ends with the reason if its source is gone', async () => {
    const {ended} = run([sessionOf('a')])
    await settled()
    const error = new Ovpn3Error('disconnected', 'gone')
    source.tell({error, type: 'closed'})
    assert.equal(await ended, error)
  })
})

describe('a wait for a state', () => {
  it('reads nothing if the session is in the state', async () => {
    const session = sessionOf('a')
    assert.deepEqual(await verdictOf(run([session], {goal: 'connected'})), [true, 'connected'])
    assert.deepEqual(session.calls, [])
  })

  it('ends when the session reaches the state', async () => {
    const session = sessionOf('a', StatusMinor.connecting)
    const wait = run([session], {goal: 'connected'})
    await settled()
    session.setStatus(StatusMinor.connected)
    assert.deepEqual(await verdictOf(wait), [true, 'connected'])
    assert.deepEqual(wait.logItems, ['attached a 6', 'status a 7'])
  })

  it('fails with the reason if the session can no longer reach the state', async () => {
    const refused = sessionOf('a', StatusMinor.connecting)
    const wait = run([refused], {goal: 'connected'})
    await settled()
    refused.setStatus(StatusMinor.authenticationFailed, 'wrong password')
    assert.deepEqual(await verdictOf(wait), [false, 'authentication failed: wrong password'])
  })

  for (const [goal, reached] of [
    ['connected', false],
    ['disconnected', true],
  ] as const)
    it(`${goal}: a session that ends has${reached ? '' : ' not'} reached it`, async () => {
      const session = sessionOf('a', StatusMinor.paused)
      const wait = run([session], {goal})
      await settled()
      session.tell({type: 'removed'})
      assert.deepEqual(await verdictOf(wait), [reached, 'the session ended'])
    })

  it('continues for a session that is paused or needs input', () => {
    for (const minor of [StatusMinor.inputRequired, StatusMinor.paused, StatusMinor.urlAuthentication])
      for (const goal of ['connected', 'disconnected'] as const) assert.equal(judge(goal, statusOf(minor)), undefined)
  })
})
