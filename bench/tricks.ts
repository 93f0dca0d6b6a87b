/**
 * npm run bench:tricks [NODE ...]: what each trick of startup/ pays, on this Node and on the others that are named, into
 * startup/README.md. Processor time, which is steadier than time on a machine that is shared.
 */
import {execFile, execFileSync} from 'node:child_process'
import {cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync} from 'node:fs'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {promisify} from 'node:util'

import {simulator} from '../test/simulator/simulator'
import {repository} from '../test/support/repository'
import {plainEnvironment, record, table} from './measure'

interface Trick {
  readonly name: string
  readonly lines: number
  /** Of startup/bundle.mjs: leaves the trick out. */
  readonly options: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

const noCache = {NODE_DISABLE_COMPILE_CACHE: '1'}

const tricks: readonly Trick[] = [
  {lines: 108, name: 'code cache', options: [], env: noCache},
  {lines: 18, name: 'lazy requires', options: ['--without', 'lazy-requires']},
  {lines: 47, name: 'core plugins found where Node finds them', options: ['--entry', 'build/bench/found.js']},
  {lines: 26, name: 'commands of core plugins in the bundle', options: ['--without', 'bundled']},
  {lines: 38, name: 'parts in files of their own', options: ['--without', 'parts']},
  {lines: 18, name: 'names in help without EJS', options: ['--without', 'templates']},
  {lines: 6, name: 'no XML', options: ['--without', 'no-xml']},
  {lines: 1, name: 'minified', options: ['--without', 'minify']},
]
/** Each with a warm code cache or, "cold", without one. */
const cases: readonly {readonly command: string; readonly env?: typeof noCache; readonly name: string}[] = [
  {command: '--version', name: 'version'},
  {command: 'session-manage --help', name: 'help'},
  {command: 'sessions-list', name: 'list'},
  {command: '--complete zsh load session-manage -c', name: 'Tab'},
  {command: '--version', env: noCache, name: 'version, cold'},
  {command: 'sessions-list', env: noCache, name: 'list, cold'},
]
const rounds = 25

/** A copy of the CLI, with a bundle of its own, and a home: caches must not get in each other's way. */
function variant(folder: string, options: readonly string[]): string {
  for (const name of ['bin', 'oclif.manifest.json', 'package.json', 'startup/load.js'])
    cpSync(path.join(repository, name), path.join(folder, name), {recursive: true})
  symlinkSync(path.join(repository, 'node_modules'), path.join(folder, 'node_modules'))
  const bundle = path.join(repository, 'startup', 'bundle.mjs')
  execFileSync(process.execPath, [bundle, '--out', path.join(folder, 'dist'), ...options])
  return path.join(folder, 'bin', 'run.js')
}

/** Milliseconds of processor time. The run has to succeed. */
async function processorTime(command: readonly string[], env: Readonly<Record<string, string>>): Promise<number> {
  const script = 'TIMEFORMAT="%3U %3S"; time "$@" >/dev/null 2>&1'
  const {stderr} = await promisify(execFile)('bash', ['--norc', '-c', script, 'bash', ...command], {
    cwd: '/',
    env: {...plainEnvironment, ...env},
  })
  const [user, system] = stderr.trim().split(' ')
  return (Number(user) + Number(system)) * 1000
}

const median = (times: readonly number[]) => [...times].sort((a, b) => a - b)[times.length >> 1]!

async function main(): Promise<void> {
  const nodes = [process.execPath, ...process.argv.slice(2)].map((program) => ({
    name: `Node ${execFileSync(program, ['--version'], {encoding: 'utf8'}).slice(1, 3)}`,
    program,
  }))
  const world = await simulator({me: true})
  const scratch = mkdtempSync(path.join(tmpdir(), 'ovpn3-tricks-'))
  try {
    await world.reset()
    world.createSessions(1)
    const variants = [{env: {}, name: 'all', options: []}, ...tricks].map(({env, name, options}, index) => ({
      env,
      home: path.join(scratch, `home-${index}`),
      name,
      program: variant(path.join(scratch, String(index)), options),
    }))
    const runs = nodes.flatMap((node) => [
      {command: [node.program, '-e', '0'], env: {}, key: node.name},
      ...variants.flatMap(({env, home, name, program}) =>
        cases.map(({command, env: caseEnv, name: caseName}) => ({
          command: [node.program, program, ...command.split(' ')],
          env: {DBUS_SYSTEM_BUS_ADDRESS: world.busAddress, HOME: path.join(home, node.name), ...env, ...caseEnv},
          key: `${node.name} ${name} ${caseName}`,
        })),
      ),
    ])
    for (const {env} of runs) if ('HOME' in env) mkdirSync(env.HOME, {recursive: true})
    const times = new Map<string, number[]>()
    for (let round = -1; round < rounds; round++) {
      for (const {key, command, env} of runs)
        times.set(key, [...(times.get(key) ?? []), await processorTime(command, env)])

      // the first round warms up
      if (round < 0) times.clear()
    }

    const ratio = (node: string, name: string, caseName: string) =>
      median(times.get(`${node} ${name} ${caseName}`)!) / median(times.get(node)!)
    const row = (cell: (node: string, caseName: string) => number) =>
      nodes.flatMap(({name}) => cases.map((each) => cell(name, each.name).toFixed(2)))
    const header = ['trick', 'lines', ...nodes.flatMap(({name}) => cases.map((each) => `${name}: ${each.name}`))]
    const rows = [
      ...tricks.map(({lines, name}) => [
        name,
        String(lines),
        ...row((node, caseName) => ratio(node, name, caseName) - ratio(node, 'all', caseName)),
      ]),
      ['with all of them', '', ...row((node, caseName) => ratio(node, 'all', caseName))],
    ]
    await record(
      'What each trick pays',
      `How much longer a start takes without it, as multiples of \`node -e 0\`: medians of the processor time in ${rounds} rounds, in which all variants ran in turn, on the simulator with one session. The code cache is warm where it does not say cold. Version: \`--version\`; help: \`session-manage --help\`; list: \`sessions-list\`; Tab: completion of a live value.\n\n${table(header, rows)}`,
      {},
      path.join(repository, 'startup', 'README.md'),
    )
  } finally {
    await world.close()
    rmSync(scratch, {recursive: true})
  }
}

void main()
