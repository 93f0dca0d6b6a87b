import {type ChildProcess, execFileSync, spawn} from 'node:child_process'
import {chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import path from 'node:path'

import type {Ended, Line} from './cli-process'
import type {Place, UserName} from './world'

import {Forked} from './forked'
import {repository} from './repository'

export interface RunOptions {
  /** Text for stdin, which then ends; by default stdin is empty. */
  readonly input?: string
  /** Makes the process a session leader: no shell can continue it after a stop. */
  readonly leader?: boolean
  /** Keeps stdin open. */
  readonly openStdin?: boolean
  readonly env?: Readonly<Record<string, string>>
  /** Time limit in milliseconds; default: 60,000. */
  readonly limit?: number
  /** Called with the running process, for example to send it a signal. */
  readonly during?: (child: ChildProcess, output: () => string) => Promise<void> | void
}

export interface RunResult {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  /** Duration in milliseconds. */
  readonly time: number
}

let shipped: string | undefined
const temporary: string[] = []
process.on('exit', () => {
  for (const folder of temporary) rmSync(folder, {force: true, recursive: true})
})

function temporaryFolder(name: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), `ovpn3-${name}-`))
  temporary.push(folder)
  return folder
}

/**
 * The CLI at a path that every user of this machine can read: the repository itself, or a copy of the shipped files if
 * the repository is private.
 */
export function cli(): string {
  shipped ??= isReadableByAll(path.join(repository, 'bin', 'run.js')) ? repository : copyOfCli()
  return path.join(shipped, 'bin', 'run.js')
}

function isReadableByAll(file: string): boolean {
  if (process.getuid?.() !== 0) return true
  try {
    execFileSync('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', 'cat', file], {stdio: 'ignore'})
    return true
  } catch {
    return false
  }
}

function copyOfCli(): string {
  const folder = temporaryFolder('cli')
  const copy = (name: string) => {
    mkdirSync(path.dirname(path.join(folder, name)), {recursive: true})
    // Keep symbolic links: the workspaces are links to folders that are copied too.
    execFileSync('cp', ['-a', path.join(repository, name), path.join(folder, name)])
  }

  execFileSync('chmod', ['755', folder])
  for (const name of [
    'bin',
    'dist',
    'packages',
    'plugins',
    'package.json',
    'oclif.manifest.json',
    'node_modules/@ovpn3',
  ])
    copy(name)
  const installed = execFileSync('npm', ['ls', '--omit=dev', '--all', '--parseable'], {
    cwd: repository,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  for (const module of installed.split('\n')) {
    const name = path.relative(repository, module)
    // Nested modules are copied with their parent.
    if (/^node_modules\/(@(?!ovpn3\/)[^/]+\/)?[^/@]+$/.test(name)) copy(name)
  }

  return folder
}

const homes = new Map<number, string>()

/** An empty home for a user, so that no existing settings or plugins affect the tests. */
export function homeOf(uid: number): string {
  let home = homes.get(uid)
  if (!home) {
    home = temporaryFolder(`home-${uid}`)
    if (process.getuid?.() === 0) chownSync(home, uid, uid)
    homes.set(uid, home)
  }

  return home
}

/** Writes a file into a user's home, owned by that user. @param name may include folders */
export function userFile(place: Place, user: UserName, name: string, text: string, mode = 0o600): string {
  const uid = place.uid(user)
  const file = path.join(homeOf(uid), name)
  mkdirSync(path.dirname(file), {recursive: true})
  writeFileSync(file, text)
  chmodSync(file, mode)
  if (process.getuid?.() === 0) chownSync(file, uid, uid)
  return file
}

/** The spawn options for a process of a user; a process of root would not see alice's sessions. */
export function asUser(world: Place, user: UserName) {
  const uid = world.uid(user)
  const env: Readonly<Record<string, string>> = {
    DBUS_SYSTEM_BUS_ADDRESS: world.busAddress,
    HOME: homeOf(uid),
    LANG: 'C.UTF-8',
    PATH: process.env.PATH!,
    TZ: 'UTC',
  }
  return {cwd: '/', env, ...(world.canBecome ? {gid: uid, uid} : {})}
}

/** Runs ovpn3 as a user of the world, without a terminal. */
export async function ovpn3(
  world: Place,
  user: UserName,
  args: readonly string[],
  {during, env = {}, input, leader = false, limit = 60_000, openStdin}: RunOptions = {},
): Promise<RunResult> {
  const identity = asUser(world, user)
  const child = spawn(process.execPath, [cli(), ...args], {
    ...identity,
    detached: leader,
    env: {...identity.env, ...env},
  })
  const started = performance.now()
  const out = collect(child.stdout)
  const err = collect(child.stderr)
  // The process may exit without reading its input.
  child.stdin.on('error', () => {})
  if (!openStdin) child.stdin.end(input ?? '')
  else if (input) child.stdin.write(input)
  const timer = setTimeout(() => child.kill('SIGKILL'), limit)
  const ended = new Promise<{signal: NodeJS.Signals | null; status: number | null}>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (status, signal) => resolve({signal, status}))
  })
  await during?.(child, () => out() + err())
  const {signal, status} = await ended
  clearTimeout(timer)
  if (signal === 'SIGKILL')
    throw new Error(`still running after ${limit} ms: ovpn3 ${args.join(' ')}\n${out()}${err()}`)
  return {signal, status, stderr: err(), stdout: out(), time: performance.now() - started}
}

