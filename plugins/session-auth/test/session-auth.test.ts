import type {AuthReport, AuthRequestJson} from '@ovpn3/plugin-session-auth'
import type {ErrorJson} from '@ovpn3/sessions'

import assert from 'node:assert/strict'
import {after, afterEach, before, describe, it} from 'node:test'

import {type Simulator, simulator} from '../../../test/simulator/simulator'
import {ovpn3, ovpn3Shared, type RunOptions, until} from '../../../test/support/cli'
import {document} from '../../../test/support/schemas'
import {skipTerminal, terminals} from '../../../test/support/terminal'
import {isAlone, nowhere} from '../../../test/support/world'

const wrong: Readonly<Record<string, readonly [args: string, message: RegExp]>> = {
  'an ID that is no number': ['--auth-req office', /--auth-req: invalid ID: "office"/],
  'an ID that no process has': ['--auth-req 0', /--auth-req: invalid ID: "0"/],
  'an ID that is too big': ['--auth-req 4294967296', /--auth-req: invalid ID/],
  'an ID that is negative': ['--auth-req=-1', /--auth-req: invalid ID/],
  'an ID and a selector': ['--auth-req 1 --config office', /cannot be used together/],
  'a wait for nobody': ['--wait', /--wait needs a session/],
  'a time limit for nobody': ['--timeout 5', /--timeout needs a session/],
  'a time that is none': ['--auth-req 1 --timeout soon', /"soon" is not a duration/],
  'a wait in the background': ['--auth-req 1 --wait --background', /cannot be used together/],
  'nothing to keep': ['--auth-req 1 --keep', /--keep requires --timeout or --wait/],
}

describe('wrong usage of session-auth', () => {
  for (const [what, [args, message]] of Object.entries(wrong)) {
    it(`${what}: exit 2, a message and a hint`, async () => {
      const run = await ovpn3Shared(nowhere, 'alice', ['session-auth', '--json', ...args.split(' ')])
      assert.equal(run.status, 2, run.stdout)
      const {error} = document<{error: ErrorJson}>('error', run.stdout)
      assert.equal(error.code, 'usage')
      assert.match(error.message, message)
    })
  }
})

const challenge = {answer: '987', hidden: true, question: 'The code on your token'}

