/**
 * Creates release/ovpn3_VERSION_all.deb from the npm packages in release/ and the versions in the lock file. Of Debian's
 * tools it only uses dpkg-deb. The package is reproducible: its files have the date of the release, or of
 * SOURCE_DATE_EPOCH. OVPN3_MAINTAINER is the maintainer: `Name <address>`.
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

/** Writes a file of the package; `.gz` files are compressed. @param name relative to `/` on the installed system */
function writePackageFile(name, content) {
  const file = join(tree, name)
  mkdirSync(dirname(file), {recursive: true})
  writeFileSync(file, name.endsWith('.gz') ? run('gzip', ['-9nc'], {input: content, stdio: 'pipe'}) : content)
}

/** Files of npm packages for developers or for other systems. */
const omitted = /\.(bat|cmd|markdown|md|ps1|d\.[cm]?ts)$|\.map$|\/\.eslintrc[^/]*$/

/** Installs the npm packages with their dependencies, at the versions in the lock file. */
function installProgram() {
  const names = workspaces.map((folder) => [folder, readJson(folder, 'package.json').name.replace('@ovpn3/', '')])
  const unpack = (tarball, folder) => {
    mkdirSync(folder, {recursive: true})
    run('tar', ['-xzf', join(root, 'release', `${tarball}-${version}.tgz`), '--strip-components=1', '-C', folder])
  }

  unpack('ovpn3', cli)
  for (const [folder, name] of names) unpack(`ovpn3-${name}`, join(cli, folder))
  for (const name of ['.npmrc', 'package-lock.json']) copyFileSync(join(root, name), join(cli, name))
  run('npm', ['ci', '--omit=dev', '--silent'], {cwd: cli})
  // npm installs workspaces as links to their source folders: replace the links by the folders
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
    if (omitted.test(name) && !/licen[cs]e[^/]*$/i.test(name)) rmSync(join(modules, name))
  const program = join(cli, 'bin', 'run.js')
  writeFileSync(program, readFileSync(program, 'utf8').replace('#!/usr/bin/env node', '#!/usr/bin/node'))
}

/** The release notes in the format of debian/changelog. */
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

/** Sets the modes of all files in the package. @returns the files, sorted by name */
function setModes() {
  const names = readdirSync(tree, {encoding: 'utf8', recursive: true}).sort()
  for (const name of names) {
    const file = join(tree, name)
    const stat = lstatSync(file)
    if (stat.isSymbolicLink()) continue
    // some npm packages mark files as executable that are not programs
    const executable = stat.isDirectory() || /^#!.*\b(ba|)sh$|\bnode$/.test(firstLine(file))
    chmodSync(file, executable ? 0o755 : 0o644)
  }

  return names.map((name) => ({name, stat: lstatSync(join(tree, name))}))
}

const md5 = (content) => createHash('md5').update(content).digest('hex')

function writeControlFiles(files) {
  // like dpkg-gencontrol: a file in whole KiB, anything else as 1
  const size = files.reduce((sum, {stat}) => sum + (stat.isFile() ? Math.ceil(stat.size / 1024) : 1), 0)
  const sums = files
    .filter(({stat}) => stat.isFile())
    .map(({name}) => `${md5(readFileSync(join(tree, name)))}  ${name}\n`)
  writePackageFile('DEBIAN/md5sums', sums.join(''))
  writePackageFile(
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
  installProgram()
  mkdirSync(join(tree, 'usr', 'bin'))
  symlinkSync('../lib/ovpn3/bin/run.js', join(tree, 'usr', 'bin', 'ovpn3'))
  for (const page of readdirSync(join(root, 'man')))
    writePackageFile(`usr/share/man/man1/${page}.gz`, readFileSync(join(root, 'man', page)))
  for (const [shell, place] of [
    ['bash', 'bash-completion/completions/ovpn3'],
    ['fish', 'fish/vendor_completions.d/ovpn3.fish'],
    ['zsh', 'zsh/vendor-completions/_ovpn3'],
  ])
    writePackageFile(`usr/share/${place}`, read(join('plugins', 'autocomplete', 'scripts', `ovpn3.${shell}`)))
  for (const unit of ['system/ovpn3-session@.service', 'user/ovpn3-logout.service'])
    writePackageFile(join('usr/lib/systemd', unit), read(join('packaging', 'systemd', unit)))
  writePackageFile('usr/share/doc/ovpn3/changelog.gz', debianChangelog())
  writePackageFile('usr/share/doc/ovpn3/copyright', copyright())
  writeControlFiles(setModes())
  for (const {name} of setModes()) lutimesSync(join(tree, name), epoch, epoch)
  lutimesSync(tree, epoch, epoch)

  const file = join(root, 'release', `ovpn3_${version}_all.deb`)
  // one thread, because the compressed bytes depend on the number of threads
  const options = ['--root-owner-group', '--threads-max=1', '-Zxz']
  run('dpkg-deb', [...options, '--build', tree, file], {env: {...process.env, SOURCE_DATE_EPOCH: String(epoch)}})
  console.log(`release/${basename(file)}`)
} finally {
  rmSync(work, {force: true, recursive: true})
}
