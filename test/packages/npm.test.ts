import assert from 'node:assert/strict'
import {existsSync, readdirSync, readFileSync, realpathSync, renameSync} from 'node:fs'
import path from 'node:path'
import {after, before, describe, it} from 'node:test'

import {skipRegistry} from '../plugins/sandbox'
import {demo} from '../simulator/demo'
import {type Simulator, simulator} from '../simulator/simulator'
import {slowTimers} from '../support/clock'
import {commands, siblings} from '../support/commands'
import {Checkout, firstLine, installLines, uninstallLines} from './checkout'

/** The files of the root package. */
const contents = [
  'CHANGELOG.md',
  'LICENSE',
  'README.md',
  'bin/askpass.js',
  'bin/run.js',
  'dist/THIRD-PARTY-LICENSES.txt',
  'dist/complete.js',
  'dist/discovery.js',
  'dist/ovpn3.js',
  'dist/terminal.js',
  'man/ovpn3-acl.1',
  'man/ovpn3-auth.1',
  'man/ovpn3-autocomplete.1',
  'man/ovpn3-cleanup.1',
  'man/ovpn3-disconnect.1',
  'man/ovpn3-down.1',
  'man/ovpn3-list.1',
  'man/ovpn3-log.1',
  'man/ovpn3-ls.1',
  'man/ovpn3-pause.1',
  'man/ovpn3-plugins-inspect.1',
  'man/ovpn3-plugins-install.1',
  'man/ovpn3-plugins-link.1',
  'man/ovpn3-plugins-reset.1',
  'man/ovpn3-plugins-uninstall.1',
  'man/ovpn3-plugins-update.1',
  'man/ovpn3-plugins.1',
  'man/ovpn3-restart.1',
  'man/ovpn3-resume.1',
  'man/ovpn3-session-acl.1',
  'man/ovpn3-session-auth.1',
  'man/ovpn3-session-log.1',
  'man/ovpn3-session-manage.1',
  'man/ovpn3-session-start.1',
  'man/ovpn3-session-stats.1',
  'man/ovpn3-sessions-list.1',
  'man/ovpn3-start.1',
  'man/ovpn3-stats.1',
  'man/ovpn3-up.1',
  'man/ovpn3.1',
  'oclif.manifest.json',
  'package.json',
  'startup/load.js',
]

