import {Variant} from 'dbus-next'
import assert from 'node:assert/strict'
import {chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {after, afterEach, before, describe, it} from 'node:test'

import {stepsOf} from '../plugins/guide'
import {type Simulator, simulator} from '../simulator/simulator'
import {cli, ovpn3, type RunOptions, userFile} from '../support/cli'
import {slowTimers} from '../support/clock'
import {FakeBus, misbehaviours} from '../support/fake-bus'
import {idOf} from '../support/world'

let world: Simulator

before(async () => {
  world = await simulator()
})
afterEach(() => world.reset())
after(() => world.close())

/** Restores the normal timers, for tests that reach the time limit. */
const normalTimers = {NODE_OPTIONS: ''}

/**
 * Completes a line as a shell does, and asserts that nothing is printed on stderr. The time limit is longer than with a
 * shell, so that a busy machine finds all values.
 */
async function complete(
  line: string,
  {env, ...options}: RunOptions = {},
): Promise<{candidates: string[][]; time: number}> {
  const words = line.split(' ')
  const run = await ovpn3(world, 'alice', ['--complete', 'zsh', words.at(-1)!, ...words.slice(0, -1)], {
    ...options,
    env: {...slowTimers(20), ...env},
  })
  assert.deepEqual([run.status, run.stderr], [0, ''])
  return {
    candidates: run.stdout
      .split('\n')
      .slice(0, -1)
      .map((candidate) => candidate.split('\t')),
    time: run.time,
  }
}

async function values(line: string, options?: RunOptions): Promise<string[]> {
  const {candidates} = await complete(line, options)
  return candidates.map(([value]) => value!).sort()
}

const named = (...names: readonly string[]) => world.createSessions(names.length, {name: (index) => names[index]!})

const skipUsers = process.getuid!() !== 0 && 'requires root to switch users'

describe('live values', () => {
  it('include profile names with any characters, each once', async () => {
    const names = ['my vpn', "it's", 'say "hi"', 'Zürich $HOME', String.raw`back\slash`, 'a:b', 'twin', 'twin']
    named(...names)
    const {candidates} = await complete('session-manage --pause --config ')
    assert.deepEqual(new Set(candidates.map(([value]) => value)), new Set(names))
    const descriptions = Object.fromEntries(candidates)
    assert.deepEqual([descriptions.twin, descriptions['my vpn']], ['2 sessions', 'connected'])
  })

  it('include names, devices, and IDs of sessions with the same name, for SESSION', async () => {
    const [, twin, other] = world.createSessions(3, {name: (index) => ['office', 'twin', 'twin'][index]!})
    world.pause(twin!)
    const ids = [twin!, other!].map((path) => idOf(path))
    assert.deepEqual(await values('session-stats '), ['office', 'tun0', 'tun1', 'tun2', 'twin', ...ids].sort())
    // A paused session cannot be paused.
    assert.deepEqual(await values('session-manage --pause '), ['office', 'tun0', 'tun2', 'twin'].sort())
    assert.ok((await values(`session-manage --resume ${ids[0]!.slice(0, 4)}`)).includes(ids[0]!))
    assert.ok((await values('session-manage ')).includes('--pause'))
    assert.ok((await values('session-manage --cleanup ')).every((value) => value.startsWith('-')))
    assert.ok(!(await values('session-stats office --')).includes('--config'))
  })

  it('include files and folders', async () => {
    const file = userFile(world, 'alice', 'files/office.json', '{}')
    userFile(world, 'alice', 'files/more/.hidden', '')
    const folder = path.dirname(file)
    const files = (typed: string) => values(`session-manage --resume --credentials ${folder}${typed}`)
    assert.deepEqual(await files('/'), [`${folder}/more/`, file])
    assert.deepEqual(await files('/more/'), [])
    assert.deepEqual(await files('/more/.h'), [`${folder}/more/.hidden`])
    assert.deepEqual(await files('/nosuch/'), [])
    assert.ok((await values('session-manage --resume --credentials ')).includes('etc/'))
  })

  it('include IDs and paths with descriptions', async () => {
    const [session] = named('office')
    const {candidates} = await complete('session-stats --path ')
    assert.deepEqual(candidates, [[idOf(session!), 'office, connected']])
    assert.deepEqual(await values('session-stats --path /'), [session])
    assert.deepEqual(await values('session-stats --session-path=/'), [`--session-path=${session}`])
  })

  it('include the interfaces of sessions that have one', async () => {
    const [first, second] = named('office', 'home')
    world.setDevice(first!, 'tun7')
    world.setDevice(second!, '')
    assert.deepEqual(await values('session-stats -I '), ['tun7'])
  })

  it('include profile names, interfaces and owners in filters', async () => {
    const [office, home] = named('office', 'home')
    world.setDevice(office!, 'tun7')
    world.setDevice(home!, '')
    assert.deepEqual(await values('sessions-list --filter config='), ['config=home', 'config=office'])
    assert.deepEqual(await values('sessions-list --filter device='), ['device=tun7'])
    world.breakProperty(office!, 'owner', new Variant('u', 0))
    world.breakProperty(home!, 'owner', new Variant('u', 3_999_999_999))
    assert.deepEqual(await values('sessions-list --filter=owner='), [
      '--filter=owner=3999999999',
      '--filter=owner=root',
    ])
  })

  it('include only sessions for which the action makes sense', async () => {
    const [, paused, dead] = named('running', 'paused', 'dead')
    world.pause(paused!)
    world.setStatus(dead!, [2, 11, ''])
    assert.deepEqual(await values('session-manage --resume -c '), ['paused'])
    assert.deepEqual(await values('session-manage -R -o '), [idOf(paused!)])
    assert.deepEqual(await values('session-manage --pause -c '), ['running'])
    assert.deepEqual(await values('session-manage --restart -c '), ['paused', 'running'])
    assert.deepEqual(await values('session-manage --disconnect -c '), ['dead', 'paused', 'running'])
  })

  it('include only sessions that wait for input in session-auth', async () => {
    const [, web] = named('running', 'web')
    const pass = await world.startSession('alice', 'pass', {until: 'new'})
    world.setStatus(web!, [3, 22, 'https://vpn.example/1'])
    const [shared, open] = world.createSessions(2, {name: () => 'theirs', user: 'bob'})
    for (const path of [shared!, open!]) world.setStatus(path, [2, 4, ''])
    await world.grant(shared!, 'alice')
    await world.setPublicAccess(open!, true)
    const {candidates} = await complete('session-auth --auth-req ')
    const pids = [web!, pass, shared!].map((path) => String(world.pid(path)))
    const words = ['web, needs web authentication', 'pass, needs input', 'theirs, needs input']
    assert.deepEqual(Object.fromEntries(candidates), Object.fromEntries(pids.map((pid, i) => [pid, words[i]])))
    assert.deepEqual(await values('session-auth -c '), ['pass', 'theirs', 'web'])
    assert.deepEqual((await values('session-auth -o ')).sort(), [web!, pass, shared!].map((path) => idOf(path)).sort())
    assert.deepEqual(await values('session-auth --auth-req 1 -c '), [])
  })

  it("exclude stale sessions and other users' public sessions", async () => {
    const [stale] = named('stale', 'office')
    await world.killBackend(stale!)
    const [public_] = world.createSessions(1, {name: () => 'public', user: 'bob'})
    await world.setPublicAccess(public_!, true)
    assert.deepEqual(await values('session-manage -D -c '), ['office'])
  })

  it('include a session that another user granted, except for granting it', async () => {
    named('mine')
    const [shared] = world.createSessions(1, {name: () => 'shared', user: 'bob'})
    await world.grant(shared!, 'alice')
    assert.deepEqual(await values('session-manage --pause -c '), ['mine', 'shared'])
    assert.deepEqual(await values('session-acl --show -c '), ['mine', 'shared'])
    assert.deepEqual(await values('session-acl --grant carol -c '), ['mine'])
  })

  it('include names of own and granted sessions, and with --owner those of that user', {skip: skipUsers}, async () => {
    named('office')
    const [theirs] = world.createSessions(1, {name: () => 'office', user: 'bob'})
    const [lab] = world.createSessions(1, {name: () => 'lab', user: 'bob'})
    const [open] = world.createSessions(1, {name: () => 'open', user: 'carol'})
    for (const path of [theirs!, lab!]) await world.grant(path, 'alice')
    await world.setPublicAccess(open!, true)
    const bob = world.accountName('bob')
    assert.deepEqual((await values('session-manage --pause -c ')).sort(), ['lab', 'office'])
    assert.deepEqual((await values(`session-manage --pause --owner ${bob} -c `)).sort(), ['lab', 'office'])
    assert.deepEqual(await values(`session-manage --pause --owner ${world.uid('alice')} -c `), ['office'])
    assert.deepEqual((await values('session-manage --pause --owner ')).sort(), [bob, world.accountName('alice')].sort())
  })

  it('require as few calls as possible', async () => {
    named('a', 'b', 'c')
    world.calls.reset()
    await complete('session-manage --pause -c ')
    assert.equal(world.calls.total, 1 + 3 * 2)
    world.calls.reset()
    await complete('session-manage --')
    assert.equal(world.calls.total, 0)
  })

  describe('of users', () => {
    it('exclude users who have access in --grant', {skip: skipUsers}, async () => {
      const [office] = named('office')
      await world.grant(office!, 'bob')
      const typed = (user: 'alice' | 'bob' | 'carol') => `session-acl -c office --grant ${world.accountName(user)}`
      assert.ok((await values(typed('carol'))).includes(world.accountName('carol')))
      assert.ok(!(await values(typed('bob'))).includes(world.accountName('bob')))
      assert.ok(!(await values(typed('alice'))).includes(world.accountName('alice')))
      assert.ok((await values(typed('bob').replace('-c office ', ''))).includes(world.accountName('bob')))
    })

    it('include only users with access to the selected session in --revoke', {skip: skipUsers}, async () => {
      const [office, home] = named('office', 'home')
      await world.grant(office!, 'bob')
      await world.grant(home!, 'carol')
      const [bob, carol] = [world.accountName('bob'), world.accountName('carol')]
      assert.deepEqual(await values('session-acl -c office --revoke '), [bob])
      assert.deepEqual(await values(`session-acl -o ${idOf(home!)} -R `), [carol])
      assert.deepEqual(await values('session-acl --revoke '), [bob, carol].sort())
      assert.deepEqual(await values(`session-acl --revoke ${bob} --revoke `), [carol])
    })
  })

  it('include the user IDs of users without a name', async () => {
    const [office] = named('office')
    world.breakProperty(office!, 'acl', new Variant('au', [3_999_999_999]))
    assert.deepEqual(await values('session-acl -c office --revoke '), ['3999999999'])
  })
})

describe('live values with a fault', () => {
  it('are omitted without a bus', async () => {
    const env = {DBUS_SYSTEM_BUS_ADDRESS: 'unix:path=/nowhere/bus'}
    assert.deepEqual(await values('session-manage --pause -c ', {env}), [])
    assert.ok((await values('session-manage --', {env})).includes('--pause'))
    assert.ok((await values('session-acl -c office --grant roo', {env})).includes('root'))
  })

  for (const [what, behave] of Object.entries(misbehaviours)) {
    it(`are omitted if a bus ${what}`, async () => {
      const fake = await FakeBus.open(behave)
      try {
        const {candidates, time} = await complete('session-manage -c ', {
          env: {...normalTimers, DBUS_SYSTEM_BUS_ADDRESS: fake.address},
        })
        assert.deepEqual(candidates, [])
        assert.equal(fake.connections, 1)
        // The time limit of a connection is 5 s.
        assert.ok(time < 4900, `${time} ms`)
      } finally {
        fake.close()
      }
    })
  }

  it('are omitted if the session manager hangs', async () => {
    named('office')
    world.intercept(() => 'ignore')
    const {candidates, time} = await complete('session-manage -c ', {env: normalTimers})
    assert.deepEqual(candidates, [])
    // The time limit of a call is 25 s.
    assert.ok(time < 20_000, `${time} ms`)
  })

  it('are offered without a description if a backend hangs', async () => {
    const [office] = named('office')
    await world.stopBackend(office!)
    const {candidates} = await complete('session-manage -D -o ', {env: slowTimers(4)})
    assert.deepEqual(candidates, [[idOf(office!), '']])
  })

  it('are offered without descriptions if there are too many sessions to read', async () => {
    named(...Array.from({length: 60}, (_, index) => `vpn-${index}`))
    world.setCost(80)
    const {candidates} = await complete('session-manage -D -o ', {env: slowTimers(4)})
    assert.equal(candidates.length, 60)
    assert.ok(candidates.some(([, description]) => description === ''))
  })

  it('are omitted while the session manager starts', async () => {
    await world.coldStart()
    assert.deepEqual(await values('session-manage -c '), [])
  })

  it('are omitted for invalid command lines', async () => {
    for (const line of ['session-manage --nosuch=', 'nosuch --', '-- ', 'session-acl -o /x -R '])
      assert.deepEqual(await values(line), [], line)
  })
})

describe('completion for user plugins', () => {
  let folder: string
  const write = (file: string, text: string) => {
    mkdirSync(path.dirname(path.join(folder, file)), {mode: 0o755, recursive: true})
    writeFileSync(path.join(folder, file), text)
  }

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'ovpn3-complete-'))
    chmodSync(folder, 0o755)
    const root = path.dirname(path.dirname(cli()))
    const plugins = [
      {name: 'plugin-installed', type: 'user'},
      {name: 'plugin-linked', root: path.join(folder, 'linked'), type: 'link'},
      {name: 'plugin-broken', root: path.join(folder, 'broken'), type: 'link'},
      {name: 'plugin-gone', root: '/nowhere', type: 'link'},
    ]
    write('data/ovpn3/package.json', JSON.stringify({oclif: {plugins}}))
    const installed = 'data/ovpn3/node_modules/plugin-installed'
    write(`${installed}/package.json`, JSON.stringify({name: 'plugin-installed', oclif: {commands: './commands'}}))
    const flags = {
      colour: {name: 'colour', options: ['red', 'green'], summary: 'Which colour.', type: 'option'},
      config: {helpGroup: 'SESSION', name: 'config', type: 'option'},
      size: {name: 'size', type: 'option'},
    }
    const command = {completion: {size: {values: ['big', 'small']}}, flags, summary: 'Paint a session.'}
    write(`${installed}/oclif.manifest.json`, JSON.stringify({commands: {'paint:session': command}}))

    write('linked/package.json', JSON.stringify({name: 'plugin-linked', oclif: {commands: './commands'}}))
    const kit = JSON.stringify(path.join(root, 'packages', 'kit'))
    write(
      'linked/commands/session/look.js',
      `const kit = require(${kit})
      console.log('noise')
      module.exports = class extends kit.SessionCommand {
        static completion = {loud: {values: ['yes', 'no']}}
        static flags = {...kit.selectorFlags, loud: {type: 'option', summary: 'How loud.'}}
      }\n`,
    )
    write('linked/commands/session/look.d.ts', '')
    write('broken/package.json', JSON.stringify({name: 'plugin-broken', oclif: {commands: './commands'}}))
    write('broken/commands/broken.js', `console.error('noise'); console.log('noise'); throw new Error('broken')\n`)
    write('broken/oclif.manifest.json', 'no JSON')
  })
  after(() => rmSync(folder, {force: true, recursive: true}))

  const ofUser = (line: string) => values(line, {env: {XDG_DATA_HOME: path.join(folder, 'data')}})

  it('offers their commands', async () => {
    const all = await ofUser('')
    for (const name of ['paint', 'session', 'broken', 'session-manage']) assert.ok(all.includes(name), name)
    assert.deepEqual(await ofUser('session '), ['look'])
  })

  it('offers their options and values, and live values for the selector flags of kit', async () => {
    named('office')
    assert.deepEqual(await ofUser('paint session --'), ['--colour', '--config', '--help', '--size'])
    assert.deepEqual(await ofUser('paint session --colour '), ['green', 'red'])
    assert.deepEqual(await ofUser('paint session --size '), ['big', 'small'])
    assert.deepEqual(await ofUser('paint session --config '), ['office'])
  })

  it('works for a linked plugin without a manifest', async () => {
    named('office')
    const options = await ofUser('session look --')
    for (const name of ['--loud', '--json', '--session-path', '--config']) assert.ok(options.includes(name), name)
    assert.deepEqual(await ofUser('session look -c '), ['office'])
    assert.deepEqual(await ofUser('session look --loud '), ['no', 'yes'])
    assert.ok(!(await ofUser('session look -c office --')).includes('--interface'))
  })

  it('offers nothing for a plugin that cannot be loaded', async () => {
    const words = ['--complete', 'zsh', '--', 'broken']
    const env = {XDG_DATA_HOME: path.join(folder, 'data')}
    const {status, stdout} = await ovpn3(world, 'alice', words, {env})
    assert.deepEqual([status, stdout], [0, ''])
  })
})

