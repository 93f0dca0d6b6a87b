/**
 * Makes release/ovpn3_VERSION_all.deb from the npm packages in release/ and the versions of the lock file, with dpkg-deb
 * alone. The same source makes the same package, byte for byte: its files are as old as the release, or as
 * SOURCE_DATE_EPOCH says. OVPN3_MAINTAINER names the maintainer: `Name <address>`.
 */
import {execFileSync} from 'node:child_process'
import {createHash} from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import {tmpdir} from 'node:os'
import {basename, dirname, join} from 'node:path'

import {read, readJson, release, root, version, workspaces} from './project.mjs'

const {date, notes} = release()
const {OVPN3_MAINTAINER: maintainer = 'The ovpn3 authors', SOURCE_DATE_EPOCH} = process.env
const epoch = SOURCE_DATE_EPOCH ? Number(SOURCE_DATE_EPOCH) : Date.parse(date) / 1000

const work = mkdtempSync(join(tmpdir(), 'ovpn3-deb-'))
const tree = join(work, 'ovpn3')
const cli = join(tree, 'usr', 'lib', 'ovpn3')
const run = (command, args, options) => execFileSync(command, args, {stdio: ['ignore', 'pipe', 'inherit'], ...options})

/** Writes a file of the package, compressed where its name says so. @param name relative to the root of a machine */
function put(name, content) {
  const file = join(tree, name)
  mkdirSync(dirname(file), {recursive: true})
  writeFileSync(file, name.endsWith('.gz') ? run('gzip', ['-9nc'], {input: content, stdio: 'pipe'}) : content)
}

/** What the packages bring for who develops with them, or for other systems. */
const useless = /\.(bat|cmd|markdown|md|ps1|d\.[cm]?ts)$|\.map$|\/\.eslintrc[^/]*$/

/** What the npm packages have in them, with the packages that they need, at the versions of the lock file. */
function production() {
  const names = workspaces.map((folder) => [folder, readJson(folder, 'package.json').name.replace('@ovpn3/', '')])
  const unpack = (tarball, folder) => {
    mkdirSync(folder, {recursive: true})
    run('tar', ['-xzf', join(root, 'release', `${tarball}-${version}.tgz`), '--strip-components=1', '-C', folder])
  }

  unpack('ovpn3', cli)
  for (const [folder, name] of names) unpack(`ovpn3-${name}`, join(cli, folder))
  for (const name of ['.npmrc', 'package-lock.json']) copyFileSync(join(root, name), join(cli, name))
  run('npm', ['ci', '--omit=dev', '--silent'], {cwd: cli})
  // the workspaces are links to where they are in the source
  for (const [folder, name] of names) {
    const link = join(cli, 'node_modules', '@ovpn3', name)
    rmSync(link)
    renameSync(join(cli, folder), link)
  }

  for (const name of [
    '.npmrc',
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'man',
    'package-lock.json',
    'packages',
    'plugins',
    'node_modules/.bin',
    'node_modules/.package-lock.json',
    'node_modules/@types',
    // @oclif/plugin-plugins depends on both: without its own npm it uses the one on PATH, and ovpn3 never runs yarn
    'node_modules/npm',
    'node_modules/yarn',
  ])
    rmSync(join(cli, name), {force: true, recursive: true})
  const modules = join(cli, 'node_modules')
  for (const name of readdirSync(modules, {encoding: 'utf8', recursive: true}))
    if (useless.test(name) && !/licen[cs]e[^/]*$/i.test(name)) rmSync(join(modules, name))
  const program = join(cli, 'bin', 'run.js')
  writeFileSync(program, readFileSync(program, 'utf8').replace('#!/usr/bin/env node', '#!/usr/bin/node'))
}

/** The notes of the release as dpkg has them: a star and an indented text for each. */
function debianChangelog() {
  const lines = notes
    .split('\n')
    .filter((line) => line.startsWith('- '))
    .map((line) =>
      `  * ${line.slice(2)}`.match(/.{1,75}(?: |$)/g).map((part, index) => `${index ? '    ' : ''}${part.trimEnd()}`),
    )
  const when = new Date(Date.parse(date)).toUTCString().replace('GMT', '+0000')
  // the format requires an address, which may be empty
  const signature = maintainer.includes('<') ? maintainer : `${maintainer} <>`
  return `ovpn3 (${version}) unstable; urgency=medium\n\n${lines.flat().join('\n')}\n\n -- ${signature}  ${when}\n`
}

