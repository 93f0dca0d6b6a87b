import assert from 'node:assert/strict'
import {execFile, execFileSync, spawnSync} from 'node:child_process'
import {copyFileSync, lstatSync, mkdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import path from 'node:path'
import {after, before, describe, it} from 'node:test'
import {promisify} from 'node:util'

import type {World} from '../support/world'

import {Checkout, installLines} from '../packages/checkout'
import {skipRegistry} from '../plugins/sandbox'
import {slowTimers} from '../support/clock'
import {missingTools} from '../support/tools'
import {lab, skipLab} from './lab'

const run = promisify(execFile)
const maintainer = 'Mara Maintainer <mara@debian.org>'
describe('Debian package', {skip: skipRegistry() || missingTools('dpkg-deb')}, () => {
  const lines = installLines('As a Debian package').trimEnd().split('\n')
  let checkout: Checkout
  let file: string
  /** The files in the package, relative to `/`. */
  let files: string[]

  before(async () => {
    checkout = new Checkout({environment: {OVPN3_MAINTAINER: maintainer}, installed: true})
    await checkout.run(lines.slice(1, -1).join('\n'))
    const {version} = JSON.parse(readFileSync(path.join(checkout.clone, 'package.json'), 'utf8'))
    file = path.join(checkout.clone, 'release', `ovpn3_${version}_all.deb`)
    const archive = execFileSync('sh', ['-c', 'dpkg-deb --fsys-tarfile "$0" | tar -t', file], {encoding: 'utf8'})
    files = archive.split('\n').flatMap((name) => (name.endsWith('/') ? [] : name.slice(2) || []))
  })
  after(() => checkout?.remove())

  it('contains every file at its place', () => {
    for (const name of [
      'usr/bin/ovpn3',
      'usr/lib/ovpn3/bin/askpass.js',
      'usr/lib/ovpn3/bin/run.js',
      'usr/lib/systemd/system/ovpn3-session@.service',
      'usr/lib/systemd/user/ovpn3-logout.service',
      'usr/share/bash-completion/completions/ovpn3',
      'usr/share/doc/ovpn3/changelog.gz',
      'usr/share/doc/ovpn3/copyright',
      'usr/share/fish/vendor_completions.d/ovpn3.fish',
      'usr/share/man/man1/ovpn3-session-manage.1.gz',
      'usr/share/man/man1/ovpn3.1.gz',
      'usr/share/zsh/vendor-completions/_ovpn3',
    ])
      assert.ok(files.includes(name), name)
    for (const name of files) {
      assert.match(name, /^usr\/(bin|lib|share)\/.*ovpn3/)
      assert.doesNotMatch(name, /\/node_modules\/(npm|yarn|\.bin)\//)
    }
  })

  it('names the maintainer, requires Node.js 20 and recommends npm', () => {
    const field = (name: string) => execFileSync('dpkg-deb', ['--field', file, name], {encoding: 'utf8'}).trim()
    assert.equal(field('Maintainer'), maintainer)
    assert.equal(field('Depends'), 'nodejs (>= 20)')
    assert.ok(field('Recommends').split(', ').includes('npm'))
  })

  it('is reproducible', async () => {
    const first = readFileSync(file)
    await checkout.run('npm run deb')
    assert.ok(first.equals(readFileSync(file)))
  })

  it('has no lintian errors', {skip: missingTools('lintian')}, () => {
    const {status, stdout} = spawnSync('lintian', ['--allow-root', '--fail-on', 'error', file], {encoding: 'utf8'})
    assert.equal(status, 0, stdout)
  })

  it('installs and updates plugins with the npm on PATH, and requires one', async () => {
    const tree = path.join(checkout.folder, 'tree')
    execFileSync('dpkg-deb', ['--extract', file, tree])
    const tools = path.join(checkout.folder, 'tools')
    mkdirSync(tools)
    const npm = execFileSync('sh', ['-c', 'command -v npm'], {encoding: 'utf8'}).trim()
    const calls = path.join(checkout.folder, 'calls')
    writeFileSync(path.join(tools, 'npm'), `#!/bin/sh\necho "$1" >>'${calls}'\nexec '${npm}' "$@"\n`, {mode: 0o755})
    const ovpn3 = `'${process.execPath}' '${path.join(tree, 'usr', 'lib', 'ovpn3', 'bin', 'run.js')}'`
    await checkout.run(
      `mkdir -p plugin/commands
echo '{"name": "ovpn3-plugin-hello", "version": "1.0.0", "oclif": {"commands": "./commands"}}' >plugin/package.json
echo 'module.exports = class { static run() { console.log("hello") } }' >plugin/commands/hello.js
npm pack --silent ./plugin
PATH='${tools}':$PATH
${ovpn3} plugins install "file:$PWD/ovpn3-plugin-hello-1.0.0.tgz"
${ovpn3} plugins update`,
      checkout.home,
    )
    assert.deepEqual(readFileSync(calls, 'utf8').trim().split('\n'), ['install', 'update'])
    assert.equal(await checkout.run(`${ovpn3} hello`, checkout.home), 'hello\n')

    for (const [command, what] of [
      ['install ovpn3-plugin-bye', 'cannot install ovpn3-plugin-bye'],
      ['update', 'cannot update'],
    ]) {
      const failed = await checkout.run(`PATH=/nowhere; ${ovpn3} plugins ${command} 2>&1 || echo "status $?"`)
      assert.ok(failed.includes(`${what}: npm is not installed`), failed)
      assert.match(failed, /Run `apt-get install npm`[^]*status 1\n$/)
    }
  })

  describe('on trixie, beside openvpn3-client', {skip: skipLab()}, () => {
    let world: World
    let root: string

    before(async () => {
      world = await lab('trixie')
      await world.reset()
      root = world.busAddress.replace(/^unix:path=/, '').replace(/\/run\/dbus\/.*/, '')
    })
    after(async () => {
      await world?.reset()
      await world?.close()
    })

    /** Runs a shell command in the chroot. */
    async function inside(user: 'alice' | 'root', command: string): Promise<string> {
      const uid = world.uid(user)
      const environment = {
        APT_CONFIG: '/lab/packages/apt.conf',
        DEBIAN_FRONTEND: 'noninteractive',
        HOME: user === 'root' ? '/root' : `/home/${user}`,
        LC_ALL: 'C.UTF-8',
        PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      }
      const {stdout} = await run('chroot', [`--userspec=${uid}:${uid}`, root, '/bin/sh', '-ec', command], {
        env: environment,
        maxBuffer: 1e8,
        timeout: 300_000,
      })
      return stdout
    }

    const packages = async () => (await inside('root', 'dpkg-query -W | cut -f 1')).trim().split('\n')

    const existsInside = (name: string) => lstatSync(path.join(root, name), {throwIfNoEntry: false}) !== undefined

    it('is installed, lists and manages a session, and is removed without leftovers', async () => {
      const folder = path.join(root, 'lab', 'packages')
      mkdirSync(path.join(folder, 'release'), {recursive: true})
      copyFileSync(file, path.join(folder, 'release', path.basename(file)))
      const answers =
        'APT::Get::Assume-Yes "true"; APT::Install-Recommends "false"; Acquire::Check-Valid-Until "false";'
      writeFileSync(path.join(folder, 'apt.conf'), answers)
      const before = await packages()
      try {
        await inside('root', 'apt-get update')
        await inside('root', `cd /lab/packages && ${lines.at(-1)!.replace('sudo ', '')}`)
        for (const name of files) assert.ok(existsInside(name), name)
        // Extracted, not installed: with systemd installed, the service behaves differently.
        await inside(
          'root',
          `cd /lab/packages && apt-get download systemd libsystemd-shared
for package in systemd_*.deb libsystemd-shared_*.deb; do dpkg-deb --extract "$package" systemd; done`,
        )
        const verify = `cd /lab/packages/systemd/usr
LD_LIBRARY_PATH=$(echo lib/*-linux-gnu/systemd) XDG_RUNTIME_DIR=/run bin/systemd-analyze verify --man=no --recursive-errors=no`
        for (const unit of ['ovpn3-session@office.service', '--user ovpn3-logout.service'])
          assert.equal(await inside('root', `${verify} ${unit} 2>&1`), '')

        await world.startSession('alice', 'cert')
        const {sessions} = JSON.parse(await inside('alice', 'ovpn3 sessions-list --json'))
        assert.equal(sessions.length, 1)
        const {config, id} = sessions[0]
        assert.match(await inside('alice', `ovpn3 session-manage --pause --config ${config}`), /: paused\n$/)
        const resumed = await inside('alice', `ovpn3 session-manage --resume --path ${id} --timeout 30 2>/dev/null`)
        assert.match(resumed, /: connected to /)
        const patient = `NODE_OPTIONS='${slowTimers(20).NODE_OPTIONS}'`
        const completed = await inside('alice', `${patient} ovpn3 --complete fish "" session-manage --pause --config`)
        assert.match(completed, /^\S/)
        assert.match(await inside('alice', `ovpn3 session-manage --disconnect --path ${id}`), /disconnected/)
      } finally {
        const added = (await packages()).filter((name) => !before.includes(name))
        if (added.length > 0) await inside('root', `apt-get purge ${added.join(' ')} && apt-get clean`)
        rmSync(folder, {recursive: true})
        // User files, which the package's removal does not include.
        rmSync(path.join(root, 'home', 'alice', '.cache'), {force: true, recursive: true})
      }

      assert.deepEqual(await packages(), before)
      for (const name of files) assert.ok(!existsInside(name), name)
      assert.ok(!existsInside('usr/lib/ovpn3') && !existsInside('usr/share/doc/ovpn3'))
    })
  })
})
