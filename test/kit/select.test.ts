import {accessDenied, Ovpn3Error, type PropertyName, type Selector, Sources, StatusMinor} from '@ovpn3/sessions'
import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

import type {SelectorValues} from '../../packages/kit/dist/selector'

import {selectMany, selectOne} from '../../packages/kit/dist/select'
import {FakeSession, type FakeSessionOptions, FakeSource} from '../support/fake-session'

/** A session source that records the kinds of its lookups. */
class AskedSource extends FakeSource {
  readonly asked: string[] = []

  override find(selector: Selector, properties: readonly PropertyName[]) {
    this.asked.push(selector.kind)
    return super.find(selector, properties)
  }
}

function sourceWith(...sessions: readonly FakeSessionOptions[]): AskedSource {
  const source = new AskedSource()
  source.sessions = sessions.map((options) => new FakeSession(StatusMinor.connected, {...options, source}))
  return source
}

const contextOf = (source: FakeSource, values: SelectorValues) => ({
  ask: (question: () => Promise<never>) => question(),
  interactive: false,
  pickable: {own: false, skip: new Set<number>()},
  signal: new AbortController().signal,
  sources: async () => new Sources([source]),
  values,
})

async function select(source: FakeSource, values: SelectorValues) {
  const {session} = await selectOne(contextOf(source, values), {question: 'Which session?', read: []})
  return session.id
}

const cert = {config: 'cert', device: 'tun0', id: '11112222s1'}
const home = {config: 'home', device: 'tun1', id: '22223333s1'}
const mine = 1000
const theirs = 2000

describe('argument SESSION', () => {
  it('selects a session by profile name, device, ID, prefix of the ID or path', async () => {
    for (const session of ['home', 'tun1', '22223333s1', '2222', '/net/openvpn/v3/sessions/22223333s1'])
      assert.equal(await select(sourceWith(cert, home), {session}), home.id)
  })

  it('requires as few lookups as possible', async () => {
    const asked = async (session: string) => {
      const source = sourceWith(cert, home)
      await select(source, {session})
      return source.asked
    }

    assert.deepEqual(await asked('/net/openvpn/v3/sessions/22223333s1'), ['path'])
    // The lookup by device reads all sessions, so it comes last.
    assert.deepEqual(await asked('home'), ['config', 'path'])
    assert.deepEqual(await asked('2222'), ['config', 'path'])
    assert.deepEqual(await asked('tun1'), ['config', 'path', 'interface'])
  })

  it('is ambiguous if it matches two sessions in different ways, but not if it matches one session twice', async () => {
    const ambiguous = {code: 'session-ambiguous', message: '"tun1" matches 2 sessions'}
    await assert.rejects(select(sourceWith({...cert, config: 'tun1'}, home), {session: 'tun1'}), ambiguous)
    await assert.rejects(
      select(sourceWith({...cert, config: '2222'}, home), {session: '2222'}),
      (error: Ovpn3Error) => {
        assert.deepEqual(
          error.candidates?.map(({id}) => id),
          [cert.id, home.id],
        )
        return error.code === 'session-ambiguous'
      },
    )
    assert.equal(await select(sourceWith(cert, {...home, config: 'tun1'}), {session: 'tun1'}), home.id)
  })

  it('gets a hint with as much of the ID as is unambiguous', async () => {
    const twin = {...cert, id: `${cert.id.slice(0, 9)}x`}
    await assert.rejects(select(sourceWith({...cert, device: 'tun8'}, twin), {config: cert.config}), {
      code: 'session-ambiguous',
      hint: `Select one by ID: --path ${cert.id.slice(0, 10)}`,
    })
  })

  it("prefers the caller's session to another user's session", async () => {
    const other = {...cert, owner: theirs}
    for (const session of ['1111', 'cert', 'tun0'])
      assert.equal(
        await select(sourceWith(other, {config: session, id: '33334444s1', owner: mine}), {session}),
        '33334444s1',
      )
  })

  it("selects another user's public session only by its whole ID", async () => {
    const source = sourceWith({...cert, owner: theirs})
    assert.equal(await select(source, {session: cert.id}), cert.id)
    // Four characters may be the name of a profile of the caller's.
    for (const session of ['cert', 'tun0'])
      await assert.rejects(select(source, {session}), {
        code: 'session-not-found',
        hint: 'Select a public session of another user by ID: --path 11112222',
      })
    await assert.rejects(select(source, {session: '1111'}), {
      code: 'session-not-found',
      hint: 'Select it with --path 11112222',
      message: /^11112222 is a public session of \S+/,
    })
    assert.equal(await select(source, {owner: String(theirs), session: 'cert'}), cert.id)
  })

  it('must not be empty or combined with another selector', async () => {
    for (const values of [{session: ''}, {session: 'a\0'}, {config: 'cert', session: 'cert'}])
      await assert.rejects(select(sourceWith(cert), values), {code: 'usage'})
  })
})

