/**
 * npm start: installs missing dependencies, builds, demonstrates the CLI on a simulated session manager, and opens a
 * shell in which `ovpn3` uses it. Requires neither a VPN nor root. Uses only Node's own modules, because dependencies
 * may not be installed yet.
 */
import {spawn, spawnSync} from 'node:child_process'
import {existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {delimiter, join} from 'node:path'
import {createInterface} from 'node:readline'

import {root, version} from './project.mjs'

const terminal = process.stdin.isTTY && process.stdout.isTTY

/** Runs a command, and prints its output only if it fails. */
function must(what, command, args) {
  const {error, status, stderr, stdout} = spawnSync(command, args, {cwd: root, encoding: 'utf8'})
  if (status === 0) return
  console.error(`${what} failed:\n${error?.message ?? ''}${stdout ?? ''}${stderr ?? ''}`)
  process.exit(1)
}

function install() {
  const lock = join(root, 'package-lock.json')
  const installed = join(root, 'node_modules', '.package-lock.json')
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return
  console.log('Installing …')
  must('npm ci', 'npm', ['ci'])
}

const isInstalled = (command) => spawnSync(command, ['--version'], {stdio: 'ignore'}).status === 0

function provideDaemon() {
  if (isInstalled('dbus-daemon')) return
  if (process.getuid() === 0 && existsSync('/etc/debian_version') && isInstalled('apt-get')) {
    console.log('Installing dbus-daemon …')
    must('apt-get update', 'apt-get', ['update'])
    must('apt-get install', 'apt-get', ['install', '--yes', '--no-install-recommends', 'dbus-daemon'])
    if (isInstalled('dbus-daemon')) return
  }

  console.error('dbus-daemon is not installed.\nOn Debian and Ubuntu, run `sudo apt-get install dbus-daemon`')
  process.exit(1)
}

/** Starts a simulator and returns it with its bus address. It exits when its stdin closes, at the latest with this process. */
async function simulate() {
  const simulator = spawn(
    process.execPath,
    [join(root, 'build', 'test', 'simulator', 'main.js'), '--scenario', 'demo', '--exit-with-stdin'],
    {stdio: ['pipe', 'pipe', 'inherit']},
  )
  for await (const line of createInterface({input: simulator.stdout})) {
    const [, address] = /^DBUS_SYSTEM_BUS_ADDRESS=(.*)$/.exec(line) ?? []
    if (address) return {address, simulator}
  }

  throw new Error('the simulator did not start')
}

/** Makes a folder with a command `ovpn3`, and its man pages in `man`. */
function commandFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'ovpn3-start-'))
  const script = `#!/bin/sh\nexec "${process.execPath}" "${join(root, 'bin', 'run.js')}" "$@"\n`
  writeFileSync(join(folder, 'ovpn3'), script, {mode: 0o755})
  mkdirSync(join(folder, 'man'))
  symlinkSync(join(root, 'man'), join(folder, 'man', 'man1'))
  return folder
}

install()
console.log('Building …')
must('the build', 'npm', ['run', '--silent', 'build'])
provideDaemon()

const folder = commandFolder()
const tour = await simulate()
const env = {
  ...process.env,
  DBUS_SYSTEM_BUS_ADDRESS: tour.address,
  // an empty part stands for the usual folders
  MANPATH: `${join(folder, 'man')}${delimiter}${process.env.MANPATH ?? ''}`,
  PATH: `${folder}${delimiter}${process.env.PATH}`,
}
delete env.NODE_EXTRA_CA_CERTS
process.on('exit', () => rmSync(folder, {force: true, recursive: true}))
// the foreground process handles these signals: closing the terminal ends the shell, and then this process
process.on('SIGINT', () => {})
process.on('SIGHUP', () => {})

/** Prints a command line and runs it. */
function show(comment, line) {
  console.log(`\n# ${comment}\n$ ${line}`)
  const {status} = spawnSync('/bin/sh', ['-c', line], {env, stdio: 'inherit'})
  if (status !== 0) console.log(`(exit status ${status})`)
}

console.log(`\novpn3 ${version} on a simulated session manager`)
show('Start a session from a saved profile', 'ovpn3 start branch')
show('List all sessions', 'ovpn3 list --format=table')
show('Pause a session', "ovpn3 pause office --reason 'lunch'")
show('Resume it', 'ovpn3 resume office --timeout 20')
const [how, input] = terminal
  ? [': enter "demo" for both', '']
  : [', here from standard input', String.raw`printf 'demo\ndemo\n' | `]
show(`Resume a session that needs a user name and a password${how}`, `${input}ovpn3 resume customer-vpn --timeout 20`)
show('Wait for a connection in a script', 'ovpn3 log branch --until connected --timeout 10')
// makes the simulator kill the backend process of old-gateway
tour.simulator.kill('SIGUSR2')
show('Remove old-gateway, whose backend process has crashed', 'ovpn3 cleanup')
show('Print JSON for a script', 'ovpn3 list --json --filter config=office')

tour.simulator.stdin.end()

if (terminal) {
  // the tour has changed its sessions: the README's first steps need new ones, and a stale old-gateway
  const {address, simulator} = await simulate()
  simulator.kill('SIGUSR2')
  console.log('\nThis shell uses a new simulator, for the first steps in README.md: start with `ovpn3 cleanup`.')
  console.log('Run `ovpn3 --help` for all commands, `man ovpn3` for the manual, and `exit` to leave.')
  const shell = process.env.SHELL || '/bin/sh'
  spawnSync(shell, [], {env: {...env, DBUS_SYSTEM_BUS_ADDRESS: address}, stdio: 'inherit'})
  simulator.stdin.end()
}
