import assert from 'node:assert/strict'
import {it} from 'node:test'

import type {Profile} from '../support/world'

import {until} from '../support/cli'
import {backendRefused, DENIED, notReady, rejects, type Stage, watch} from './service-stage'

/** Type, group, ID, name, description and hidden flag; then the correct answer. */
type Question = readonly [number, number, number, string, string, boolean]

const user: Question = [1, 1, 0, 'username', 'Auth User name', false]
const password: Question = [1, 1, 1, 'password', 'Auth Password', true]
const QUESTIONS: Partial<Record<Profile, readonly [Question, string][]>> = {
  pass: [
    [user, 'vpnuser'],
    [password, 'secret'],
  ],
  chal: [
    [user, 'vpnuser'],
    [password, 'secret'],
    [[1, 4, 0, 'static_challenge', 'Enter the PIN', false], '123456'],
  ],
  key: [[[1, 3, 0, 'pk_passphrase', 'Private key passphrase', true], 'opensesame']],
}

const CREDENTIALS = 'Username/password credentials needed'

/** The message of the status, and the one of AttentionRequired. */
const NEEDED = {
  chal: [CREDENTIALS, [1, 1, CREDENTIALS]],
  key: ['Private key passphrase needed to connect', [1, 3, 'Private key passphrase needed']],
  pass: [CREDENTIALS, [1, 1, CREDENTIALS]],
} as const

const NOT_READY = notReady('Missing user credentials')

