import {type ChildProcess, spawn} from 'node:child_process'
import {type FSWatcher, rmSync, watch} from 'node:fs'
import {chmod, mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises'
import {Socket} from 'node:net'
import {tmpdir} from 'node:os'
import {join} from 'node:path'

import {CONFIGURATION, DBUS, INTROSPECTABLE, LOG, LOGIN, PEER, PROPERTIES, SESSIONS} from './names'

const sessionMembers = [
  'AccessGrant',
  'AccessRevoke',
  'Connect',
  'Disconnect',
  'FetchAvailableSessions',
  'FetchManagedInterfaces',
  'LogForward',
  'LookupConfigName',
  'LookupInterface',
  'NewTunnel',
  'Pause',
  'Ready',
  'Restart',
  'Resume',
  'UserInputProvide',
  'UserInputQueueCheck',
  'UserInputQueueFetch',
  'UserInputQueueGetTypeGroup',
]
const configurationMembers = [
  'AccessGrant',
  'AccessRevoke',
  'AddTag',
  'Fetch',
  'FetchAvailableConfigs',
  'Import',
  'LookupConfigName',
  'Remove',
  'Seal',
  'SetOverride',
  'UnsetOverride',
  'Validate',
]

const allow = (destination: string, iface: string, members: readonly string[]) =>
  members
    .map(
      (member) =>
        `    <allow send_destination="${destination}" send_interface="${iface}" send_type="method_call" send_member="${member}"/>`,
    )
    .join('\n')

const standard = (destination: string) =>
  [
    allow(destination, PROPERTIES, ['Get', 'GetAll', 'Set']),
    allow(destination, INTROSPECTABLE, ['Introspect']),
    allow(destination, PEER, ['Ping']),
  ].join('\n')

// The rules of the system bus (every method call needs a rule that allows it) and those of the services' packages.
// The user who runs the simulator may own the names.
const configuration = (dir: string) => `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path=${dir}/bus</listen>
  <auth>EXTERNAL</auth>
  <servicedir>${dir}/services</servicedir>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="${DBUS}" send_interface="${DBUS}"/>
    <allow send_destination="${DBUS}" send_interface="${INTROSPECTABLE}"/>
    <allow send_destination="${DBUS}" send_interface="${PROPERTIES}"/>
    <deny send_destination="${DBUS}" send_interface="${DBUS}" send_member="UpdateActivationEnvironment"/>
${allow(SESSIONS, SESSIONS, sessionMembers)}
${standard(SESSIONS)}
${allow(CONFIGURATION, CONFIGURATION, configurationMembers)}
${standard(CONFIGURATION)}
${allow(LOGIN, `${LOGIN}.Manager`, ['ListUsers'])}
  </policy>
  <policy user="${process.getuid!()}">
    <allow own="${SESSIONS}"/>
    <allow own="${CONFIGURATION}"/>
    <allow own="${LOG}"/>
    <allow own="${LOGIN}"/>
    <allow send_destination="${DBUS}" send_interface="org.freedesktop.DBus.Debug.Stats"/>
  </policy>
  <policy user="root">
    <allow send_destination="${DBUS}" send_interface="org.freedesktop.DBus.Monitoring"/>
${allow(SESSIONS, SESSIONS, ['TransferOwnership'])}
  </policy>
</busconfig>
`

/**
 * A private message bus that is open to every user of the machine and has the rules of the system bus. It stops when
 * this process exits.
 */
export class PrivateBus {
  readonly address: string
  /** Called with the name of a service that the bus is asked to start. */
  onActivation?: (name: string) => void
  private closed = false
  private readonly exited: Promise<void>
  private readonly guard: ChildProcess
  private readonly watcher: FSWatcher
  private readonly onExit = () => {
    this.guard.kill('SIGKILL')
    this.daemon.kill('SIGKILL')
    rmSync(this.dir, {force: true, recursive: true})
  }

  private constructor(
    private readonly dir: string,
    private readonly daemon: ChildProcess,
  ) {
    this.watcher = watch(join(dir, 'wanted'), (_event, name) => {
      if (name) this.onActivation?.(name)
    })
    this.address = `unix:path=${dir}/bus`
    this.exited = new Promise((resolve) => {
      daemon.once('exit', () => resolve())
    })
    this.guard = spawnGuard(daemon, dir)
    process.once('exit', this.onExit)
  }

  /**
   * Starts a bus. To start a service, the bus touches a file; this process watches that file and takes the name on a
   * new connection. With `none` the bus has no services; with `broken` they exit as soon as they are started.
   */
  static async start({services = 'touch'}: {services?: 'broken' | 'none' | 'touch'} = {}): Promise<PrivateBus> {
    const dir = await mkdtemp(join(tmpdir(), 'ovpn3-simulator-'))
    try {
      await chmod(dir, 0o755)
      await mkdir(join(dir, 'services'))
      await mkdir(join(dir, 'wanted'))
      for (const name of services === 'none' ? [] : [SESSIONS, CONFIGURATION]) {
        const exec = services === 'broken' ? '/bin/false' : `/bin/sh -c "echo > ${dir}/wanted/${name}"`

        await writeFile(join(dir, 'services', `${name}.service`), `[D-BUS Service]\nName=${name}\nExec=${exec}\n`)
      }

      await writeFile(join(dir, 'bus.conf'), configuration(dir))
      return new PrivateBus(dir, await spawnDaemon(join(dir, 'bus.conf')))
    } catch (error) {
      await rm(dir, {force: true, recursive: true})
      throw error
    }
  }

  /** Kills the bus, as in a crash: every connection breaks. */
  async kill(): Promise<void> {
    this.guard.kill('SIGKILL')
    this.daemon.kill('SIGKILL')
    await this.exited
  }

  async stop(): Promise<void> {
    if (this.closed) return
    this.closed = true
    process.removeListener('exit', this.onExit)
    this.watcher.close()
    this.guard.kill('SIGKILL')
    this.daemon.kill('SIGTERM')
    await this.exited
    await rm(this.dir, {force: true, recursive: true})
  }
}

/**
 * Stops the bus even if this process is killed: the guard's stdin closes however this process ends. The guard has its
 * own process group, so that Ctrl-C does not end it first.
 */
function spawnGuard(bus: ChildProcess, dir: string): ChildProcess {
  const guard = spawn('/bin/sh', ['-c', 'cat >/dev/null; kill -KILL "$1"; rm -rf "$2"', 'sh', String(bus.pid), dir], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  guard.on('error', () => {})
  guard.unref()
  if (guard.stdin instanceof Socket) guard.stdin.unref()
  return guard
}

async function spawnDaemon(config: string): Promise<ChildProcess> {
  const daemon = spawn('dbus-daemon', [`--config-file=${config}`, '--nofork', '--nopidfile', '--print-address=1'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stderr = ''
  daemon.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk
  })
  await new Promise<void>((resolve, reject) => {
    daemon.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'ENOENT'
          ? new Error('The simulator requires `dbus-daemon`, which is not installed (Debian: package dbus-daemon).')
          : error,
      )
    })
    daemon.once('exit', (code) => reject(new Error(`dbus-daemon exited with ${code}: ${stderr.trim()}`)))
    daemon.stdout.once('data', () => resolve())
  })
  return daemon
}
