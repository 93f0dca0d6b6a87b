import assert from 'node:assert/strict'
import {cpSync, readFileSync, symlinkSync, writeFileSync} from 'node:fs'
import path from 'node:path'
import {after, afterEach, before, beforeEach, describe, it} from 'node:test'
import {pathToFileURL} from 'node:url'

import {type Simulator, simulator} from '../simulator/simulator'
import {repository} from '../support/repository'
import {Sandbox} from './sandbox'

describe('user plugins', () => {
  let world: Simulator
  let sandbox: Sandbox

  before(async () => {
    world = await simulator({me: true})
  })
  after(() => world.close())
  beforeEach(() => {
    sandbox = new Sandbox({DBUS_SYSTEM_BUS_ADDRESS: world.busAddress, HOME: '/nonexistent'})
  })
  afterEach(() => sandbox.remove())

  const own = (name: string) => path.join(sandbox.folder, name)
  const link = (name: string) => sandbox.must(`ovpn3 plugins link --no-install "${own(name)}"`)

  it('replace a core plugin of the same name until they are unlinked', async () => {
    cpSync(path.join(repository, 'plugins', 'sessions-list'), own('list'), {recursive: true})
    symlinkSync(path.join(repository, 'node_modules'), own('node_modules'))
    const file = own('list/dist/query.js')
    writeFileSync(file, readFileSync(file, 'utf8').replace('No sessions available', 'Nobody is here'))
    assert.match(await sandbox.must('ovpn3 sessions-list'), /^No sessions available$/m)
    await link('list')
    assert.match(await sandbox.must('ovpn3 sessions-list'), /^Nobody is here$/m)
    // The plugin has its own copy of kit, but still gets its sessions from the CLI.
    world.createSessions(1)
    assert.match(await sandbox.must('ovpn3 sessions-list'), /Path: \/net\/openvpn/)
    await world.reset()
    await sandbox.must('ovpn3 plugins unlink @ovpn3/plugin-sessions-list')
    assert.match(await sandbox.must('ovpn3 sessions-list'), /^No sessions available$/m)
  })

  for (const [type, command] of [
    ['module', 'export default class { static async run() { console.log("hello from ESM") } }'],
    ['commonjs', 'exports.default = class { static async run() { console.log("hello from CommonJS") } }'],
  ] as const)
    it(`may contain a command in ${type}`, async () => {
      sandbox.write('greet/package.json', manifest({type}))
      sandbox.write('greet/commands/greet.js', command)
      await link('greet')
      // The code cache is used from the second run on.
      for (let i = 0; i < 3; i++) assert.match(await sandbox.must('ovpn3 greet'), /^hello from/)
      assert.match(await sandbox.must('ovpn3 sessions-list'), /No sessions available/)
    })

  it('override verbs of the same name', async () => {
    const command = (text: string) => `exports.default = class { static async run() { console.log("${text}") } }`
    sandbox.write('greet/package.json', manifest({type: 'commonjs'}))
    sandbox.write('greet/commands/pause.js', command('its own pause'))
    sandbox.write('greet/commands/list.js', command('its own list'))
    await link('greet')
    assert.equal(await sandbox.must('ovpn3 pause'), 'its own pause\n')
    assert.equal(await sandbox.must('ovpn3 list'), 'its own list\n')
    const {status, stderr} = await sandbox.run('ovpn3 pause office')
    assert.deepEqual([status, stderr], [2, 'Error: unexpected argument: office\nRun `ovpn3 pause --help`\n'])
    for (const line of ['sessions-list', 'ls'])
      assert.match(await sandbox.must(`ovpn3 ${line}`), /No sessions available/)
    assert.match(await sandbox.must('ovpn3 resume --help'), /^Resume a paused session/)
  })

  it('get a warning for a command that is named like one of the CLI', async () => {
    sandbox.write('greet/package.json', manifest({type: 'commonjs'}))
    for (const name of ['greet', 'list', 'sessions-list'])
      sandbox.write(`greet/commands/${name}.js`, 'exports.default = class { static async run() {} }')
    const warning =
      'Warning: greet: its command sessions-list is never used, because ovpn3 has a command of this name\n'
    for (const line of [`plugins link --no-install "${own('greet')}"`, 'plugins', 'plugins --json'])
      assert.equal((await sandbox.run(`ovpn3 ${line}`)).stderr, warning)
  })

  it('name themselves in an unexpected error of a command', async () => {
    const kit = path.join(repository, 'packages', 'kit')
    sandbox.write('greet/package.json', manifest({type: 'commonjs'}))
    sandbox.write(
      'greet/commands/greet.js',
      `module.exports = class extends require(${JSON.stringify(kit)}).SessionCommand { async execute() { null.x } }`,
    )
    await link('greet')
    const {status, stderr} = await sandbox.run('ovpn3 greet')
    assert.equal(status, 1)
    assert.match(stderr, /^Error: greet: Cannot read properties of null[^\n]*\nSet DEBUG=\* to see where[^\n]*\n$/)
  })

  it('report a session-resolver that does not return, and show the sessions of the others', async () => {
    const oclif = {bin: 'ovpn3', commands: './commands', hooks: {'session-resolver': './hang'}}
    sandbox.write('greet/package.json', manifest({oclif, type: 'commonjs'}))
    sandbox.write('greet/commands/greet.js', 'exports.default = class { static async run() {} }')
    sandbox.write('greet/hang.js', 'module.exports = () => new Promise(() => {})')
    await link('greet')
    const {status, stderr, stdout} = await sandbox.run('ovpn3 sessions-list --format=text')
    assert.equal(status, 0)
    assert.match(stdout, /^No sessions available$/m)
    assert.match(stderr, /^Error: greet: its session-resolver did not return within 10 s$/m)
    // A document without a list of sessions has no place for the error.
    world.createSessions(1, {name: () => 'office'})
    const json = await sandbox.run('ovpn3 session-stats --config office --json')
    assert.doesNotMatch(json.stdout, /greet/)
    assert.match(json.stderr, /^Error: greet: its session-resolver did not return within 10 s$/m)
    await world.reset()
  })

  it('may have other plugins, and their settings in a separate file', async () => {
    const oclif = {bin: 'ovpn3', commands: './commands'}
    const outer = {dependencies: {greet: '*'}, name: 'outer', oclif: {...oclif, plugins: ['gree*']}, version: '2.0.0'}
    sandbox.write('outer/package.json', JSON.stringify(outer))
    sandbox.write('outer/.oclifrc.json', 'is not read')
    sandbox.write('outer/node_modules/greet/package.json', JSON.stringify({name: 'greet', version: '1.0.0'}))
    sandbox.write('outer/node_modules/greet/.oclifrc.json', JSON.stringify(oclif))
    sandbox.write(
      'outer/node_modules/greet/commands/greet.js',
      'exports.default = class { static async run() { console.log("hello") } }',
    )
    await link('outer')
    assert.match(await sandbox.must('ovpn3 greet'), /^hello$/m)
    assert.match(await sandbox.must('ovpn3 plugins'), /^outer +2\.0\.0 +linked /m)
    assert.match(await sandbox.must('ovpn3 plugins --core'), /^@ovpn3\/plugin-sessions-list +\S+ +core/m)
  })

  it('are reported if they cannot be loaded, while the others work', async () => {
    sandbox.write('greet/package.json', manifest({type: 'commonjs'}))
    sandbox.write('greet/commands/greet.js', 'exports.default = class { static async run() {} }')
    await link('greet')
    sandbox.write('greet/package.json', 'no\u001B[31m JSON')
    const broken = await sandbox.run('ovpn3 plugins')
    assert.match(broken.stdout, /^greet +- +linked, broken +\/.*greet$/m)
    // eslint-disable-next-line no-control-regex
    assert.match(broken.stderr, /^Warning: plugin greet is broken: [^\u0000-\u001F]*\n$/)
    const again = await sandbox.run(`ovpn3 plugins link --no-install "${own('greet')}"`)
    assert.match(
      again.stderr,
      /^Warning: .*\nError: cannot link .*: its package\.json is not valid JSON\nCorrect .*\n$/,
    )
    sandbox.write('greet/package.json', manifest({type: 'commonjs'}))
    sandbox.write('greet/commands/greet.js', String.raw`throw new Error("boom\u001B[31m")`)
    const thrown = await sandbox.run('ovpn3 plugins')
    assert.deepEqual(thrown.stderr, 'Warning: plugin greet is broken: boom\n')
    assert.match(thrown.stdout, /^greet +1\.0\.0 +linked, broken/m)
    sandbox.write('greet/package.json', 'no JSON')
    const {status, stderr, stdout} = await sandbox.run('ovpn3 sessions-list')
    assert.equal(status, 0, stderr)
    assert.match(stdout, /No sessions available/)
    assert.match(stderr, /"no JSON" is not valid JSON/)
  })
})

