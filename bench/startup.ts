/**
 * npm run bench: measures the start of the CLI, compared with plain Node.js and with the same code without a bundle.
 */
import {mkdtempSync, rmSync} from 'node:fs'
import {tmpdir} from 'node:os'
import path from 'node:path'

import {simulator} from '../test/simulator/simulator'
import {repository} from '../test/support/repository'
import {type Case, cells, interleave, record, table} from './measure'

const rounds = 25
const bundle = path.join(repository, 'bin', 'run.js')
const unbundled = path.join(repository, 'build', 'bench', 'unbundled.js')

async function main(): Promise<void> {
  const world = await simulator({me: true})
  const home = mkdtempSync(path.join(tmpdir(), 'ovpn3-bench-'))
  const env = {DBUS_SYSTEM_BUS_ADDRESS: world.busAddress, HOME: home}
  const ways: readonly {env: Record<string, string>; name: string; program: string}[] = [
    {env, name: '', program: bundle},
    {env: {...env, NODE_DISABLE_COMPILE_CACHE: '1'}, name: 'no code cache', program: bundle},
    {env: {...env, NODE_DISABLE_COMPILE_CACHE: '1'}, name: 'no bundle', program: unbundled},
  ]
  const measured = async (sessions: number, commands: readonly string[]) => {
    await world.reset()
    world.createSessions(sessions)
    const cases = commands.flatMap((command) =>
      ways.map(({env, name, program}): Case => ({
        command: [process.execPath, program, ...command.split(' ')],
        env,
        name: `${command} ${name}`,
      })),
    )
    const timings = await interleave([bare, ...cases], rounds)
    const base = timings.get(bare.name)!
    return commands.map((command) => [
      sessions === 0 ? `\`${command}\`` : `\`${command}\`, ${sessions === 1 ? '1 session' : `${sessions} sessions`}`,
      ...ways.flatMap(({name}) => cells(timings.get(`${command} ${name}`)!, base)),
    ])
  }

  try {
    const rows = [
      ...(await measured(0, ['--version', '--help', 'help', 'session-manage --help'])),
      ...(await measured(1, [
        'sessions-list',
        'session-manage --log-level -c load-1',
        'session-manage --resume -c load-1',
        'session-stats -c load-1',
        'session-acl --show -c load-1',
      ])),
      ...(await measured(5, [
        'sessions-list',
        'sessions-list --format=table',
        'sessions-list --json',
        'sessions-list --columns id,status',
        '--complete zsh --p session-manage',
        '--complete zsh load session-manage --pause --config',
        'session-manage --cleanup',
        'session-stats --all',
      ])),
    ]
    const header = ['ovpn3 …', 'time', 'ratio', 'no code cache', 'ratio', 'no bundle', 'ratio']
    await record(
      `Start-up, Node ${process.versions.node.split('.')[0]}`,
      `Measured on the simulator. Each ratio is relative to \`node -e 0\` in the same ${rounds} rounds.\n\n${table(header, rows)}`,
    )
  } finally {
    await world.close()
    rmSync(home, {recursive: true})
  }
}

const bare: Case = {command: [process.execPath, '-e', '0'], name: 'node -e 0'}

void main()