describe('--all --owner', () => {
  const sourceOf = (...owners: readonly (number | undefined)[]) => {
    const source = new FakeSource()
    source.sessions = owners.map((owner, i) => {
      const session = new FakeSession(StatusMinor.connected, {id: `0000000${i}`, owner, source})
      if (owner === undefined)
        session.refresh = async () => {
          session.snapshot = {errors: {owner: accessDenied('read')}, values: {}}
          return session.snapshot
        }

      return session
    })
    return source
  }

  const selectAll = async (source: FakeSource, owner: number) => {
    const {selected} = await selectMany(contextOf(source, {all: true, owner: String(owner)}), {read: []})
    return selected.map(({session}) => session.id)
  }

  it('reports sessions of other users that the caller cannot read', async () => {
    await assert.rejects(selectAll(sourceOf(undefined, mine), theirs), {
      code: 'access-denied',
      hint: 'Ask 2000 to grant you access, or run the command as root',
      message: 'no readable sessions of 2000: 1 session of other users is not readable by you',
    })
  })

  it('selects the sessions that it can read, and none if the user has none', async () => {
    assert.deepEqual(await selectAll(sourceOf(undefined, theirs), theirs), ['00000001'])
    assert.deepEqual(await selectAll(sourceOf(mine), theirs), [])
    assert.deepEqual(await selectAll(sourceOf(undefined, theirs), mine), [])
  })
})

describe('error for a selector without a match', () => {
  const missing = async (values: SelectorValues, ...sessions: readonly FakeSessionOptions[]) => {
    try {
      await select(sourceWith(...sessions), values)
    } catch (error) {
      const {hint, message} = error as Ovpn3Error
      return [message, hint]
    }

    throw new assert.AssertionError({message: 'expected no match'})
  }

  it('suggests a similar name and lists the sessions', async () => {
    const running = 'Sessions: cert (tun0), home (tun1)'
    const errors: readonly (readonly [SelectorValues, message: string, near?: string])[] = [
      [{session: 'cer'}, 'no session matches "cer"', 'cert'],
      [{session: 'tun2'}, 'no session matches "tun2"', 'tun0'],
      [{config: 'hone'}, 'no session matches --config hone', 'home'],
      [{config: 'tun2'}, 'no session matches --config tun2'],
      [{interface: 'tn1'}, 'no session matches --interface tn1', 'tun1'],
      [{path: '9999'}, 'no session matches --path 9999'],
    ]
    for (const [values, message, near] of errors)
      assert.deepEqual(await missing(values, cert, home), [
        message,
        near === undefined ? running : `Did you mean: ${near}\n${running}`,
      ])
    assert.deepEqual(await missing({session: 'home.ovpn'}, {...home, config: '/etc/openvpn/home.ovpn'}), [
      'no session matches "home.ovpn"',
      'Did you mean: /etc/openvpn/home.ovpn\nSessions: /etc/openvpn/home.ovpn (tun1)',
    ])
    assert.deepEqual(await missing({session: 'cert'}), ['no session matches "cert"', 'No session can be selected'])
  })

  it('lists the sessions also if none was selected', async () => {
    assert.deepEqual(await missing({}, cert, home), [
      'no session selected',
      'Pass SESSION: a profile name, a device, an ID or a path\nSessions: cert (tun0), home (tun1)',
    ])
  })

  it('lists no sessions of other users, and only as many as fit on a line', async () => {
    const many = Array.from({length: 12}, (_, i) => ({config: `load-${i}`, id: `${i}`.padStart(8, '0')}))
    const [, hint] = await missing({session: 'nothing'}, {...cert, owner: theirs}, ...many)
    assert.equal(hint, 'Sessions: load-0, load-1, load-10, load-11, load-2, load-3, load-4, load-5, and 4 more')
  })

  it('has the IDs if the beginning of an ID is too short', async () => {
    assert.deepEqual(await missing({session: '11'}, cert), [
      'no session matches "11"',
      'Pass at least 4 characters of an ID. Sessions: cert (11112222, tun0)',
    ])
  })

  it('contains no control characters', async () => {
    const text = await missing({session: 'cerx'}, {...cert, config: 'cer\u001B[31mt\n'})
    assert.deepEqual(text, ['no session matches "cerx"', 'Sessions: cert (tun0)'])
  })
})