describe('sessions of other plugins', () => {
  let folder: string
  const put = (file: string, text: string) => {
    mkdirSync(path.dirname(path.join(folder, file)), {mode: 0o755, recursive: true})
    writeFileSync(path.join(folder, file), text)
  }

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'ovpn3-complete-'))
    chmodSync(folder, 0o755)
    symlinkSync(path.join(path.dirname(path.dirname(cli())), 'node_modules'), path.join(folder, 'node_modules'))
    const plugins = [{name: 'plugin-recording', root: path.join(folder, 'recording'), type: 'link'}]
    put('data/ovpn3/package.json', JSON.stringify({oclif: {plugins}}))
    // The session source from the guide.
    for (const step of stepsOf('docs/plugins.md'))
      if (step.kind === 'file' && /^(hooks\/recording\.js|recording\.json)$/.test(step.name))
        put(path.join('recording', step.name), step.text)
  })
  after(() => rmSync(folder, {force: true, recursive: true}))

  const hooks = (hook: unknown) =>
    put(
      'recording/package.json',
      JSON.stringify({name: 'plugin-recording', oclif: {hooks: {'session-resolver': hook}}}),
    )
  const completed = (line: string, env: Readonly<Record<string, string>> = {}) =>
    values(line, {
      env: {
        VPN_RECORDING: path.join(folder, 'recording/recording.json'),
        XDG_DATA_HOME: path.join(folder, 'data'),
        ...env,
      },
    })

  it('are offered together with ours', async () => {
    hooks('./hooks/recording')
    const [office] = named('office')
    assert.deepEqual(await completed('session-stats -c '), ['branch', 'lab', 'office'])
    assert.deepEqual(await completed('session-manage --pause -c '), ['branch', 'office'])
    world.setDevice(office!, 'tun9')
    assert.deepEqual(await completed('session-acl --show -I '), ['tun4', 'tun5', 'tun9'])
    assert.deepEqual(await completed('session-stats -c ', {VPN_RECORDING: ''}), ['office'])
  })

  it('are offered without ours if there is no bus', async () => {
    hooks('./hooks/recording')
    const env = {DBUS_SYSTEM_BUS_ADDRESS: 'unix:path=/nowhere/bus'}
    assert.deepEqual(await completed('session-stats -c ', env), ['branch', 'lab'])
  })

  it('are offered for every form of a hook entry', async () => {
    const resolver = "require('./recording.js')"
    put('recording/hooks/all.js', `exports.ours = ${resolver}; exports.nothing = () => {}\n`)
    put('recording/hooks/transpiled.cjs', `exports.default = ${resolver}\n`)
    put('recording/hooks/module.mjs', `import resolver from './recording.js'\nexport const answer = resolver\n`)
    for (const hook of [
      {target: './hooks/recording.js'},
      {identifier: 'ours', target: './hooks/all'},
      [{identifier: 'nothing', target: './hooks/all'}, './hooks/transpiled'],
      './hooks/module',
    ]) {
      hooks(hook)
      assert.deepEqual(await completed('session-stats -c '), ['branch', 'lab'], JSON.stringify(hook))
    }

    hooks({identifier: 'other', target: './hooks/all'})
    assert.deepEqual(await completed('session-stats -c '), [])
  })

  const faults: Readonly<Record<string, string>> = {
    'cannot be loaded': "throw new Error('broken')",
    'does not exist': '',
    rejects: "module.exports = async () => { throw new Error('broken') }",
    'throws later': "module.exports = () => new Promise(() => { setImmediate(() => { throw new Error('broken') }) })",
    'prints something': "console.log('noise'); module.exports = () => { console.log('noise') }",
    'returns an invalid result': 'module.exports = async () => ({sessions: [1], me: 0})',
    'does not respond': 'module.exports = () => new Promise(() => {})',
  }
  for (const [what, code] of Object.entries(faults))
    it(`are omitted if a hook ${what}`, async () => {
      named('office')
      if (code) put('recording/hooks/faulty.js', code)
      hooks(code ? './hooks/faulty' : './hooks/nosuch')
      const {candidates} = await complete('session-stats -c ', {
        env: {...slowTimers(4), XDG_DATA_HOME: path.join(folder, 'data')},
      })
      assert.deepEqual(candidates, [['office', 'connected']])
    })
})

describe('completion helper', () => {
  it('starts without oclif', async () => {
    named('office')
    const env = {...slowTimers(20), NODE_DEBUG: 'module'}
    const {stderr, stdout} = await ovpn3(world, 'alice', ['--complete', 'zsh', '', 'session-manage', '-c'], {env})
    assert.equal(stdout, 'office\tconnected\n')
    assert.match(stderr, /complete/)
    assert.doesNotMatch(stderr, /oclif.core/)
  })
})