const shared = new Map<number, Forked<Line, Ended>>()

/**
 * Runs ovpn3 in a process that all such runs of a user share, in a tenth of the time. For command lines that read
 * nothing from stdin and of which only the output and the exit status matter.
 */
export async function ovpn3Shared(
  place: Place,
  user: UserName,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Pick<RunResult, 'status' | 'stderr' | 'stdout'>> {
  const identity = asUser(place, user)
  const uid = place.uid(user)
  let process = shared.get(uid)
  if (!process) {
    process = new Forked('cli-process', [place.canBecome ? uid : 0, path.dirname(path.dirname(cli()))])
    shared.set(uid, process)
  }

  const ended = await process.ask({args, env: {...identity.env, ...env}})
  if (!ended) throw new Error(`the process exited during: ovpn3 ${args.join(' ')}`)
  return ended
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  return () => Buffer.concat(chunks).toString()
}

/**
 * Runs ovpn3 as alice and pipes its output to another shell command.
 * @returns the output of that command, followed by a line with both exit statuses
 */
export async function piped(
  world: Place,
  args: readonly string[],
  reader: string,
): Promise<{readonly stderr: string; readonly stdout: string}> {
  const script = `"$0" "$@" | ${reader}; echo "\${PIPESTATUS[*]}"`
  const child = spawn('bash', ['-c', script, process.execPath, cli(), ...args], {
    ...asUser(world, 'alice'),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [out, err] = [collect(child.stdout), collect(child.stderr)]
  const timer = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), 40_000)
  await new Promise((resolve) => {
    child.on('close', resolve)
  })
  clearTimeout(timer)
  return {stderr: err(), stdout: out()}
}

/** Waits until a condition is true. @param limit milliseconds; only a failing test reaches it */
export async function until(
  what: (() => string) | string,
  check: () => Promise<boolean> | boolean,
  limit = 30_000,
): Promise<void> {
  const end = Date.now() + limit
  while (!(await check())) {
    if (Date.now() > end)
      throw new Error(`timed out after ${limit} ms, waiting until: ${typeof what === 'string' ? what : what()}`)
    await new Promise((resolve) => {
      setTimeout(resolve, 25)
    })
  }
}

/** Calls `act` for each item, a limited number at a time. Rejects with the first error after all workers have ended. */
export async function forEachLimited<T>(
  items: Iterable<T>,
  limit: number,
  act: (item: T) => Promise<unknown>,
): Promise<void> {
  const queue = [...items]
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await act(item)
  }

  const ends = await Promise.allSettled(Array.from({length: limit}, () => worker()))
  for (const end of ends) if (end.status === 'rejected') throw end.reason
}

/** Reads a JSON file of the project. */
export function projectJson(file: string): unknown {
  return JSON.parse(readFileSync(path.join(repository, file), 'utf8'))
}
