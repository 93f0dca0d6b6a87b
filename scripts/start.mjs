/**
 * npm start: installs and builds what is missing, then shows the CLI at work on a simulated session manager, and leaves
 * a shell in which `ovpn3` talks to it. Needs no VPN and no root. Node's own modules only: nothing may be installed.
 */
import {spawn, spawnSync} from 'node:child_process'
import {existsSync, mkdtempSync, rmSync, statSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {delimiter, join} from 'node:path'
import {createInterface} from 'node:readline'

import {root, version} from './project.mjs'

const terminal = process.stdin.isTTY && process.stdout.isTTY

/** Runs a command to its end; its output is shown only where it fails. */
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

  console.error('The simulator needs dbus-daemon. On Debian: sudo apt-get install dbus-daemon')
  process.exit(1)
}

/** Starts the simulator, and answers its bus address. It ends when its stdin does, so with this process at the latest. */
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

/** A folder with a command `ovpn3` in it. */
function commandFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'ovpn3-start-'))
  const script = `#!/bin/sh\nexec "${process.execPath}" "${join(root, 'bin', 'run.js')}" "$@"\n`
  writeFileSync(join(folder, 'ovpn3'), script, {mode: 0o755})
  return folder
}

install()
console.log('Building …')
must('the build', 'npm', ['run', '--silent', 'build'])
provideDaemon()

const {address, simulator} = await simulate()
const folder = commandFolder()
const env = {...process.env, DBUS_SYSTEM_BUS_ADDRESS: address, PATH: `${folder}${delimiter}${process.env.PATH}`}
delete env.NODE_EXTRA_CA_CERTS
process.on('exit', () => rmSync(folder, {force: true, recursive: true}))
// these are for what runs in the foreground: a terminal that is closed ends the shell, and then this
process.on('SIGINT', () => {})
process.on('SIGHUP', () => {})

/** Shows a command line as it would be typed, and runs it. */
function show(comment, line) {
  console.log(`\n# ${comment}\n$ ${line}`)
  const {status} = spawnSync('/bin/sh', ['-c', line], {env, stdio: 'inherit'})
  if (status !== 0) console.log(`(exit status ${status})`)
}

console.log(`\novpn3 ${version} on a simulated session manager`)
show('Start a session from a saved profile', 'ovpn3 session-start branch')
show('What is there?', 'ovpn3 sessions-list --format=table')
show('Pause a session', "ovpn3 session-manage --pause --config office --reason 'lunch'")
show('and bring it back.', 'ovpn3 session-manage --resume --config office --timeout 20')
const [how, input] = terminal
  ? [': both are "demo".', '']
  : ['; without a terminal they come from stdin.', String.raw`printf 'demo\ndemo\n' | `]
show(
  `This one needs a user name and a password${how}`,
  `${input}ovpn3 session-manage --resume --config customer-vpn --timeout 20`,
)
show('Wait for a state, in a script.', 'ovpn3 session-log --config branch --until connected --timeout 10')
// its backend process is gone from here on
simulator.kill('SIGUSR2')
show('Meanwhile the backend of old-gateway has crashed: clean up.', 'ovpn3 session-manage --cleanup')
show('For a script:', 'ovpn3 sessions-list --json --filter config=office')

if (terminal) {
  console.log('\nThis shell talks to the simulator: try ovpn3 session-manage --help.\nLeave it with exit.')
  const shell = process.env.SHELL || '/bin/sh'
  spawnSync(shell, [], {env, stdio: 'inherit'})
}

simulator.stdin.end()