describe('session-auth', () => {
  let world: Simulator
  const auth = (args: string, options?: RunOptions) =>
    ovpn3(world, 'alice', ['session-auth', ...args.split(' ').filter(Boolean)], options)
  const list = async (): Promise<readonly AuthRequestJson[]> => {
    const report = document<AuthReport>('session-auth', (await auth('--json')).stdout)
    assert.equal(report.action, 'list')
    return report.sessions as readonly AuthRequestJson[]
  }

  before(async () => {
    world = await simulator()
  })
  afterEach(() => world.reset())
  after(() => world.close())

  const reads = () => Object.fromEntries([...world.calls.byMember].filter(([member]) => member.startsWith('Get')))

  it('reads only status and owner of a session that does not wait', async () => {
    world.createSessions(3)
    world.calls.reset()
    assert.equal((await auth('')).status, 0)
    assert.deepEqual(reads(), {'Get owner': 3, 'Get status': 3})
  })

  it('reads only the ID and owner to find a session by ID', async () => {
    world.createSessions(3)
    world.calls.reset()
    assert.equal((await auth('--auth-req 1')).status, 4)
    assert.deepEqual(reads(), {'Get backend_pid': 3, 'Get owner': 3})
  })

  it('lists a session with a hung backend, and the others', async () => {
    const path = await world.startSession('alice', 'pass', {until: 'new'})
    const [hung] = world.createSessions(1)
    await world.stopBackend(hung!)
    const run = await auth('--json')
    assert.equal(run.status, 0)
    assert.match(run.stderr, /^Waiting for session \w{8}: /)
    const {sessions} = document<AuthReport>('session-auth', run.stdout)
    const states = Object.fromEntries((sessions as readonly AuthRequestJson[]).map((each) => [each.path, each.state]))
    assert.deepEqual(states, {[hung!]: 'hung', [path]: 'waiting'})
  })

  it('lists an unreadable status with the reason', async () => {
    const path = await world.startSession('alice', 'pass', {until: 'new'})
    world.failProperty(path, 'status')
    const [{error, state}] = (await list()) as [AuthRequestJson]
    assert.deepEqual([state, error?.code], ['failed', 'failed'])
    assert.match((await auth('')).stdout, /Auth status: not readable: .*Property not available/)
  })

  it('answers questions that come during the connection, too', async () => {
    world.addProfile('alice', 'dyn', {challenge, inputs: [], port: 1195})
    const path = await world.startProfile('alice', 'dyn', {until: 'started'})
    await until('the server asks', () => world.status(path)[1] === 4)
    const [request] = await list()
    assert.deepEqual(
      request!.input!.map(({description, hidden}) => [description, hidden]),
      [['The code on your token', true]],
    )
    const run = await auth(`--auth-req ${request!.authRequest} --timeout 20`, {input: '987\n'})
    assert.equal(run.status, 0, run.stderr)
    assert.match(run.stdout, /The code on your token: \nConnected to \S+ \(\S+\)\ndyn \(\w{8}\): connected to /)
  })

  it('sends nothing if an answer is missing', async () => {
    const path = await world.startSession('alice', 'pass', {until: 'new'})
    const run = await auth('--config pass', {input: 'vpnuser\n'})
    assert.equal(run.status, 8)
    assert.match(run.stderr, /input is missing: Auth Password/)
    assert.deepEqual(world.answers(path), {})
    assert.equal(world.status(path)[1], 4)
  })

  it('reports a refused login with its reason, also as JSON', async () => {
    await world.startSession('alice', 'pass', {until: 'new'})
    const run = await auth('--config pass --json', {input: 'vpnuser\nwrong\n'})
    assert.equal(run.status, 8)
    const {action, sessions} = document<AuthReport>('session-auth', run.stdout)
    assert.equal(action, 'authenticate')
    assert.equal((sessions[0] as {error?: ErrorJson}).error?.code, 'refused')
  })

  it('disconnects on timeout, and keeps the session with --keep', async () => {
    world.addProfile('alice', 'slow', {inputs: [{...userNameInput}], port: undefined})
    for (const [more, left] of [
      ['', 0],
      ['--keep', 1],
    ] as const) {
      await world.startProfile('alice', 'slow', {until: 'new'})
      const run = await auth(`--config slow --timeout 1 ${more}`, {input: 'anybody\n'})
      assert.equal(run.status, 7, run.stderr)
      assert.equal((await world.sessions()).length, left)
    }
  })

  it("sends input to another user's session only if the owner is named", async (t) => {
    if (isAlone(world, t)) return
    const path = await world.startSession('bob', 'pass', {until: 'new'})
    await world.grant(path, 'alice')
    const [request] = await list()
    assert.equal(request!.owner?.uid, world.uid('bob'))
    const input = 'vpnuser\nsecret\n'
    const refused = await auth(`--auth-req ${request!.authRequest}`, {input})
    assert.equal(refused.status, 8)
    assert.match(
      refused.stderr,
      /the session needs input and belongs to [^]*Pass --owner \S+ to send your input to that user/,
    )
    assert.deepEqual(world.answers(path), {})
    const named = await auth(`--auth-req ${request!.authRequest} --owner ${world.uid('bob')} --timeout 20`, {input})
    assert.equal(named.status, 0, named.stderr)
  })

  it('neither lists nor finds a session that is only public', async (t) => {
    if (isAlone(world, t)) return
    const path = await world.startSession('bob', 'pass', {until: 'new'})
    await world.setPublicAccess(path, true)
    assert.deepEqual(await list(), [])
    const asRoot = await ovpn3(world, 'root', ['session-auth', '--json'])
    assert.deepEqual(document<AuthReport>('session-auth', asRoot.stdout).sessions, [])
  })
})

const userNameInput = {description: 'Auth User name', group: 1, hidden: false, id: 0, name: 'username'}

