/**
 * npm run bench:hosts [-- ssh|delay|scale]: measures lists over ssh: over a real sshd on this machine, compared with
 * ssh itself; over many slow lines, compared with one; and how time and memory grow with the number of hosts.
 */
import {type ChildProcess, execFileSync, spawn} from 'node:child_process'
import {once} from 'node:events'
import {existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {createServer} from 'node:net'
import {loadavg, tmpdir, userInfo} from 'node:os'
import path from 'node:path'
import {setTimeout as sleep} from 'node:timers/promises'

import {type Simulator, simulator} from '../test/simulator/simulator'
import {repository} from '../test/support/repository'
import {type Case, interleave, memoryOf, milliseconds, record, table, type Timing} from './measure'

const program = path.join(repository, 'bin', 'run.js')
const list = (
  name: string,
  env: Readonly<Record<string, string>>,
  hosts: readonly string[] = [],
  options: readonly string[] = [],
): Case => ({
  command: [process.execPath, program, 'sessions-list', ...hosts.flatMap((host) => ['-H', host]), ...options],
  env,
  name,
})
const withoutOwner = ['--columns', 'id,config,status']
const text = ({median, middle, minimum}: Timing) =>
  `${milliseconds(median)} (${middle.map((ms) => milliseconds(ms)).join('–')}), ${milliseconds(minimum)}`
const ratios = (part: Timing, whole: Pick<Timing, 'median' | 'minimum'>) =>
  [part.median / whole.median, part.minimum / whole.minimum].map((ratio) => ratio.toFixed(2)).join(', ')

/** An executable shell script. */
function script(folder: string, name: string, command: string): string {
  const file = path.join(folder, name)
  writeFileSync(file, `#!/bin/sh\nexec ${command}\n`, {mode: 0o755})
  return file
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const {port} = server.address() as {port: number}
  server.close()
  await once(server, 'close')
  return port
}

/** An sshd of this user, and an ssh that reaches it as the host `gw`, with a master connection. */
async function sshHost(folder: string, busAddress: string): Promise<{close(): void; ssh: string}> {
  const port = await freePort()
  const remote = path.join(folder, 'remote')
  mkdirSync(remote)
  const bridge = execFileSync('which', ['systemd-stdio-bridge'], {encoding: 'utf8'}).trim()
  script(remote, 'systemd-stdio-bridge', `${bridge} --bus-path='${busAddress}' "$@"`)
  const file = (name: string) => path.join(folder, name)
  for (const key of ['host', 'user']) execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file(key)])
  writeFileSync(file('known'), `[127.0.0.1]:${port} ${readFileSync(file('host.pub'), 'utf8')}`)
  writeFileSync(
    file('sshd_config'),
    `ListenAddress 127.0.0.1:${port}
HostKey ${file('host')}
AuthorizedKeysFile ${file('user.pub')}
PidFile none
StrictModes no
UsePAM no
SetEnv HOME=${remote} PATH=${remote}:/usr/bin:/bin
`,
  )
  writeFileSync(
    file('ssh_config'),
    `Host gw
  HostName 127.0.0.1
  Port ${port}
  User ${userInfo().username}
  IdentityFile ${file('user')}
  IdentitiesOnly yes
  UserKnownHostsFile ${file('known')}
  ControlMaster auto
  ControlPath ${file('master')}
`,
  )
  if (process.getuid!() === 0) mkdirSync('/run/sshd', {recursive: true})
  const ssh = script(folder, 'ssh', `ssh -F ${file('ssh_config')} "$@"`)
  const sshd = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', file('sshd_config')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let log = ''
  sshd.stderr.on('data', (chunk: Buffer) => {
    log += chunk.toString()
  })
  let master: ChildProcess | undefined
  const close = () => {
    master?.kill()
    sshd.kill()
  }

  try {
    while (!log.includes('listening')) {
      if (sshd.exitCode !== null) throw new Error(`sshd: ${log}`)
      await sleep(20)
    }

    master = spawn(ssh, ['-MN', 'gw'], {stdio: ['ignore', 'ignore', 'inherit']})
    while (!existsSync(file('master'))) {
      if (master.exitCode !== null) throw new Error(`ssh: ${log}`)
      await sleep(20)
    }
  } catch (error) {
    close()
    throw error
  }

  return {close, ssh}
}

/** A list over ssh, compared with ssh and with a list without it. */
async function overSsh(folder: string): Promise<void> {
  const rounds = 25
  const [world] = (await simulators(1)) as [Simulator]
  const host = await sshHost(folder, world.busAddress)
  try {
    const env = {HOME: folder, OVPN3_SSH: host.ssh}
    const rows: string[][] = []
    for (const {options = [], sessions} of [
      {sessions: 1},
      {sessions: 5},
      {sessions: 20},
      {options: withoutOwner, sessions: 20},
    ]) {
      world.createSessions(sessions - (await world.sessions()).length)
      const timings = await interleave(
        [
          {command: [host.ssh, 'gw', 'true'], name: 'ssh'},
          list('local', {...env, DBUS_SYSTEM_BUS_ADDRESS: world.busAddress}, [], options),
          list('remote', env, ['gw'], options),
        ],
        rounds,
      )
      const timing = (name: string) => timings.get(name)!
      const [ssh, local, remote] = [timing('ssh'), timing('local'), timing('remote')]
      const sum = {median: ssh.median + local.median, minimum: ssh.minimum + local.minimum}
      rows.push([
        `\`${['sessions-list', ...options].join(' ')}\``,
        String(sessions),
        text(ssh),
        text(local),
        text(remote),
        ratios(remote, sum),
      ])
    }

    await record(
      'A host over ssh',
      `\`sessions-list -H gw\` over sshd on the same machine, with a ControlMaster that is already connected and systemd-logind, compared with the sum of \`ssh gw true\` and the same list of the same simulator without ssh. Each cell shows the median, the interquartile range and the minimum of ${rounds} rounds; the ratios are those of the medians and of the minima. Goal: at most 1.25. ${load()}\n\n${table(
        ['ovpn3 …', 'sessions', '`ssh gw true`', 'here', '`-H gw`', 'ratio'],
        rows,
      )}`,
    )
  } finally {
    host.close()
    await world.close()
  }
}

