import {type ChildProcess, spawn} from 'node:child_process'
import {once} from 'node:events'
import {existsSync, readFileSync, writeFileSync} from 'node:fs'
import {arch, cpus, release} from 'node:os'
import path from 'node:path'
import {format, resolveConfig} from 'prettier'

import {repository} from '../test/support/repository'

/** A command to measure. */
export interface Case {
  readonly name: string
  /** The program and its arguments. */
  readonly command: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly uid?: number
  /** Runs before each measurement. */
  readonly before?: () => Promise<void> | void
  /** Use the milliseconds that the command prints instead of its run time. */
  readonly timesItself?: boolean
}

export interface Timing {
  /** The shortest time in milliseconds: the one that other load on the machine affected least. */
  readonly minimum: number
  /** The median in milliseconds. */
  readonly median: number
  /** The interquartile range in milliseconds. */
  readonly middle: readonly [number, number]
}

/**
 * Runs the cases in turn, round by round, so that other load on the machine affects them equally. An additional first
 * round is for warm-up.
 * @param rounds the number of measured rounds
 */
export async function interleave(cases: readonly Case[], rounds: number): Promise<Map<string, Timing>> {
  const times = new Map<string, number[]>(cases.map(({name}) => [name, []]))
  for (let round = -1; round < rounds; round++) {
    for (const each of cases) {
      await each.before?.()
      const time = await timeOf(each)
      if (round >= 0) times.get(each.name)!.push(time)
    }
  }

  return new Map([...times].map(([name, all]) => [name, timingOf(all)]))
}

/** The duration of a run in milliseconds. Throws if the command fails. */
async function timeOf({command: [program, ...args], env, name, timesItself, uid}: Case): Promise<number> {
  const start = performance.now()
  const child = spawn(program!, args, {
    cwd: '/',
    env: {...plainEnvironment, ...env},
    stdio: ['ignore', timesItself ? 'pipe' : 'ignore', 'pipe'],
    ...(uid === undefined ? {} : {gid: uid, uid}),
  })
  const errors: Buffer[] = []
  child.stderr!.on('data', (chunk: Buffer) => errors.push(chunk))
  const printed: Buffer[] = []
  child.stdout?.on('data', (chunk: Buffer) => printed.push(chunk))
  const status = await ended(child)
  const time = timesItself ? Number(Buffer.concat(printed).toString()) : performance.now() - start
  if (status !== 0) throw new Error(`${name}: exit status ${status}\n${Buffer.concat(errors).toString()}`)
  return time
}

/** The peak memory in MiB of a run of a program on Node.js. */
export async function memoryOf({command: [node, ...args], env}: Case): Promise<number> {
  const child = spawn(node!, ['--require', path.join(__dirname, 'peak.js'), ...args], {
    env: {...plainEnvironment, ...env},
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  })
  let printed = ''
  child.stdio[3]!.on('data', (chunk: Buffer) => {
    printed += chunk.toString()
  })
  const [status] = await Promise.all([ended(child), once(child, 'close')])
  if (status !== 0) throw new Error(`exit status ${status}: ${args.join(' ')}`)
  return Number(printed) / 1024
}

/** A minimal environment: a variable like NODE_EXTRA_CA_CERTS makes every start of Node.js half as long again. */
export const plainEnvironment: Readonly<Record<string, string>> = {
  LC_ALL: 'C.UTF-8',
  PATH: process.env.PATH!,
  SHELL: '/bin/sh',
}

export function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', resolve)
  })
}

function timingOf(times: readonly number[]): Timing {
  const sorted = [...times].sort((a, b) => a - b)
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!
  return {minimum: sorted[0]!, median: at(0.5), middle: [at(0.25), at(0.75)]}
}

export const milliseconds = (ms: number): string => (ms < 10 ? ms.toFixed(1) : ms.toFixed(0))

/** A timing and its ratio to another one: `43 (40–46) | 2.0`. */
export function cells(timing: Timing, base: Timing): string[] {
  const [low, high] = timing.middle.map((ms) => milliseconds(ms))
  return [`${milliseconds(timing.median)} (${low}–${high})`, (timing.median / base.median).toFixed(2)]
}

/** Formats rows as a Markdown table. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (texts: readonly string[]) => `| ${texts.join(' | ')} |`
  return [line(header), line(header.map((_, i) => (i === 0 ? '---' : '--:'))), ...rows.map((row) => line(row))].join(
    '\n',
  )
}

/** Prints a result and writes it to bench/RESULTS.md or another file, where it replaces the section with its title. */
export async function record(
  title: string,
  text: string,
  versions: Readonly<Record<string, string>> = {},
  resultsFile = path.join(repository, 'bench', 'RESULTS.md'),
): Promise<void> {
  const setting = [
    new Date().toISOString().slice(0, 10),
    ...Object.entries({...versions, Node: process.version, Linux: `${release()} ${arch()}`}).map(
      ([k, v]) => `${k} ${v}`,
    ),
    `${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}`,
  ].join(', ')
  const section = `## ${title}\n\n${setting}\n\n${text}\n`
  process.stdout.write(`${section}\n`)
  const intro =
    '# Results\n\nEach table comes from one run in which all its cases ran in turn. Times are medians in milliseconds, with the interquartile range in parentheses. Compare the ratios rather than the times, because the machine is shared.\n'
  const old = existsSync(resultsFile) ? readFileSync(resultsFile, 'utf8') : intro
  const [head, ...sections] = old.split(/^(?=## )/m)
  const others = sections.filter((each) => !each.startsWith(`## ${title}\n`))
  const position = sections.findIndex((each) => each.startsWith(`## ${title}\n`))
  others.splice(position === -1 ? others.length : position, 0, `${section}\n`)
  const options = await resolveConfig(resultsFile)
  writeFileSync(resultsFile, await format([head, ...others].join(''), {...options, filepath: resultsFile}))
}