function copyright() {
  const [, holder, terms] = /^Copyright \(c\) (.*)\n\n([^]*)$/m.exec(read('LICENSE'))
  const text = terms
    .trimEnd()
    .split('\n')
    .map((line) => ` ${line || '.'}`)
    .join('\n')
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: ovpn3
Comment: The licences of the packages that dist/ is bundled from are in
 /usr/lib/ovpn3/dist/THIRD-PARTY-LICENSES.txt, those of the packages below
 /usr/lib/ovpn3/node_modules in their own folders. Documentation, types and
 files for other systems have been left out of these, and so have npm and yarn;
 nothing else is changed.

Files: *
Copyright: ${holder}
License: Expat

License: Expat
${text}
`
}

const firstLine = (file) => readFileSync(file, 'latin1').split('\n', 1)[0]

/** Everything in the package, as it is there: sorted, with the modes and times that it is to have. */
function settled() {
  const names = readdirSync(tree, {encoding: 'utf8', recursive: true}).sort()
  for (const name of names) {
    const file = join(tree, name)
    const stat = lstatSync(file)
    if (stat.isSymbolicLink()) continue
    // packages mark files as executable that are not programs
    const executable = stat.isDirectory() || /^#!.*\b(ba|)sh$|\bnode$/.test(firstLine(file))
    chmodSync(file, executable ? 0o755 : 0o644)
  }

  return names.map((name) => ({name, stat: lstatSync(join(tree, name))}))
}

const md5 = (content) => createHash('md5').update(content).digest('hex')

function control(files) {
  // as dpkg-gencontrol counts: a file in whole KiB, anything else as one
  const size = files.reduce((sum, {stat}) => sum + (stat.isFile() ? Math.ceil(stat.size / 1024) : 1), 0)
  const sums = files
    .filter(({stat}) => stat.isFile())
    .map(({name}) => `${md5(readFileSync(join(tree, name)))}  ${name}\n`)
  put('DEBIAN/md5sums', sums.join(''))
  put(
    'DEBIAN/control',
    `Package: ovpn3
Version: ${version}
Architecture: all
Maintainer: ${maintainer}
Installed-Size: ${size}
Depends: nodejs (>= 20)
Recommends: npm, openvpn3-client
Section: net
Priority: optional
Description: command line for the VPN sessions of OpenVPN 3 Linux
 List the sessions of OpenVPN 3 Linux, pause, resume, restart and disconnect
 them, remove stale ones, show their traffic and share them with other users.
 ovpn3 accepts the options of the openvpn3 command, reports hung backends and
 why an action failed, and suits scripts: JSON, idempotent actions, exit
 statuses.
`,
  )
}

try {
  run('npm', ['run', '--silent', 'packages'], {cwd: root})
  production()
  mkdirSync(join(tree, 'usr', 'bin'))
  symlinkSync('../lib/ovpn3/bin/run.js', join(tree, 'usr', 'bin', 'ovpn3'))
  for (const page of readdirSync(join(root, 'man')))
    put(`usr/share/man/man1/${page}.gz`, readFileSync(join(root, 'man', page)))
  for (const [shell, place] of [
    ['bash', 'bash-completion/completions/ovpn3'],
    ['fish', 'fish/vendor_completions.d/ovpn3.fish'],
    ['zsh', 'zsh/vendor-completions/_ovpn3'],
  ])
    put(`usr/share/${place}`, read(join('plugins', 'autocomplete', 'scripts', `ovpn3.${shell}`)))
  for (const unit of ['system/ovpn3-session@.service', 'user/ovpn3-logout.service'])
    put(join('usr/lib/systemd', unit), read(join('packaging', 'systemd', unit)))
  put('usr/share/doc/ovpn3/changelog.gz', debianChangelog())
  put('usr/share/doc/ovpn3/copyright', copyright())
  control(settled())
  for (const {name} of settled()) lutimesSync(join(tree, name), epoch, epoch)
  lutimesSync(tree, epoch, epoch)

  const file = join(root, 'release', `ovpn3_${version}_all.deb`)
  // with one thread: the compressed bytes differ with their number
  const options = ['--root-owner-group', '--threads-max=1', '-Zxz']
  run('dpkg-deb', [...options, '--build', tree, file], {env: {...process.env, SOURCE_DATE_EPOCH: String(epoch)}})
  console.log(`release/${basename(file)}`)
} finally {
  rmSync(work, {force: true, recursive: true})
}
