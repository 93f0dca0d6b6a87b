import type {AuthReport, AuthRequestJson} from '@ovpn3/plugin-session-auth'
import type {ErrorJson, SessionResult} from '@ovpn3/sessions'

import assert from 'node:assert/strict'
import {beforeEach, describe, it} from 'node:test'

import type {UserName, World} from '../support/world'

import {ovpn3, type RunOptions, until} from '../support/cli'
import {document} from '../support/schemas'
import {idOf, isAlone, short} from '../support/world'

const none = 'No sessions requires authentication interaction\n'
const userAndPassword = [
  {description: 'Auth User name', hidden: false, name: 'username'},
  {description: 'Auth Password', hidden: true, name: 'password'},
]

/** `session-auth`, the same in every world. */
export function sessionAuthContract(title: string, world: () => World): void {
  const auth = (args: string, options?: RunOptions, user: UserName = 'alice') =>
    ovpn3(world(), user, ['session-auth', ...args.split(' ').filter(Boolean)], options)

  const list = async (args = '', user?: UserName): Promise<readonly AuthRequestJson[]> => {
    const {status, stderr, stdout} = await auth(`--json ${args}`, {}, user)
    assert.equal(status, 0, stderr)
    const report = document<AuthReport>('session-auth', stdout)
    assert.equal(report.action, 'list')
    return report.sessions as readonly AuthRequestJson[]
  }

  const singleRequest = async (args?: string, user?: UserName): Promise<AuthRequestJson> => {
    const requests = await list(args, user)
    assert.equal(requests.length, 1, JSON.stringify(requests))
    return requests[0]!
  }

  const resultOf = (stdout: string) => document<AuthReport>('session-auth', stdout).sessions[0] as SessionResult

  /** A session that waits for web authentication. */
  const web = async () => {
    const path = await world().startSession('alice', 'web', {until: 'started'})
    await until('it needs web authentication', async () => (await list()).some(({url}) => url !== null))
    return path
  }

  describe(`session-auth on ${title}`, () => {
    beforeEach(() => world().reset())

    it('lists a session with the input it needs', async () => {
      const before = Math.floor(Date.now() / 1000)
      const path = await world().startSession('alice', 'chal', {until: 'new'})
      await world().startSession('alice', 'cert')
      const {authRequest, created, input, status, ...request} = await singleRequest()
      assert.deepEqual(request, {config: 'chal', id: idOf(path), path, state: 'waiting', url: null})
      assert.ok(authRequest! > 1)
      assert.match(created!, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
      const seconds = Date.parse(created!) / 1000
      assert.ok(seconds >= before - 1 && seconds <= Date.now() / 1000 + 1)
      assert.deepEqual([status!.major, status!.minor, status!.text], [2, 4, 'needs input'])
      assert.deepEqual(
        input!.map(({description, name}) => [name, description]),
        [
          ['username', 'Auth User name'],
          ['password', 'Auth Password'],
          ['static_challenge', 'Enter the PIN'],
        ],
      )
      const {stderr, stdout} = await auth('')
      assert.equal(stderr, '')
      const lines = stdout.split('\n')
      assert.deepEqual(
        [lines[0], lines[1], lines[2], lines[4], lines[6], lines[7], lines[8]],
        [
          '-'.repeat(77),
          `        Path: ${path}`,
          `Auth Request: ${authRequest}`,
          ' Config name: chal',
          '       Needs: Auth User name, Auth Password, Enter the PIN',
          '-'.repeat(77),
          '',
        ],
      )
      assert.match(lines[3]!, /^ {5}Created: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/)
      assert.match(lines[5]!, /^ Auth status: Configuration requires user input: /)
    })

    it('lists without changing anything', async () => {
      await world().startSession('alice', 'pass', {until: 'new'})
      assert.deepEqual(await list(), await list())
      assert.deepEqual((await singleRequest()).input, userAndPassword)
    })

    it('reports that no session waits', async () => {
      const none_ = {status: 0, stderr: '', stdout: none}
      const {status, stderr, stdout} = await auth('')
      assert.deepEqual({status, stderr, stdout}, none_)
      await world().startSession('alice', 'cert')
      assert.deepEqual(await list(), [])
      assert.equal((await auth('')).stdout, none)
    })

    it('lists a stale session once and removes it', async () => {
      const path = await world().startSession('alice', 'pass', {until: 'new'})
      const other = await world().startSession('alice', 'key', {until: 'new'})
      await world().killBackend(path)
      const requests = await list()
      const stale = requests.find((each) => each.path === path)!
      assert.deepEqual([stale.state, stale.authRequest, stale.error?.code], ['stale', null, 'session-stale'])
      assert.equal(requests.find((each) => each.path === other)?.state, 'waiting')
      assert.deepEqual(await world().sessions(), [other])
    })

    it('lists a stale session if no session waits', async () => {
      const path = await world().startSession('alice', 'cert')
      await world().killBackend(path)
      const {status, stdout} = await auth('')
      const line = '-'.repeat(77)
      const record = `        Path: ${path}\n Auth status: stale, removed`
      assert.deepEqual([status, stdout], [0, `${line}\n${record}\n${line}\n${none}`])
    })

    it('continues a session by its request ID, with answers from standard input', async () => {
      await world().startSession('alice', 'key', {until: 'new'})
      const path = await world().startSession('alice', 'pass', {until: 'new'})
      const {authRequest} = (await list()).find((each) => each.path === path)!
      const run = await auth(`--auth-req ${authRequest} --timeout 20`, {input: 'vpnuser\nsecret\n'})
      assert.deepEqual([run.status, run.stderr], [0, ''])
      const [begin, where, blank, questions, connected, ours, end] = run.stdout.split('\n')
      assert.deepEqual(
        [begin, where, blank, questions, end],
        [
          'Continuing authentication for session pass',
          `Session path: ${path}`,
          '',
          'Auth User name: Auth Password: ',
          '',
        ],
      )
      assert.match(connected!, /^Connected to \S+ \(\S+\)$/)
      assert.match(ours!, new RegExp(String.raw`^pass \(${short(path)}\): connected to \S+ on tun\d+, address \S+$`))
      assert.equal(await world().carriesTraffic(path), true)
      assert.deepEqual(
        (await list()).map(({config}) => config),
        ['key'],
      )
    })

    it('leaves a session that does not wait unchanged and reports it', async () => {
      const path = await world().startSession('alice', 'cert')
      const connected = await auth(`--path ${path} --json`)
      assert.equal(connected.status, 0)
      const {changed, message, outcome} = resultOf(connected.stdout)
      assert.deepEqual([outcome, changed, message], ['unchanged', false, 'already connected'])
      await ovpn3(world(), 'alice', ['session-manage', '--pause', '--path', path])
      const paused = await auth('--config cert --json')
      assert.equal(paused.status, 0)
      assert.equal(resultOf(paused.stdout).message, 'not waiting for input: paused')
    })

    it('rejects an unknown ID', async () => {
      await world().startSession('alice', 'pass', {until: 'new'})
      const run = await auth('--auth-req 4194304 --json', {input: 'vpnuser\nsecret\n'})
      assert.equal(run.status, 4)
      const {error} = document<{error: ErrorJson}>('error', run.stdout)
      assert.equal(error.code, 'session-not-found')
      assert.match(error.hint!, /ovpn3 auth`/)
    })

    it('accepts a passphrase and a challenge, and reports wrong answers', async () => {
      for (const [profile, input, status] of [
        ['key', 'opensesame\n', 0],
        ['chal', 'vpnuser\nsecret\n123456\n', 0],
        ['pass', 'vpnuser\nwrong\n', 8],
      ] as const) {
        await world().startSession('alice', profile, {until: 'new'})
        const run = await auth(`--config ${profile} --timeout 20 --json`, {input})
        assert.equal(run.status, status, run.stdout)
        assert.equal(resultOf(run.stdout).error?.code, status === 0 ? undefined : 'refused')
        await world().reset()
      }
    })

    it('lists a web authentication with its URL, and waits for it if requested', async () => {
      const path = await web()
      const {authRequest, input, url} = await singleRequest()
      assert.match(url!, /^https:\/\//)
      assert.equal(input, null)
      const {stdout} = await auth('')
      assert.ok(stdout.includes(` Auth status: On-going web authentication\n    Auth URL: ${url}\n`), stdout)
      const shown = await auth(`--auth-req ${authRequest}`)
      assert.equal(shown.status, 0, shown.stderr)
      assert.ok(shown.stdout.includes(`Open this URL to complete the connection: \n     ${url}\n`), shown.stdout)
      assert.match(shown.stdout, /web \(\w{8}\): needs web authentication\n$/)
      const waited = await auth(`--path ${path} --timeout 30`, {
        async during(_, output) {
          await until('it shows the address', () => output().includes(url!))
          await world().grantWebAuthentication(true)
        },
      })
      await world().grantWebAuthentication(false)
      assert.equal(waited.status, 0, waited.stderr)
      assert.match(waited.stdout, /\nConnected to \S+ \(\S+\)\nweb \(\w{8}\): connected to /)
    })

    it('lists granted sessions with their owner, but no public ones', async (t) => {
      if (isAlone(world(), t)) return
      const granted = await world().startSession('alice', 'pass', {until: 'new'})
      const open = await world().startSession('alice', 'key', {until: 'new'})
      await world().grant(granted, 'bob')
      await world().setPublicAccess(open, true)
      const request = await singleRequest('', 'bob')
      assert.deepEqual([request.path, request.owner?.uid], [granted, world().uid('alice')])
      assert.deepEqual(request.input, userAndPassword)
      assert.deepEqual(await list('', 'carol'), [])
      const input = 'vpnuser\nsecret\n'
      const refused = await auth(`--auth-req ${request.authRequest}`, {input}, 'bob')
      assert.equal(refused.status, 8)
      assert.match(refused.stderr, / belongs to /)
      const named = await auth(
        `--auth-req ${request.authRequest} --owner ${world().uid('alice')} --timeout 20`,
        {input},
        'bob',
      )
      assert.equal(named.status, 0, named.stderr)
    })
  })
}
