import type {Interfaces} from '@oclif/core'

import {
  type Asking,
  Deadline,
  type InputRequest,
  Interruption,
  Ovpn3Error,
  type Session,
  StatusMinor,
} from '@ovpn3/sessions'
import assert from 'node:assert/strict'
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {after, afterEach, beforeEach, describe, it} from 'node:test'

import {interaction} from '../../packages/kit/dist/interaction'
import {Screen} from '../../packages/kit/dist/terminal/screen'
import {FakeSession, silence, userName} from '../support/fake-session'

const password: InputRequest = {...userName, description: 'Auth Password', hidden: true, id: 1, name: 'password'}
const code: InputRequest = {...userName, description: 'The\u001B[2J code', group: 5, name: 'dynamic_challenge'}

type Hook = (options: {
  readonly requests: readonly {readonly name: string}[]
  readonly session: unknown
  readonly signal: AbortSignal
}) => unknown

describe('input of a session', () => {
  let abort: AbortController
  let deadline: Deadline
  let folder: string
  let notices: string[]
  /** The requests that each plugin received. */
  let asked: string[]
  let claims: boolean
  let claimed: boolean
  beforeEach(() => {
    abort = new AbortController()
    deadline = new Deadline(abort.signal)
    folder = mkdtempSync(path.join(tmpdir(), 'ovpn3-interaction-'))
    process.env.CREDENTIALS_DIRECTORY = folder
    notices = []
    asked = []
    claims = true
    claimed = false
  })
  afterEach(() => {
    deadline.end()
    rmSync(folder, {recursive: true})
  })
  after(() => {
    delete process.env.CREDENTIALS_DIRECTORY
  })

  const system = (text: string, profile = 'office') =>
    writeFileSync(path.join(folder, `ovpn3.${profile}`), text, {mode: 0o600})
  const given = (values: Record<string, string>) => ({
    from: 'standard input',
    usedStdin: true,
    values: new Map(Object.entries(values)),
  })

  /** The part of oclif's configuration that runs hooks. */
  const config = (...hooks: readonly Hook[]) =>
    ({
      async runHook(_: string, options: Parameters<Hook>[0]) {
        const [failures, successes]: unknown[][] = [[], []]
        for (const [i, hook] of hooks.entries()) {
          const plugin = {name: `plugin-${i + 1}`}
          asked.push(`${plugin.name}: ${options.requests.map(({name}) => name).join(' ')}`)
          try {
            successes!.push({plugin, result: await hook(options)})
          } catch (error) {
            failures!.push({error, plugin})
          }
        }

        return {failures, successes}
      },
    }) as unknown as Interfaces.Config

  interface Given {
    readonly credentials?: ReturnType<typeof given>
    readonly hooks?: readonly Hook[]
    readonly ownership?: 'granted' | 'own'
    readonly session?: Session
  }

  /** Returns a function that answers the requests of a session, as often as it is called. */
  function stage({credentials = given({}), hooks = [], ownership = 'own', session}: Given = {}) {
    const asker = session ?? new FakeSession(StatusMinor.inputRequired)
    const talk = interaction({
      begin() {},
      config: config(...hooks),
      credentials,
      notice() {},
      screen: Object.assign(new Screen(() => true), {notice: (text: string) => notices.push(text)}),
      selected: [{label: 'office', ownerNamed: false, ownership, session: asker}],
    })
    const asking: Asking = {
      claim() {
        claimed = true
        return claims
      },
      deadline,
    }
    return (...requests: readonly InputRequest[]) => talk.answer(asker, requests, asking)
  }

  const missing = (message: string) => ({code: 'input-missing', message})

  it('is answered from --credentials or standard input, then from systemd, then by plugins', async () => {
    system('{"username": "of systemd", "password": "of systemd"}')
    const hook: Hook = () => ({dynamic_challenge: 'of a plugin', nosuch: 'x', username: 'of a plugin'})
    const answer = stage({credentials: given({nosuch: 'x', username: 'given'}), hooks: [hook]})
    assert.deepEqual(await answer(userName, password, code), ['given', 'of systemd', 'of a plugin'])
    // Plugins receive only the open requests.
    assert.deepEqual(asked, ['plugin-1: dynamic_challenge'])
    assert.deepEqual(notices, [])
  })

  it('is not requested from plugins if all is answered', async () => {
    system('alice\nsecret\n')
    assert.deepEqual(await stage({hooks: [() => assert.fail()]})(userName, password), ['alice', 'secret'])
    assert.equal(claimed, false)
  })

  it('may be an empty value', async () => {
    assert.deepEqual(await stage({credentials: given({password: '', username: ''})})(userName, password), ['', ''])
    system('{"username": ""}')
    assert.deepEqual(await stage({hooks: [() => ({password: ''})]})(userName, password), ['', ''])
  })

  it('is named in the error if it is missing', async () => {
    await assert.rejects(
      stage({credentials: given({username: 'alice'})})(userName, password, code),
      missing('input is missing: Auth Password (password), The code (dynamic_challenge)'),
    )
  })

  it('is answered by the next source when it is requested again, and never twice by the same', async () => {
    system('{"password": "of systemd"}')
    let n = 0
    const answer = stage({credentials: given({password: 'given'}), hooks: [() => ({password: `of a plugin ${++n}`})]})
    assert.deepEqual(await answer(password), ['given'])
    assert.deepEqual(await answer(password), ['of systemd'])
    assert.deepEqual(await answer(password), ['of a plugin 1'])
    const used = `already answered from standard input, ${folder}/ovpn3.office, plugin-1`
    await assert.rejects(answer(password), missing(`input is missing: Auth Password (password; ${used})`))
    assert.equal(n, 1)
  })

  it('is answered from --credentials or standard input for one session only', async () => {
    claims = false
    const answer = stage({credentials: given({password: 'given', username: 'given'})})
    await assert.rejects(
      answer(userName),
      missing(
        'input is missing: standard input and --credentials can answer for one session only: Auth User name (username)',
      ),
    )
    system('alice\nsecret\n')
    assert.deepEqual(await answer(userName, password), ['alice', 'secret'])
  })

  it("is not looked up for another user's session without confirmation", async () => {
    // This file would cause an error if it were read.
    system('{')
    const answer = stage({hooks: [() => assert.fail()], ownership: 'granted'})
    await assert.rejects(answer(userName), missing('the session needs input and belongs to another user'))
    assert.deepEqual([asked, claimed], [[], false])
  })

  it('is not taken from other sources if a file is invalid', async () => {
    system('{"password": hunter2}')
    const answer = stage({hooks: [() => ({password: 'of a plugin'})]})
    await assert.rejects(answer(password), {
      code: 'usage',
      message: `cannot read credentials from ${folder}/ovpn3.office: not valid JSON`,
    })
  })

  describe('from plugins', () => {
    it('is requested with the session and a description', async () => {
      let seen: unknown
      const hook: Hook = ({requests, session, signal}) => {
        seen = {requests, session}
        assert.equal(signal, deadline.signal)
        return {password: 'secret'}
      }

      const session = new FakeSession(StatusMinor.inputRequired)
      await stage({hooks: [hook], session})(password)
      assert.deepEqual(seen, {
        requests: [{description: 'Auth Password', hidden: true, name: 'password'}],
        session: {config: 'office', id: session.id, path: session.path, source: 'fake'},
      })
    })

    it('is the answer of the first plugin that has one', async () => {
      const hooks = [() => {}, () => ({password: 'second'}), () => ({password: 'third', username: 'third'})]
      assert.deepEqual(await stage({hooks})(userName, password), ['third', 'second'])
    })

    it('is taken from the next plugin after a failure, which is reported without secrets', async () => {
      const hooks = [
        () => JSON.parse('hunter2'),
        () => {
          throw Object.assign(new Error('pass hunter2'), {code: 'ENOENT'})
        },
        () => {
          throw new Ovpn3Error('failed', 'the\u001B[2J keyring is locked', {hint: 'Unlock it'})
        },
        () => 'hunter2',
        () => ({password: ['hunter2']}),
        () => ({password: 'hunter2\0'}),
        () => ({password: 'secret'}),
      ]
      assert.deepEqual(await stage({hooks})(password), ['secret'])
      assert.deepEqual(notices, [
        'Error: plugin-1: session-input failed: SyntaxError',
        'Error: plugin-2: session-input failed: Error ENOENT',
        'Error: plugin-3: the keyring is locked\nUnlock it',
        ...[4, 5, 6].map((n) => `Error: plugin-${n}: its answer to session-input is not an object of strings`),
      ])
    })

    it('is not awaited beyond the deadline', async () => {
      const answering = stage({hooks: [() => silence()]})(password)
      abort.abort(new Interruption())
      await assert.rejects(answering, {code: 'interrupted'})
    })
  })
})
