import {alreadyExists, ambiguous, runningOf, sessionToKeep} from '@ovpn3/plugin-session-start/dist/running'
import {type Selector, type Snapshot, StatusMinor} from '@ovpn3/sessions'
import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

import {FakeSession, FakeSource, statusOf} from '../../../test/support/fake-session'

const saved = {name: 'office', path: '/p/1'}
const {signal} = new AbortController()
const file = {content: 'client\n', name: './office.ovpn'}

/** A source with sessions of one profile. */
class Source extends FakeSource {
  asked: Selector | undefined

  constructor(values: readonly Snapshot['values'][]) {
    super()
    this.sessions = values.map((each, i) => {
      const session = new FakeSession(StatusMinor.connected, {id: `abcd000${i}`, source: this})
      session.snapshot = {errors: {}, values: {owner: 1000, status: session.status, ...each}}
      return session
    })
  }

  async profiles() {
    return [saved, {...saved, path: '/p/2'}]
  }

  override async find(selector: Selector) {
    this.asked = selector
    return this.sessions
  }
}

const running = (...values: Snapshot['values'][]) => runningOf(new Source(values), saved)
const ids = async (found: ReturnType<typeof running>) => (await found).map(({session}) => session.id)

describe('running sessions of a profile', () => {
  it('are the caller’s, of this profile or of a copy', async () => {
    const found = running(
      {config_path: '/p/1'},
      {config_path: '/p/2'},
      {config_path: '/p/copy'},
      {},
      {config_path: '/p/1', owner: 1001},
      {config_path: '/p/1', owner: undefined},
      {config_path: '/p/1', status: undefined},
    )
    assert.deepEqual(await ids(found), ['abcd0000', 'abcd0002', 'abcd0003'])
  })

  it('of a file are found by its name', async () => {
    const source = new Source([{config_path: '/p/x'}])
    assert.equal((await runningOf(source, file)).length, 1)
    assert.deepEqual(source.asked, {kind: 'config', name: './office.ovpn'})
  })

  it('are kept, or reported by an error that names them', async () => {
    const found = await running({}, {status: statusOf(StatusMinor.authenticationFailed)}, {})
    assert.equal(await sessionToKeep(found, signal), found[0]!.session)
    const {code, message} = alreadyExists(found)
    assert.equal(code, 'session-running')
    assert.equal(
      message,
      'a session of this profile already exists: office (abcd0000), connected; office (abcd0002), connected',
    )
    assert.match(ambiguous(found).hint!, /--path abcd0000`$/)
  })

  it('are not kept if they have failed', async () => {
    const found = await running({status: statusOf(StatusMinor.authenticationFailed)})
    await assert.rejects(sessionToKeep(found, signal), {
      code: 'session-running',
      hint: 'Pass --if-running=restart to replace it',
      message: 'a session of this profile still exists: office (abcd0000), authentication failed',
    })
  })

  it('are kept connected rather than paused', async () => {
    const found = await running({status: statusOf(StatusMinor.paused)}, {})
    assert.equal(await sessionToKeep(found, signal), found[1]!.session)
  })
})
