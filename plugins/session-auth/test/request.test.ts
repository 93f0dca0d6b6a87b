import type {Selected} from '@ovpn3/kit'

import {type AuthRequest, authRequestOf} from '@ovpn3/plugin-session-auth/dist/request'
import {classicText, requestsText} from '@ovpn3/plugin-session-auth/dist/text'
import {hasCode, Ovpn3Error, type Snapshot, StatusMinor} from '@ovpn3/sessions'
import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

import {FakeSession, userName} from '../../../test/support/fake-session'

const plain = Object.fromEntries(
  ['bold', 'cyan', 'dim', 'green', 'red', 'yellow'].map((name) => [name, (text: string) => text]),
) as Record<'bold' | 'cyan' | 'dim' | 'green' | 'red' | 'yellow', (text: string) => string>

const selectedOf = (session: FakeSession, owner?: Selected['owner']): Selected => ({
  label: '',
  owner,
  ownerNamed: false,
  ownership: owner ? 'granted' : 'own',
  session,
})

const requestOf = (session: FakeSession, {hung = false, owner}: {hung?: boolean; owner?: Selected['owner']} = {}) =>
  authRequestOf(selectedOf(session, owner), () => hung)

/** A session whose reads fail with these errors. */
function broken(code: 'access-denied' | 'failed' | 'session-not-found' | 'session-stale' | 'timeout'): FakeSession {
  const session = new FakeSession(StatusMinor.inputRequired)
  session.snapshot = {errors: {status: new Ovpn3Error(code, 'why')}, values: {}}
  return session
}

const waiting = () => {
  const session = new FakeSession(StatusMinor.inputRequired)
  session.queue = [userName, {...userName, description: '', hidden: true, id: 1, name: 'password'}]
  return session
}

describe('the input that a session needs', () => {
  for (const minor of [StatusMinor.inputRequired, StatusMinor.userPasswordNeeded, StatusMinor.challenge])
    it(`is read from the queue of the service: status ${minor}`, async () => {
      const session = waiting()
      session.setStatus(minor)
      await session.refresh()
      const request = await requestOf(session)
      assert.equal(request!.state, 'waiting')
      assert.deepEqual(
        request!.slots!.map(({name}) => name),
        ['username', 'password'],
      )
      assert.equal(request!.url, undefined)
    })

  it('is a web authentication, without questions', async () => {
    const session = waiting()
    session.setStatus(StatusMinor.urlAuthentication, 'https://vpn.example/1')
    await session.refresh()
    const request = await requestOf(session)
    assert.deepEqual([request!.url, request!.slots], ['https://vpn.example/1', undefined])
    assert.equal(session.calls.includes('inputRequests'), false)
  })

  it('is none with any other status, without further reads', async () => {
    for (const minor of [StatusMinor.configOk, StatusMinor.connecting, StatusMinor.connected, StatusMinor.paused]) {
      const session = new FakeSession(minor)
      assert.equal(await requestOf(session), undefined)
      assert.deepEqual(session.calls, [])
    }
  })

  it('is unknown if the queue cannot be read, but the session is listed', async () => {
    const session = waiting()
    session.inputRequests = async () => {
      throw new Ovpn3Error('access-denied', 'no')
    }

    const request = await requestOf(session)
    assert.deepEqual([request!.state, request!.slots], ['waiting', undefined])
  })

  it('is unknown if the session is gone, hangs or cannot be read', async () => {
    assert.equal((await requestOf(broken('session-stale')))!.state, 'stale')
    assert.equal((await requestOf(broken('session-stale'), {hung: true}))!.state, 'hung')
    const failed = await requestOf(broken('failed'))
    assert.deepEqual([failed!.state, failed!.error!.message], ['failed', 'why'])
    assert.equal(await requestOf(broken('session-not-found')), undefined)
    assert.equal(await requestOf(broken('access-denied')), undefined)
    await assert.rejects(requestOf(broken('timeout')), (error) => hasCode(error, 'timeout'))
  })

  it('is unknown if the session becomes stale during the read', async () => {
    const session = waiting()
    session.fetch = async (names) => {
      const errors = Object.fromEntries(names.map((name) => [name, new Ovpn3Error('session-stale', 'gone')]))
      return {errors, values: {}} as Snapshot
    }

    assert.equal((await requestOf(session))!.state, 'stale')
  })
})

const url = `https://vpn.example/${'x'.repeat(150)}`

async function several(): Promise<AuthRequest[]> {
  const evil = waiting()
  evil.queue = [{...userName, description: 'PIN \u001B[31mfor\u202E you\r\n'}]
  const web = new FakeSession(StatusMinor.urlAuthentication, {config: 'customer-vpn', id: '1f88aa03s'})
  web.setStatus(StatusMinor.urlAuthentication, url)
  await web.refresh()
  const requests = await Promise.all([
    requestOf(evil),
    requestOf(web, {owner: {name: 'bob', uid: 1001}}),
    requestOf(broken('session-stale')),
  ])
  return requests.map((request) => request!)
}

describe('the list of waiting sessions', () => {
  for (const width of [40, 80, 120])
    it(`fits ${width} columns, except the URL, which is complete`, async () => {
      const lines = requestsText(await several(), {colors: plain, now: 0, width}).split('\n')
      const [head] = lines
      assert.match(head!, /^AUTH-REQ {2}SESSION +WAITS/)
      const table = lines.filter((line) => !line.includes('https:') && !line.endsWith(': open'))
      for (const line of table) assert.ok(line.length <= width, `${line.length}: ${line}`)
      assert.ok(lines.includes(`  ${url}`))
    })

  it('shows the input and the owner, without control characters', async () => {
    const text = requestsText(await several(), {colors: plain, now: 0})
    assert.match(text, /office \(7c1b02d4\) +PIN for +you/)
    assert.match(text, /customer-vpn \(1f88aa03\) of bob +web authentication/)
    assert.match(text, /office \(7c1b02d4\) +stale, removed/)
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(text, /[\u001B\u202E\r]/)
  })

  it('reports that no session waits if all are gone', async () => {
    const lost = [(await requestOf(broken('session-stale')))!]
    assert.match(requestsText(lost, {colors: plain, now: 0}), /stale, removed[^\n]*\nNo session waits for input\.$/)
    assert.equal(requestsText([], {colors: plain, now: 0}), 'No session waits for input.')
    assert.equal(classicText([]), 'No sessions requires authentication interaction')
  })

  it('adds its own lines only at the end of a record of openvpn3', async () => {
    const records = classicText(await several()).split('\n')
    const labels = records.filter((line) => line.includes(': ')).map((line) => line.split(':', 1)[0]!.trim())
    const [first, second] = [
      ['Path', 'Auth Request', 'Created', 'Config name', 'Auth status', 'Needs'],
      ['Path', 'Auth Request', 'Created', 'Config name', 'Auth status', 'Auth URL', 'Owner'],
    ]
    assert.deepEqual(labels, [...first!, ...second!, 'Path', 'Auth status'])
  })
})
