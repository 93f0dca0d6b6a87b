import {
  matching,
  Ovpn3Error,
  Session,
  type SessionsEvent,
  type SessionSource,
  type Snapshot,
  Sources,
  StatusMinor,
} from '@ovpn3/sessions'
import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

import {FakeSession, FakeSource} from '../support/fake-session'

const all = {kind: 'all'} as const

function sourceWith(name: string, ...ids: readonly string[]): FakeSource {
  const source = new FakeSource(name)
  source.sessions = ids.map((id) => new FakeSession(undefined, {id, source}))
  return source
}

const failing = (name: string, error: Ovpn3Error): SessionSource => ({
  find: () => Promise.reject(error),
  me: 1000,
  name,
  watch: () => Promise.reject(error),
})
const outage = new Ovpn3Error('service-unavailable', 'nobody answers')
const misuse = new Ovpn3Error('usage', 'no path')

describe('several sources', () => {
  it('have no failures after they were closed: pending work is interrupted', async () => {
    const sources = new Sources([sourceWith('a', 'one')])
    await sources.close()
    sources.markFailed(sources.all[0]!, outage)
    assert.deepEqual(sources.failures, [])
  })

  it('list the sessions of all', async () => {
    const sources = new Sources([sourceWith('a', 'one'), sourceWith('b', 'one', 'two')])
    const sessions = await sources.find(all, ['status'])
    assert.deepEqual(
      sessions.map(({id, source}) => [source.name, id]),
      [
        ['a', 'one'],
        ['b', 'one'],
        ['b', 'two'],
      ],
    )
    assert.equal(sessions[0]!.snapshot.values.status?.minor, StatusMinor.paused)
  })

  it('list the sessions of the others if one fails, and report it once', async () => {
    const sources = new Sources([failing('broken', outage), sourceWith('a', 'one')])
    for (let time = 0; time < 2; time++) assert.equal((await sources.find(all, [])).length, 1)
    assert.deepEqual(sources.failures, [{error: outage, source: 'broken'}])
  })

  it('select the session that has a device, not one of another source that is paused and had it', async () => {
    const [a, b] = [new FakeSource('a'), new FakeSource('b')]
    const session = (minor: number, id: string, source: FakeSource) =>
      source.sessions.push(new FakeSession(minor, {device: 'tun0', id, source}))
    session(StatusMinor.paused, 'one', a)
    const found = async () =>
      (await new Sources([a, b]).find({device: 'tun0', kind: 'interface'}, [])).map(({id}) => id)
    assert.deepEqual(await found(), ['one'])
    session(StatusMinor.connecting, 'two', b)
    assert.deepEqual(await found(), ['two'])
  })

  it('fail if all of them do, and if there is none', async () => {
    await assert.rejects(new Sources([failing('broken', outage)]).find(all, []), outage)
    await assert.rejects(new Sources([]).find(all, []), {code: 'service-unavailable', message: /no session source/})
    await assert.rejects(new Sources([], [{error: outage, source: 'plugin'}]).find(all, []), outage)
  })

  it('reject a selector that one source rejects and no other knows', async () => {
    const path = {kind: 'path', path: 'one1'} as const
    const found = await new Sources([failing('picky', misuse), sourceWith('a', 'one1')]).find(path, [])
    assert.equal(found.length, 1)
    const sources = new Sources([failing('picky', misuse), sourceWith('a')])
    await assert.rejects(sources.find(path, []), misuse)
    assert.deepEqual(sources.failures, [])
  })

  it('survive an exception in one source, or one that cannot be closed', async () => {
    const broken: SessionSource = {
      close: () => Promise.reject(new Error('close broke')),
      find: () => Promise.reject(new TypeError('x is undefined')),
      me: 1000,
      name: 'broken',
    }
    const sources = new Sources([broken, sourceWith('a', 'one')])
    assert.equal((await sources.find(all, [])).length, 1)
    assert.deepEqual(
      sources.failures.map(({error: {code, message}}) => [code, message]),
      [['failed', 'x is undefined']],
    )
    await sources.close()
  })

  it('continue without a source that fails later, as long as there is another', async () => {
    const [a, b] = [sourceWith('a', 'one'), sourceWith('b', 'two')]
    const sources = new Sources([a, b])
    sources.markFailed(a, outage)
    assert.deepEqual(sources.failures, [{error: outage, source: 'a'}])
    assert.throws(() => sources.markFailed(b, outage), outage)
  })

  it('report the source of an event', async () => {
    const [a, b] = [sourceWith('a'), sourceWith('b')]
    const silent: SessionSource = {find: async () => [], me: 1000, name: 'silent'}
    const events: SessionsEvent[] = []
    const sources = new Sources([a, b, silent, failing('broken', outage)])
    const [end] = await Promise.all(
      [a, b, silent].map((source) => sources.watch(source, (event) => events.push(event))),
    )
    a.tell({path: '/a', type: 'removed'})
    b.tell({type: 'reset'})
    assert.deepEqual(events, [
      {session: {path: '/a', source: a}, source: a, type: 'removed'},
      {source: b, type: 'reset'},
    ])
    await end!()
    a.tell({type: 'reset'})
    assert.equal(events.length, 2)
    await assert.rejects(
      sources.watch(sources.all[3]!, () => {}),
      outage,
    )
    assert.deepEqual(sources.failures, [{error: outage, source: 'broken'}])
  })
})

describe('a session of a read-only source', () => {
  it('rejects every action with the same clear error', async () => {
    class Readable extends Session {
      async fetch(): Promise<Snapshot> {
        return {errors: {}, values: {}}
      }
    }
    const session = new Readable(new FakeSource(), '/a')
    for (const ask of [
      () => session.pause('why'),
      () => session.inputRequests(),
      () => session.grant(1000),
      () => session.follow(() => {}),
    ])
      await assert.rejects(ask, {code: 'unsupported', message: 'not supported by its source, fake'})
  })
})

describe('a selector', () => {
  const {sessions} = sourceWith('a', 'abcd1', 'abcd5', 'abce2')

  it('is a path or an ID prefix', async () => {
    const found = async (path: string) => (await matching(sessions, {kind: 'path', path}, [])).map(({id}) => id)
    assert.deepEqual(await found('abce'), ['abce2'])
    assert.deepEqual(await found('abcd'), ['abcd1', 'abcd5'])
    assert.deepEqual(await found(sessions[2]!.path), ['abce2'])
    for (const short of ['', 'a', 'abc']) await assert.rejects(found(short), {code: 'usage'})
  })

  it('is a profile name', async () => {
    assert.equal((await matching(sessions, {kind: 'config', name: 'office'}, [])).length, 3)
    assert.equal((await matching(sessions, {kind: 'config', name: 'home'}, [])).length, 0)
  })
})