function manifest(more: object): string {
  return JSON.stringify({name: 'greet', oclif: {bin: 'ovpn3', commands: './commands'}, version: '1.0.0', ...more})
}

describe('lazyRequires', () => {
  const transformed = async (code: string): Promise<string> => {
    const file = pathToFileURL(path.join(repository, 'startup', 'lazy-requires.mjs')).href
    const {lazyRequires} = (await import(file)) as {lazyRequires: (code: string) => string}
    return lazyRequires(code)
  }

  /** Runs a module; returns its exports, and the modules loaded before and after the call of its function. */
  const run = async (code: string) => {
    const loaded: string[] = []
    const exported: Record<string, unknown> & {use?: () => unknown} = {}
    const require = (name: string) => {
      loaded.push(name)
      return {
        Thing: class {
          who = name
        },
        name,
        value: 1,
      }
    }

    // eslint-disable-next-line no-new-func
    new Function('exports', 'require', await transformed(code))(exported, require)
    const atFirst = [...loaded]
    const result = exported.use?.()
    return {atFirst, exported, loaded, result}
  }

  it('loads a module once, at its first use', async () => {
    const {atFirst, loaded, result} = await run(
      'const a_1 = require("a");\nvar b_1 = require("b");\nexports.use = () => [(0, a_1.name), a_1.value, [a_1][0].name]',
    )
    assert.deepEqual([atFirst, loaded, result], [[], ['a'], ['a', 1, 'a']])
  })

  it('keeps the interop helpers of the compiler', async () => {
    const {atFirst, result} = await run(
      'const __importDefault = (each) => ({default: each});\nconst a_1 = __importDefault(require("a"));\nexports.use = () => a_1.default.name',
    )
    assert.deepEqual([atFirst, result], [[], 'a'])
  })

  it('keeps construction and extension of classes', async () => {
    const {result} = await run(
      'const a_1 = require("a");\nexports.use = () => [new a_1.Thing().who, new (class extends a_1.Thing {})().who]',
    )
    assert.deepEqual(result, ['a', 'a'])
  })

  it('does not change names that the compiler did not generate', async () => {
    const {atFirst, result} = await run(
      'const a = require("a");\nconst b_1 = require("b");\nconst ab_1 = 2;\nexports.use = () => [a.name, ab_1]',
    )
    assert.deepEqual([atFirst, result], [['a'], ['a', 2]])
  })
})