/** Many slow lines, compared with one. */
async function overSlowLines(folder: string): Promise<void> {
  const rounds = 15
  const sizes = [1, 5, 20]
  const worlds = await simulators(2)
  try {
    const rows: string[][] = []
    for (const {options = [], sessions} of [{sessions: 1}, {sessions: 5}, {options: withoutOwner, sessions: 5}]) {
      for (const world of worlds) world.createSessions(sessions - (await world.sessions()).length)
      const env = simulated(folder, worlds, 0.015)
      const timings = await interleave(
        sizes.map((size) => list(String(size), env, hostNames(size), options)),
        rounds,
      )
      const one = timings.get('1')!
      rows.push([
        `\`${['sessions-list', ...options].join(' ')}\``,
        String(sessions),
        text(one),
        ...sizes
          .slice(1)
          .map((size) => timings.get(String(size))!)
          .flatMap((timing) => [text(timing), ratios(timing, one)]),
      ])
    }

    await record(
      'Hosts with a round trip of 30 ms',
      `\`sessions-list\` over a program in place of ssh that delays each direction by 15 ms. The hosts are two simulators on the same two processors. Each cell shows the median, the interquartile range and the minimum of ${rounds} rounds, and the ratios are those of the medians and of the minima. Goal for 20 hosts: at most 1.5. The list of three columns reads less and needs no user names. ${load()}\n\n${table(
        ['ovpn3 …', 'sessions per host', '1 host', ...sizes.slice(1).flatMap((size) => [`${size} hosts`, 'ratio'])],
        rows,
      )}`,
    )
  } finally {
    await Promise.all(worlds.map((world) => world.close()))
  }
}

/** How time and memory grow with the number of hosts. */
async function scale(folder: string): Promise<void> {
  const rounds = 2
  const sizes = [50, 100, 200]
  const worlds = await simulators(4)
  try {
    for (const world of worlds) world.createSessions(50)
    const env = simulated(folder, worlds, 0)
    const forms = [[], ['--json']]
    const rows: string[][] = []
    for (const form of forms) {
      const cases = sizes.map((size) => list(String(size), env, hostNames(size), form))
      const times = cases.map((): number[] => [])
      const memory = cases.map((): number[] => [])
      for (let round = 0; round < rounds; round++) {
        for (const [i, each] of cases.entries()) {
          const start = performance.now()
          memory[i]!.push(await memoryOf(each))
          times[i]!.push(performance.now() - start)
        }
      }

      const [minima, peaks] = [times, memory].map((all) => all.map((values) => Math.min(...values))) as [
        number[],
        number[],
      ]
      const growth = ([few, more, most]: readonly number[]) => ((most! - more!) / (more! - few!) / 2).toFixed(2)
      rows.push([
        `\`${['sessions-list', ...form].join(' ')}\``,
        ...minima.map((ms, i) => `${(ms / 1000).toFixed(1)} s, ${peaks[i]!.toFixed(0)} MiB`),
        `${growth(minima)}, ${growth(peaks)}`,
      ])
    }

    await record(
      'Many hosts',
      `Each host has 50 sessions; the hosts are four simulators on the same two processors, so the times include their work. Each cell shows the minimum of ${rounds} rounds: the time and the peak memory. Growth: what a host adds from 100 to 200 hosts, relative to what it adds from 50 to 100, in time and in memory. 1 is linear. ${load()}\n\n${table(
        ['ovpn3 …', ...sizes.map((size) => `${size} hosts`), 'growth'],
        rows,
      )}`,
    )
  } finally {
    await Promise.all(worlds.map((world) => world.close()))
  }
}

/** Simulators of hosts with systemd-logind, which lists at least the user of the ssh login. */
const simulators = (count: number): Promise<Simulator[]> =>
  Promise.all(
    Array.from({length: count}, async () => {
      const world = await simulator({me: true})
      const {uid, username: name} = userInfo()
      await world.startLogind([{name, uid}])
      return world
    }),
  )

const hostNames = (count: number) => Array.from({length: count}, (_, i) => `gw${i + 1}`)

/** The environment in which simulators are reached as hosts. @param delay seconds in each direction */
function simulated(folder: string, worlds: readonly Simulator[], delay: number): Record<string, string> {
  return {
    BENCH_BUSES: worlds.map(({busAddress}) => busAddress).join(' '),
    BENCH_DELAY: String(delay),
    HOME: folder,
    OVPN3_SSH: script(folder, 'slow-ssh', `perl ${path.join(repository, 'bench', 'host.pl')} "$@"`),
  }
}

/** How quiet the machine was, for the text of a result. */
const [loadBefore] = loadavg() as [number, number, number]
const load = () => `The load average before the run was ${loadBefore.toFixed(1)}.`

const parts = {delay: overSlowLines, scale, ssh: overSsh}

async function main(): Promise<void> {
  const wanted = process.argv.slice(2)
  for (const [name, measure] of Object.entries(parts)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue
    const folder = mkdtempSync(path.join(tmpdir(), 'ovpn3-bench-'))
    try {
      await measure(folder)
    } finally {
      rmSync(folder, {recursive: true})
    }
  }
}

void main()
