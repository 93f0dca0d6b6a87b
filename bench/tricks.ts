/**
 * npm run bench:tricks [NODE ...]: measures the benefit of each optimisation in startup/, with this Node.js and the
 * given ones, and writes it to startup/README.md. Measures CPU time, which varies less than elapsed time on a shared
 * machine.
 */
import {execFile, execFileSync} from 'node:child_process'
import {cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync} from 'node:fs'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {promisify} from 'node:util'

import {simulator} from '../test/simulator/simulator'
import {repository} from '../test/support/repository'
import {plainEnvironment, record, table} from './measure'

interface Optimisation {
  readonly name: string
  readonly lines: number
  /** The options of startup/bundle.mjs that disable the optimisation. */
  readonly options: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

const noCache = {NODE_DISABLE_COMPILE_CACHE: '1'}

const optimisations: readonly Optimisation[] = [
  {lines: 108, name: 'code cache', options: [], env: noCache},
  {lines: 18, name: 'lazy requires', options: ['--without', 'lazy-requires']},
  {lines: 47, name: 'core plugins located without oclif', options: ['--entry', 'build/bench/found.js']},
  {lines: 26, name: 'core plugin commands in the bundle', options: ['--without', 'bundled']},
  {lines: 38, name: 'rarely used parts in separate files', options: ['--without', 'parts']},
  {lines: 18, name: 'simple help templates without EJS', options: ['--without', 'templates']},
  {lines: 6, name: 'no XML', options: ['--without', 'no-xml']},
  {lines: 1, name: 'minified', options: ['--without', 'minify']},
]
/** Cases with a warm code cache or, if "cold", without one. */
const cases: readonly {readonly command: string; readonly env?: typeof noCache; readonly name: string}[] = [
  {command: '--version', name: 'version'},
  {command: 'session-manage --help', name: 'help'},
  {command: 'sessions-list', name: 'list'},
  {command: '--complete zsh load session-manage -c', name: 'Tab'},
  {command: '--version', env: noCache, name: 'version, cold'},
  {command: 'sessions-list', env: noCache, name: 'list, cold'},
]
const rounds = 25

/** Creates a copy of the CLI with its own bundle, so that the variants do not share code caches. */
function variant(folder: string, options: readonly string[]): string {
  for (const name of ['bin', 'oclif.manifest.json', 'package.json', 'startup/load.js'])
    cpSync(path.join(repository, name), path.join(folder, name), {recursive: true})
  symlinkSync(path.join(repository, 'node_modules'), path.join(folder, 'node_modules'))
  const bundle = path.join(repository, 'startup', 'bundle.mjs')
  execFileSync(process.execPath, [bundle, '--out', path.join(folder, 'dist'), ...options])
  return path.join(folder, 'bin', 'run.js')
}

/** CPU time of a run in milliseconds. */
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
    const variants = [{env: {}, name: 'all', options: []}, ...optimisations].map(({env, name, options}, index) => ({
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

      // The first round is for warm-up.
      if (round < 0) times.clear()
    }

    const ratio = (node: string, name: string, caseName: string) =>
      median(times.get(`${node} ${name} ${caseName}`)!) / median(times.get(node)!)
    const row = (cell: (node: string, caseName: string) => number) =>
      nodes.flatMap(({name}) => cases.map((each) => cell(name, each.name).toFixed(2)))
    const header = ['optimisation', 'lines', ...nodes.flatMap(({name}) => cases.map((each) => `${name}: ${each.name}`))]
    const rows = [
      ...optimisations.map(({lines, name}) => [
        name,
        String(lines),
        ...row((node, caseName) => ratio(node, name, caseName) - ratio(node, 'all', caseName)),
      ]),
      ['with all optimisations', '', ...row((node, caseName) => ratio(node, 'all', caseName))],
    ]
    await record(
      'Benefit of each optimisation',
      `The additional time of a start without the optimisation, in multiples of \`node -e 0\`: medians of the CPU time in ${rounds} rounds in which all variants ran in turn, on the simulator with one session. The code cache is warm unless the column says cold. Version: \`--version\`; help: \`session-manage --help\`; list: \`sessions-list\`; Tab: completion of a live value.\n\n${table(header, rows)}`,
      {},
      path.join(repository, 'startup', 'README.md'),
    )
  } finally {
    await world.close()
    rmSync(scratch, {recursive: true})
  }
}

void main()