describe('session-auth on a terminal', {skip: skipTerminal()}, () => {
  const stage = terminals()

  it('lists the waiting session, and continues it after a yes', async () => {
    const path = await stage.world.startSession('alice', 'pass', {until: 'new'})
    stage.world.createSessions(2)
    const tty = await stage.open()
    await tty.type('ovpn3 session-auth', 'Enter')
    const screen = await tty.shows(/Continue pass \(\w{8}\)\?/)
    assert.match(
      screen,
      /AUTH-REQ +SESSION +WAITS FOR +STARTED\n\d+ +pass \(\w{8}\) +Auth User name, Auth Password +\d+s ago/,
    )
    await tty.type('Enter')
    await tty.shows(/Auth User name:/)
    await tty.type('vpnuser', 'Enter')
    await tty.shows(/Auth Password:/)
    await tty.type('secret', 'Enter')
    assert.doesNotMatch(await tty.shows(/pass \(\w{8}\): connected[^]*status 0/), /secret/)
    assert.equal(await stage.world.carriesTraffic(path), true)
  })

  it('leaves the session unchanged after a no', async () => {
    const path = await stage.world.startSession('alice', 'pass', {until: 'new'})
    const tty = await stage.open()
    await tty.type('ovpn3 session-auth', 'Enter')
    await tty.shows(/Continue pass/)
    await tty.type('n', 'Enter')
    await tty.shows(/status 0/)
    assert.deepEqual(stage.world.answers(path), {})
  })

  it('lets the user pick one of several, and Ctrl-C picks none', async () => {
    await stage.world.startSession('alice', 'pass', {until: 'new'})
    await stage.world.startSession('alice', 'key', {until: 'new'})
    stage.world.createSessions(1)
    const tty = await stage.open()
    await tty.type('ovpn3 session-auth', 'Enter')
    const screen = await tty.shows(/Which session to continue\?/)
    assert.doesNotMatch(screen, /load-1/)
    await tty.type('C-c')
    await tty.shows(/interrupted[^]*status 130/)
    await tty.type('-R', 'ovpn3 session-auth', 'Enter')
    await tty.shows(/Which session to continue\?/)
    await tty.type('Enter')
    await tty.shows(/Auth User name:|Private key passphrase:/)
    await tty.type('C-c')
    await tty.shows(/nothing was done[^]*status 130/)
    assert.equal(await tty.cursorIsVisible(), true)
  })

  it('only lists if the output is redirected or JSON, or no session waits', async () => {
    await stage.world.startSession('alice', 'pass', {until: 'new'})
    const tty = await stage.open()
    assert.match(await tty.run('ovpn3 session-auth | cat'), /Auth Request: \d+/)
    assert.match(await tty.run('ovpn3 session-auth --json'), /"authRequest": \d+/)
    await stage.world.reset()
    assert.equal(await tty.run('ovpn3 session-auth'), 'No session waits for input.')
  })

  it("asks twice before another user's session gets input, and Enter means no", async (t) => {
    if (isAlone(stage.world, t)) return
    const path = await stage.world.startSession('bob', 'pass', {until: 'new'})
    await stage.world.grant(path, 'alice')
    const tty = await stage.open()
    await tty.type('ovpn3 session-auth', 'Enter')
    await tty.shows(/Continue pass \(\w{8}\) of \S+\?/)
    await tty.type('Enter')
    await tty.shows(/status 0/)
    await tty.type('-R', 'ovpn3 session-auth', 'Enter')
    await tty.shows(/Continue pass \(\w{8}\) of \S+\?/)
    await tty.type('y', 'Enter')
    await tty.shows(/belongs to \S+ \(uid \d+\)\. Send your input to that user\?/)
    await tty.type('Enter')
    await tty.shows(/no input was sent[^]*status 8/)
    assert.deepEqual(stage.world.answers(path), {})
  })

  for (const columns of [40, 80, 120])
    it(`fits ${columns} columns`, async () => {
      await stage.world.startSession('alice', 'chal', {until: 'new'})
      const [stale] = stage.world.createSessions(1)
      await stage.world.killBackend(stale!)
      const tty = await stage.open({columns})
      await tty.type('ovpn3 session-auth', 'Enter')
      const screen = await tty.shows(/Continue chal/)
      const [head, first, second, next] = screen.split('\n').slice(1)
      assert.match(head!, /^AUTH-REQ .*STARTED$/)
      for (const row of [first, second]) assert.match(row!, /^(\d+ +chal .* ago|- +sess.*(stale, removed|sta.*…) +-)$/)
      assert.match(next!, /Continue chal/)
    })
})