/** User input, refusals and authentication on the web. */
export function inputFacts(stage: Stage): void {
  for (const [profile, questions] of Object.entries(QUESTIONS)) {
    it(`${profile}: asks for ${questions.map(([[, , , name]]) => name).join(', ')}`, async () => {
      const {alice} = stage
      const listener = stage.as(stage.world.canBecome ? 'bob' : 'alice')
      await listener.listen()
      const session = await stage.begin('alice', profile as Profile, {until: 'new'})
      const [status, attention] = NEEDED[profile as keyof typeof NEEDED]
      assert.deepEqual(await alice.status(session), [2, 4, status])
      await until('everybody is announced', () => listener.signals('AttentionRequired', session).length > 0)
      assert.deepEqual(
        listener.signals('AttentionRequired', session).map(({body}) => body),
        [attention],
      )
      const groups = [...new Set(questions.map(([[, group]]) => group))]
      const [found] = await alice.call(session, 'UserInputQueueGetTypeGroup')
      assert.deepEqual(
        found,
        groups.map((group) => [1, group]),
      )
      for (const group of groups) {
        const [ids] = await alice.call(session, 'UserInputQueueCheck', 'uu', 1, group)
        const expected = questions.filter(([question]) => question[1] === group).map(([question]) => question[2])
        assert.deepEqual(ids, expected)
      }

      for (const [question, answer] of questions) {
        const [type, group, id] = question
        await rejects(alice.call(session, 'Ready'), NOT_READY)
        assert.deepEqual(await alice.call(session, 'UserInputQueueFetch', 'uuu', type, group, id), question)
        await alice.call(session, 'UserInputProvide', 'uuus', type, group, id, answer)
      }

      await alice.call(session, 'Ready')
      assert.deepEqual(await alice.call(session, 'UserInputQueueGetTypeGroup'), [[]])
      await alice.call(session, 'Connect')
      await alice.reaches(session, 7)
    })
  }

  it('refuses unknown questions and empty answers', async () => {
    const session = await stage.borrow('alice', 'pass', {until: 'new'})
    await rejects(
      stage.alice.call(session, 'UserInputQueueFetch', 'uuu', 1, 1, 7),
      backendRefused('net.openvpn.v3.element-not-found: No requires queue element found'),
    )
    await rejects(
      stage.alice.call(session, 'UserInputProvide', 'uuus', 1, 1, 7, 'x'),
      backendRefused('net.openvpn.v3.invalid-input: No matching entry found in the request queue'),
    )
    await rejects(
      stage.alice.call(session, 'UserInputProvide', 'uuus', 1, 4, 0, 'x'),
      backendRefused('User input not required'),
    )
    await rejects(
      stage.alice.call(session, 'UserInputProvide', 'uuus', 1, 1, 0, ''),
      backendRefused('net.openvpn.v3.error.invalid-input: No value provided for RequiresSlot ID 0'),
    )
    assert.deepEqual(await stage.alice.call(session, 'UserInputQueueCheck', 'uu', 1, 4), [[]])
    assert.deepEqual(await stage.alice.call(session, 'UserInputQueueCheck', 'uu', 1, 1), [[0, 1]])
  })

  it('drops control characters and non-ASCII characters from answers', async () => {
    const session = await stage.begin('alice', 'pass', {until: 'new'})
    await stage.alice.call(session, 'UserInputProvide', 'uuus', 1, 1, 0, '\tvpnuser\u0001')
    await stage.alice.call(session, 'UserInputProvide', 'uuus', 1, 1, 1, 'séecret€')
    await stage.alice.call(session, 'Connect')
    await stage.alice.reaches(session, 7)
  })

  it('refuses Connect while input is missing', async () => {
    const session = await stage.borrow('alice', 'pass', {until: 'new'})
    await rejects(stage.alice.call(session, 'Connect'), backendRefused('Required user input not provided'))
    assert.deepEqual(await stage.alice.sessions(), [session])
  })

  it('does not repeat an answered question', async () => {
    const session = await stage.borrow('alice', 'pass', {until: 'new'})
    const provide = (id: number, value: string) =>
      stage.alice.call(session, 'UserInputProvide', 'uuus', 1, 1, id, value)
    await provide(0, 'vpnuser')
    assert.deepEqual(await stage.alice.call(session, 'UserInputQueueCheck', 'uu', 1, 1), [[1]])
    const provided = 'net.openvpn.v3.error.input-already-provided: Request ID 0 has already been provided'
    await rejects(provide(0, 'somebody'), backendRefused(provided))
    await rejects(
      stage.alice.call(session, 'UserInputQueueFetch', 'uuu', 1, 1, 0),
      backendRefused('net.openvpn.v3.already-provided: User input already provided'),
    )
    await provide(1, 'secret')
    await rejects(provide(1, 'secret'), backendRefused('User input not required'))
  })

  it('a session that is paused before its start and then gets its input stays at resuming until Connect', async () => {
    const {alice} = stage
    const session = await stage.begin('alice', 'pass', {until: 'new'})
    await rejects(alice.call(session, 'Resume'), backendRefused('Connection is not paused'))
    await alice.call(session, 'Pause', 's', '')
    assert.equal((await alice.status(session))[1], 14)
    await rejects(alice.call(session, 'Pause', 's', ''), backendRefused('Connection is already paused'))
    await alice.call(session, 'UserInputProvide', 'uuus', 1, 1, 0, 'vpnuser')
    await alice.call(session, 'UserInputProvide', 'uuus', 1, 1, 1, 'secret')
    await alice.call(session, 'Ready')
    await alice.call(session, 'Resume')
    await watch(1500, async () => assert.deepEqual(await alice.status(session), [2, 15, '']))
    assert.deepEqual(await alice.get(session, 'statistics'), {})
    await alice.call(session, 'Connect')
    await alice.reaches(session, 7)
  })

  it('a session stays failed after a wrong password, even after Restart', async () => {
    const {alice} = stage
    const options = {input: ['vpnuser', 'wrong'], until: 'started'} as const
    const session = await stage.begin('alice', 'pass', options)
    await alice.reaches(session, 11)
    await watch(500, async () => assert.deepEqual(await alice.status(session), [2, 11, 'Authentication failed']))
    assert.deepEqual(await alice.sessions(), [session])
    assert.equal((await alice.get<Record<string, bigint>>(session, 'statistics')).AUTH_FAILED, 1n)
    assert.equal(await alice.get(session, 'device_name'), '')
    await alice.call(session, 'Ready')
    await alice.call(session, 'Restart')
    await watch(1500, async () => assert.deepEqual(await alice.status(session), [2, 12, '']))
    await alice.call(session, 'Disconnect')
    assert.deepEqual(await alice.sessions(), [])
  })

  it('announces the URL of a web authentication by status and signal, and connects once it is granted', async () => {
    const {alice} = stage
    await alice.listen()
    const session = await stage.begin('alice', 'web', {until: 'started'})
    await alice.reaches(session, 22)
    const [major, , url] = await alice.status(session)
    assert.equal(major, 3)
    assert.match(url, /^https:\/\/\S+$/)
    await until('announced', () => alice.signals('AttentionRequired', session).some(({body}) => body[1] === 9))
    const announced = alice.signals('AttentionRequired', session).filter(({body}) => body[1] === 9)
    assert.deepEqual(
      announced.map(({body}) => body),
      [[1, 9, url]],
    )
    await rejects(alice.call(session, 'Ready'), notReady('Pending web authentication'))
    await stage.world.grantWebAuthentication(true)
    await alice.reaches(session, 7)
    await alice.call(session, 'Ready')
    assert.equal(await stage.world.carriesTraffic(session), true)
  })

  it('broadcasts the URL of a web authentication, and that input is required', async (t) => {
    if (stage.alone(t)) return
    for (const stranger of [stage.bob, stage.carol]) await stranger.listen()
    const session = await stage.begin('alice', 'web', {until: 'started'})
    await stage.alice.reaches(session, 22)
    const [, , url] = await stage.alice.status(session)
    for (const stranger of [stage.bob, stage.carol]) {
      await rejects(stranger.status(session), DENIED)
      await until('announced', () => stranger.signals('AttentionRequired', session).length > 1)
      const announced = stranger.signals('AttentionRequired', session)
      assert.deepEqual(
        announced.map(({body, destination}) => [...body, destination ?? null]),
        [
          [1, 1, CREDENTIALS, null],
          [1, 9, url, null],
        ],
      )
    }
  })

  it('asks nothing if a certificate suffices', async () => {
    const session = await stage.borrow('alice', 'cert', {until: 'new'})
    await stage.alice.call(session, 'Ready')
    assert.deepEqual(await stage.alice.call(session, 'UserInputQueueGetTypeGroup'), [[]])
    assert.deepEqual(await stage.alice.call(session, 'UserInputQueueCheck', 'uu', 1, 1), [[]])
    const provide = stage.alice.call(session, 'UserInputProvide', 'uuus', 1, 1, 0, 'x')
    await rejects(provide, backendRefused('User input not required'))
  })
}
