import {type Host, sleep} from '@ovpn3/sessions'
import {type ChildProcess, spawn, type SpawnOptions} from 'node:child_process'
import {Duplex, type Readable} from 'node:stream'

import type {Channel} from '../bus'

import {HostError, hostError} from './failure'

/** How hosts are reached. */
export interface SshOptions {
  /** Seconds within which a host must answer. */
  readonly connectTimeout: number
  /** The variables by which ssh asks the user; left out: the user cannot be asked. */
  readonly environment?: Readonly<Record<string, string>>
}

/** The standard input and output of a command on a host. */
interface SshChannel extends Channel {
  readonly ended: Promise<HostError>
}

/** Seconds between two signs of life of a connection, and how many may be missed. */
const alive = {count: 2, interval: 5}
/** Milliseconds that ssh gets to end by itself, and then after SIGKILL. */
const grace = 300
const killTime = 1000
/** Milliseconds after the end of ssh within which what it has printed arrives. */
const drain = 100
/** How much of standard error is kept: its end has the cause. */
const mostStderr = 8192

const running = new Set<ChildProcess>()

/** Starts a command on a host, connected by its standard input and output. The words are passed to a shell there: they must be constants or checked. */
export function openChannel(host: Host, words: readonly string[], options: SshOptions): SshChannel {
  const child = spawn(program(), sshArguments(host, words, options), spawnOptions(options))
  if (running.size === 0) process.once('exit', endAll)
  running.add(child)
  let stderr = ''
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-mostStderr)
  })
  // a stream that breaks ends ssh, or is ended by it: `ended` has the reason
  const stream = Duplex.from({readable: child.stdout!, writable: child.stdin!})
  for (const each of [child.stdin!, child.stdout!, stream]) each.on('error', () => {})
  const read = Promise.all([endOf(stream), endOf(child.stderr!)])
  const ended = new Promise<HostError>((resolve) => {
    // it also reports a signal that is not permitted: OVPN3_SSH may run as another user
    child.on('error', (error) => {
      if (child.pid === undefined) resolve(notStarted(error))
    })
    child.once('exit', (status) => {
      const tell = () => resolve(hostError(host, stderr, status))
      // with ControlPersist a process of ssh stays behind and keeps standard error open
      const late = setTimeout(tell, drain)
      void read.then(() => {
        clearTimeout(late)
        tell()
      })
    })
  })
  const gone = ended.then(() => {
    running.delete(child)
    if (running.size === 0) process.off('exit', endAll)
    child.stderr!.destroy()
  })
  return {close: () => close(child, gone), ended, stream}
}

/** Resolves once a stream was read to its end or destroyed. Both may happen before its program exits. */
function endOf(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    stream.once('end', resolve).once('close', resolve)
  })
}

async function close(child: ChildProcess, gone: Promise<void>): Promise<void> {
  // its remaining output is not needed
  for (const stream of child.stdio) stream?.destroy()
  child.kill('SIGTERM')
  const over = new AbortController()
  void gone.then(() => over.abort())
  await sleep(grace, over.signal)
  if (over.signal.aborted) return
  child.kill('SIGKILL')
  // a program of another user cannot be killed
  await sleep(killTime, over.signal)
  child.unref()
}

function endAll(): void {
  for (const child of running) child.kill('SIGKILL')
}

const program = () => process.env.OVPN3_SSH || 'ssh'

function sshArguments({destination, port}: Host, words: readonly string[], options: SshOptions): string[] {
  const settings = {
    BatchMode: options.environment ? 'no' : 'yes',
    ConnectTimeout: Math.ceil(options.connectTimeout),
    ServerAliveCountMax: alive.count,
    ServerAliveInterval: alive.interval,
  }
  return [
    '-xT',
    ...Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]),
    ...(port === undefined ? [] : ['-p', port]),
    '--',
    destination,
    ...words,
  ]
}

function spawnOptions({environment}: SshOptions): SpawnOptions {
  return {
    // a Ctrl-C on the terminal must not end ssh: the connection is needed to undo what the command has started
    detached: true,
    env: {...process.env, ...environment},
    stdio: ['pipe', 'pipe', 'pipe'],
  }
}

function notStarted(error: NodeJS.ErrnoException): HostError {
  const hint = process.env.OVPN3_SSH ? 'Check OVPN3_SSH' : 'Install openssh-client'
  return new HostError(`cannot run ${program()}: ${error.code ?? error.message}`, hint)
}