describe('installation', {skip: skipRegistry()}, () => {
  let world: Simulator
  let checkout: Checkout
  let version: string

  before(async () => {
    world = await simulator()
    await demo(world)
    checkout = new Checkout({
      environment: {DBUS_SYSTEM_BUS_ADDRESS: world.busAddress},
      uid: world.canBecome ? world.uid('alice') : undefined,
    })
    version = JSON.parse(readFileSync(path.join(checkout.clone, 'package.json'), 'utf8')).version
    await checkout.run(installLines('From source'))
  })
  after(async () => {
    checkout.remove()
    await world.close()
  })

  const run = (line: string): Promise<string> => checkout.run(line, checkout.home)
  const modules = () => path.join(checkout.prefix, 'lib', 'node_modules')

  it('from source links to the clone', async () => {
    assert.equal(realpathSync(path.join(modules(), 'ovpn3')), realpathSync(checkout.clone))
    assert.match(await run('ovpn3 --version'), /^ovpn3\//)
    assert.match(await run('ovpn3 help'), /^ {2}list, ls +List sessions \(sessions-list\)$/m)
  })

  describe('from npm packages', () => {
    before(async () => {
      await checkout.run('npm unlink --global ovpn3')
      const lines = installLines('With npm')
      await checkout.run(lines.slice(firstLine.length))
      // The installation must work without the clone.
      renameSync(checkout.clone, path.join(checkout.folder, 'away'))
    })

    const tarball = (name: string) => path.join(checkout.folder, 'away', 'release', `${name}-${version}.tgz`)
    const listOf = async (name: string) =>
      (await run(`tar -tzf '${tarball(name)}'`))
        .trimEnd()
        .split('\n')
        .map((file) => file.replace(/^package\//, ''))
        .sort()

    it('contains exactly the expected files in the package of the CLI', async () => {
      assert.deepEqual(await listOf('ovpn3'), contents)
    })

    for (const [name, folder, others] of [
      ['ovpn3-kit', 'packages/kit', []],
      ['ovpn3-sessions', 'packages/sessions', []],
      ...siblings.map((each) => [`ovpn3-plugin-${each}`, `plugins/${each}`, ['oclif.manifest.json']] as const),
    ] as const)
      it(`contains the compiled source in the package of ${folder}`, async () => {
        const source = readdirSync(path.join(checkout.folder, 'away', folder, 'src'), {
          encoding: 'utf8',
          recursive: true,
        })
        const compiled = source
          .filter((file) => file.endsWith('.ts'))
          .flatMap((file) => ['.js', '.d.ts'].map((ending) => `dist/${file.slice(0, -3)}${ending}`))
        const scripts = folder.endsWith('autocomplete')
          ? ['bash', 'fish', 'zsh'].map((each) => `scripts/ovpn3.${each}`)
          : []
        const expected = ['LICENSE', 'README.md', 'package.json', ...others, ...scripts, ...compiled]
        assert.deepEqual(await listOf(name), expected.sort())
      })

    it('runs every command', async () => {
      assert.match(await run('ovpn3 --version'), new RegExp(`^ovpn3/${version} `))
      const {sessions} = JSON.parse(await run('ovpn3 sessions-list --json')) as {sessions: {config: string}[]}
      assert.ok(sessions.some(({config}) => config === 'office'))
      assert.match(await run('ovpn3 session-manage --pause --config office'), /^office \([\da-f]{8}\): paused\n$/m)
      assert.match(await run('ovpn3 session-manage --resume --config office --timeout 20 2>&1'), /: connected to /)
      assert.match(await run('ovpn3 session-stats --config office'), /BYTES_IN/)
      assert.match(await run('ovpn3 session-acl --show --config office'), /Users granted access: /)
      assert.match(await run('ovpn3 autocomplete bash'), /^complete -F _ovpn3 ovpn3$/m)
      const core = await run('ovpn3 plugins --core')
      for (const name of siblings) assert.match(core, new RegExp(`^@ovpn3/plugin-${name} +${version} +core$`, 'm'))
    })

    it('shows help', async () => {
      const all = await run('ovpn3 help')
      for (const command of commands) {
        assert.match(all, new RegExp(`^  ${command}  |\\(${command}\\)$`, 'm'))
        assert.match(await run(`ovpn3 ${command} --help`), new RegExp(String.raw`^USAGE\n {2}\$ ovpn3 ${command}`, 'm'))
      }
    })

    it('completes live values', async () => {
      for (const command of [...commands, 'plugins'])
        assert.match(await run(`ovpn3 --complete fish ${command}`), new RegExp(`^${command}\t`, 'm'))
      assert.match(await run("ovpn3 --complete fish '--pau' session-manage"), /^--pause\t/m)
      const patient = `NODE_OPTIONS='${slowTimers(20).NODE_OPTIONS}'`
      assert.match(await run(`${patient} ovpn3 --complete fish '' session-manage --pause --config`), /^office\t/m)
    })

    it('installs, runs and removes a user plugin from a tarball', async () => {
      await run(`mkdir -p plugin/commands && cd plugin
cat >package.json <<'end'
{"name": "ovpn3-plugin-count", "version": "1.0.0", "oclif": {"commands": "./commands"},
 "dependencies": {"@ovpn3/kit": "file:${tarball('ovpn3-kit')}", "@ovpn3/sessions": "file:${tarball('ovpn3-sessions')}"}}
end
cat >commands/sessions-count.js <<'end'
const {SessionCommand} = require('@ovpn3/kit')
module.exports = class SessionsCount extends SessionCommand {
  async execute() {
    const sessions = await (await this.sources()).find({kind: 'all'}, [])
    this.log(String(sessions.length))
    }
  }
end
npm pack --silent --pack-destination ..`)
      await run('ovpn3 plugins install "file:$PWD/ovpn3-plugin-count-1.0.0.tgz" 2>&1')
      const {sessions} = JSON.parse(await run('ovpn3 sessions-list --json')) as {sessions: unknown[]}
      assert.equal(await run('ovpn3 sessions-count'), `${sessions.length}\n`)
      assert.match(await run("ovpn3 --complete fish ''"), /^sessions-count\t/m)
      await run('ovpn3 plugins uninstall ovpn3-plugin-count 2>&1')
      assert.match(await run('ovpn3 plugins'), /No plugins installed/)
    })

    it('puts the man pages where man finds them', async () => {
      const pages = contents.filter((file) => file.startsWith('man/')).map((file) => path.basename(file))
      const installed = path.join(checkout.prefix, 'share', 'man', 'man1')
      assert.deepEqual(readdirSync(installed).sort(), pages)
      for (const page of pages)
        assert.match(readFileSync(path.join(installed, page), 'utf8'), /^\.(?:TH "OVPN3|so man1\/ovpn3-)/m)
    })

    it('has a dependency tree without npm problems', async () => {
      const {problems} = JSON.parse(await run('npm ls --global --all --json')) as {problems?: string[]}
      assert.equal(problems, undefined)
    })

    it('contains no native modules and no links that lead out of it', () => {
      const files = readdirSync(checkout.prefix, {encoding: 'utf8', recursive: true, withFileTypes: true})
      assert.ok(files.length > 1000)
      for (const file of files) {
        assert.doesNotMatch(file.name, /\.node$|^binding\.gyp$/, file.parentPath)
        if (file.isSymbolicLink())
          assert.ok(realpathSync(path.join(file.parentPath, file.name)).startsWith(realpathSync(checkout.prefix)))
      }
    })

    it('contains at most 60 packages besides those that plugins install requires', () => {
      const all = new Set<string>()
      for (const name of ['ovpn3', '@ovpn3/kit', '@ovpn3/sessions', ...siblings.map((each) => `@ovpn3/plugin-${each}`)])
        closure(path.join(modules(), name), all)
      const needed = closure(path.join(modules(), 'ovpn3', 'node_modules', '@oclif', 'plugin-plugins'))
      const besides = [...all].filter((each) => !needed.has(each)).sort()
      assert.ok(besides.length <= 60, besides.join('\n'))
      // Make sure that both counts include packages.
      assert.ok(besides.includes(`ovpn3@${version}`) && needed.size > 20)
    })

    it('is uninstalled without leftovers', async () => {
      await run(uninstallLines())
      const files = readdirSync(checkout.prefix, {encoding: 'utf8', recursive: true, withFileTypes: true})
      assert.deepEqual(
        files.filter((file) => !file.isDirectory()).map((file) => path.join(file.parentPath, file.name)),
        [],
      )
    })
  })
})

/** A package with all its dependencies, by name and version. @param folder the folder of the package */
function closure(folder: string, found = new Set<string>()): Set<string> {
  const {
    dependencies = {},
    name,
    optionalDependencies,
    version,
  } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'))
  const id = `${name}@${version}`
  if (found.has(id)) return found
  found.add(id)
  for (const dependency of Object.keys({...dependencies, ...optionalDependencies})) {
    const where = lookUp(dependency, folder)
    if (where) closure(where, found)
    else assert.ok(optionalDependencies && dependency in optionalDependencies, `${dependency} of ${id} is missing`)
  }

  return found
}

/** The folder in which Node.js finds a package. */
function lookUp(name: string, from: string): string | undefined {
  const folder = path.join(from, 'node_modules', name)
  if (existsSync(path.join(folder, 'package.json'))) return folder
  const parent = path.dirname(from)
  return parent === from ? undefined : lookUp(name, parent)
}
