import assert from 'node:assert/strict'
import {type ChildProcess, spawn, type StdioOptions} from 'node:child_process'
import {chmodSync, closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {after, afterEach, before, describe, it} from 'node:test'
import {setTimeout as sleep} from 'node:timers/promises'

import {type Simulator, simulator} from '../simulator/simulator'
import {asUser, cli, ovpn3, type RunOptions, until} from '../support/cli'
import {skipTerminal, terminals} from '../support/terminal'

type State = {
  readonly args: string
  readonly input?: string
  /** Checks the state of the session manager after the command. */
  readonly after?: (world: Simulator, signal: string) => Promise<void>
  prepare(world: Simulator): Promise<void> | void
  /** Whether the command has reached the state. */
  reached(world: Simulator, output: () => string): boolean
}

const called = (world: Simulator, member: string) =>
  [...world.calls.byMember.keys()].some((each) => each.startsWith(member))

/** A command that waits for a call to which the session manager does not reply. */
const silent = (args: string, member: string): State => ({
  args,
  prepare(world) {
    world.createSessions(3)
    world.intercept(({message}) => (message.member === member ? 'ignore' : undefined))
  },
  reached: (world) => called(world, member),
})

/** A command that waits for a server that never responds. */
const reconnecting = (args: string, after: State['after']): State => ({
  after,
  args,
  async prepare(world) {
    await world.startSession('alice', 'dead', {until: 'started'})
  },
  reached: (_, output) => output().includes('Restarting session:'),
})

/** The states in which a command can wait. */
const states: Readonly<Record<string, State>> = {
  'sessions-list, looking up sessions': silent('sessions-list', 'FetchAvailableSessions'),
  'sessions-list, reading': silent('sessions-list', 'Get'),
  'sessions-list, watching': {
    args: 'sessions-list --watch',
    prepare: (world) => void world.createSessions(3),
    reached: (_, output) => output().split('\n').length > 3,
  },
  'session-stats, reading': silent('session-stats --all', 'Get'),
  'session-stats, watching': {
    args: 'session-stats --all --watch=0.2',
    prepare: (world) => void world.createSessions(3),
    reached: (_, output) => output().split('\n').length > 3,
  },
  'session-log, reading': silent('session-log --config load-1', 'Get'),
  'session-log, subscribing': silent('session-log --config load-1', 'LogForward'),
  'session-log, following': {
    args: 'session-log --all',
    prepare: (world) => void world.createSessions(3),
    reached: (_, output) => output().split('\n').length > 3,
  },
  'session-log, waiting for a session': {
    args: 'session-log --config nosuch --until connected --timeout 60',
    prepare() {},
    reached: (_, output) => output().includes('Waiting for a session of nosuch.'),
  },
  'session-acl, reading': silent('session-acl --show --config load-1', 'Get'),
  'session-acl, changing': silent('session-acl --public-access true --config load-1', 'Set'),
  'session-auth, reading': silent('session-auth', 'Get'),
  'session-manage, looking up a name': silent('session-manage --pause --config load-1', 'LookupConfigName'),
  'session-manage, pausing': silent('session-manage --pause --config load-1', 'Pause'),
  'session-manage, disconnecting all': silent('session-manage --disconnect --all --yes', 'Disconnect'),
  'session-manage, resuming': {
    ...silent('session-manage --resume --config load-1', 'Resume'),
    prepare(world) {
      const [path] = world.createSessions(1)
      world.pause(path!)
      world.intercept(({message}) => (message.member === 'Resume' ? 'ignore' : undefined))
    },
  },
  'session-manage, reading the log level': silent('session-manage --log-level --config load-1', 'Get'),
  'session-manage, cleaning up': silent('session-manage --cleanup', 'Get'),
  'session-manage, asking for input': {
    args: 'session-manage --resume --config pass --timeout 20',
    async after(world) {
      const [path] = await world.sessions()
      assert.deepEqual(world.answers(path!), {})
      assert.deepEqual(world.status(path!).slice(0, 2), [2, 4])
    },
    input: 'vpnuser\n',
    async prepare(world) {
      await world.startSession('alice', 'pass', {until: 'new'})
    },
    reached: (_, output) => output().includes('Auth Password:'),
  },
  'session-manage, waiting for a connection': reconnecting(
    'session-manage --restart --config dead --timeout 60',
    // SIGHUP is not a request to disconnect.
    async (world, signal) => assert.equal((await world.sessions()).length, signal === 'SIGHUP' ? 1 : 0),
  ),
  'session-manage, waiting with --keep': reconnecting(
    'session-manage --restart --config dead --wait --keep',
    async (world) => assert.equal((await world.sessions()).length, 1),
  ),
}

const signals = {SIGHUP: 129, SIGINT: 130, SIGQUIT: 131, SIGTERM: 143} as const

describe('signals', () => {
  let world: Simulator
  const run = (args: string, options?: RunOptions) => ovpn3(world, 'alice', args.split(' '), options)

  before(async () => {
    world = await simulator()
  })
  afterEach(() => world.reset())
  after(() => world.close())

  for (const [what, state] of Object.entries(states)) {
    for (const [signal, expected] of Object.entries(signals))
      it(`end a command at once: ${signal}, ${what}`, async () => {
        await state.prepare(world)
        let sent = 0
        const {
          signal: killer,
          status,
          stderr,
          stdout,
        } = await run(state.args, {
          async during(child, output) {
            await until('the command has reached the state', () => state.reached(world, output))
            child.kill(signal as NodeJS.Signals)
            sent = performance.now()
          },
          input: state.input,
          openStdin: true,
        })
        assert.ok(performance.now() - sent < 5000)
        assert.deepEqual([status, killer], [expected, null], stderr)
        assert.doesNotMatch(stdout + stderr, /^ +at /m)
        assert.equal((stdout + stderr).includes('\u001B'), false)
        await state.after?.(world, signal)
      })

    it(`end a command at once when sent twice: ${what}`, async () => {
      await state.prepare(world)
      const {signal, status} = await run(state.args, {
        async during(child, output) {
          await until('the command has reached the state', () => state.reached(world, output))
          child.kill('SIGTERM')
          child.kill('SIGINT')
        },
        input: state.input,
        openStdin: true,
      })
      assert.ok(signal === 'SIGINT' || signal === 'SIGTERM' || status === 143 || status === 130, `${status} ${signal}`)
    })

    it(`suspend and continue a command without side effects: ${what}`, async () => {
      await state.prepare(world)
      const {status, stderr} = await run(state.args, {
        async during(child, output) {
          await until('the command has reached the state', () => state.reached(world, output))
          // Without a shell that could continue it, SIGTSTP does not stop the command. Ctrl-Z on a terminal has its own
          // tests.
          for (const signal of ['SIGSTOP', 'SIGCONT', 'SIGSTOP', 'SIGCONT'] as const) {
            child.kill(signal)
            await (signal === 'SIGSTOP'
              ? until('the process is stopped', () => stateOf(child) === 'T')
              : until('the process runs', () => stateOf(child) !== 'T'))
          }

          child.kill('SIGINT')
        },
        input: state.input,
        openStdin: true,
      })
      assert.equal(status, 130, stderr)
      await state.after?.(world, 'SIGINT')
    })
  }

  it('do not suspend a session leader, as under ssh -t HOST COMMAND, because no shell can continue it', async () => {
    world.createSessions(1)
    const {status} = await run('sessions-list --watch', {
      async during(child, output) {
        await until('the session is listed', () => output().includes('load-1'))
        for (let i = 0; i < 3; i++) {
          child.kill('SIGTSTP')
          await sleep(100)
          assert.notEqual(stateOf(child), 'T')
        }

        child.kill('SIGINT')
      },
      leader: true,
    })
    assert.equal(status, 130)
  })

  it('that nohup ignores are reset to their defaults by Node.js', async () => {
    const script = 'process.stdout.write(require("node:fs").readFileSync("/proc/self/status", "utf8"))'
    const shell = spawn('/bin/sh', ['-c', `trap '' HUP INT QUIT; exec "$0" -e '${script}'`, process.execPath])
    let text = ''
    shell.stdout.on('data', (data: Buffer) => {
      text += data
    })
    await new Promise((resolve) => {
      shell.on('close', resolve)
    })
    const ignored = Number.parseInt(/SigIgn:\t.*(...)$/m.exec(text)![1]!, 16)
    assert.equal(ignored & 0b111, 0)
  })
})

/** A process's state as one letter. */
function stateOf({pid}: ChildProcess): string {
  return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]![0]!
}

/** Commands that end by themselves. */
const ordinary = [
  'sessions-list',
  'sessions-list --format=table',
  'sessions-list --json',
  'session-stats --all',
  'session-stats --format=prometheus',
  'session-acl --show --config load-1',
  'session-auth',
  'session-log --config load-1 --until connected',
  'session-manage --cleanup',
  'session-manage --pause --all --yes',
  'session-manage --log-level=4 --config load-1',
  '--help',
  'session-manage --help',
  '--version',
  'plugins',
] as const

describe('streams', () => {
  let world: Simulator
  /** Runs a command with the given streams. */
  const start = async (args: string, stdio: StdioOptions, begin: (child: ChildProcess) => void = () => {}) => {
    const child = spawn(process.execPath, [cli(), ...args.split(' ')], {...asUser(world, 'alice'), stdio})
    let stderr = ''
    child.stderr?.on('data', (data: Buffer) => {
      stderr += data
    })
    begin(child)
    const [status, signal] = await new Promise<[number | null, string | null]>((resolve) => {
      child.on('close', (...end) => resolve(end))
    })
    return {signal, status, stderr}
  }

  const full = async <T>(use: (fd: number) => Promise<T>) => {
    const fd = openSync('/dev/full', 'w')
    try {
      return await use(fd)
    } finally {
      closeSync(fd)
    }
  }

  before(async () => {
    world = await simulator()
  })
  afterEach(() => world.reset())
  after(() => world.close())

  for (const args of ordinary) {
    it(`ignore a closed stdout and complete the command: ${args}`, async () => {
      world.createSessions(40, {name: (index) => `load-${index + 1}`})
      const {signal, status, stderr} = await start(args, ['ignore', 'pipe', 'pipe'], (child) => child.stdout!.destroy())
      assert.deepEqual([status, signal], [0, null], stderr)
      assert.doesNotMatch(stderr, /EPIPE|^ +at /m)
      if (args.includes('--pause'))
        for (const path of await world.sessions())
          assert.equal(world.status(path)[1], 14, 'all sessions should be paused')
    })

    it(`report a full disk for stdout on one line: ${args}`, async () => {
      world.createSessions(2)
      const {signal, status, stderr} = await full((fd) => start(args, ['ignore', fd, 'pipe']))
      assert.deepEqual([status, signal], [1, null], stderr)
      assert.match(stderr, /^Error: cannot write the output: .*ENOSPC.*$/m)
      assert.doesNotMatch(stderr, /^ +at /m)
      if (args.includes('--pause'))
        for (const path of await world.sessions())
          assert.equal(world.status(path)[1], 14, 'all sessions should be paused')
    })

    it(`ignore a full disk for stderr, and closed streams: ${args}`, async () => {
      world.createSessions(2)
      assert.equal((await full((fd) => start(args, ['ignore', 'ignore', fd]))).status, 0)
      const shell = spawn(
        '/bin/sh',
        ['-c', `exec "$0" "$@" <&- >&- 2>&-`, process.execPath, cli(), ...args.split(' ')],
        {...asUser(world, 'alice'), stdio: 'ignore'},
      )
      const status = await new Promise((resolve) => {
        shell.on('close', resolve)
      })
      assert.equal(status, 0)
    })
  }

  for (const args of [
    'sessions-list --watch',
    'sessions-list --watch --json',
    'session-stats --all --watch=0.2',
    'session-log --all',
  ])
    it(`end a watch on a full disk: ${args}`, async () => {
      world.createSessions(2)
      const {status, stderr} = await full((fd) => start(args, ['ignore', fd, 'pipe']))
      assert.equal(status, 1, stderr)
      assert.match(stderr, /^(Following .*\n)?Error: cannot write the output: .*ENOSPC.*\n$/)
    })

  it('treat an unreadable stdin, as under nohup, as ended', async () => {
    await world.startSession('alice', 'pass', {until: 'new'})
    const fd = openSync('/dev/null', 'w')
    const {status, stderr} = await start('session-manage --resume -c pass --timeout 9', [fd, 'ignore', 'pipe'])
    closeSync(fd)
    assert.equal(status, 8, stderr)
    assert.match(stderr, /input is missing/)
    assert.doesNotMatch(stderr, /^ +at /m)
  })

  it('treat a closed stdin as ended', async () => {
    const path = await world.startSession('alice', 'pass', {until: 'new'})
    const shell = spawn(
      '/bin/sh',
      [
        '-c',
        `exec "$0" "$@" <&-`,
        process.execPath,
        cli(),
        ...'session-manage --resume -c pass --timeout 9'.split(' '),
      ],
      {...asUser(world, 'alice'), stdio: ['ignore', 'ignore', 'pipe']},
    )
    let stderr = ''
    shell.stderr!.on('data', (data: Buffer) => {
      stderr += data
    })
    const status = await new Promise((resolve) => {
      shell.on('close', resolve)
    })
    assert.equal(status, 8, stderr)
    assert.match(stderr, /input is missing: Auth User name \(username\), Auth Password \(password\)/)
    assert.deepEqual(world.answers(path), {})
  })
})

describe('terminal', {skip: skipTerminal()}, () => {
  const stage = terminals()
  const views: Readonly<Record<string, readonly [args: string, shown: RegExp]>> = {
    'a live table': ['sessions-list --watch', /load-3/],
    'live rates': ['session-stats --all --watch=0.2', /load-3/],
    'a picker': ['session-manage --pause', /Which session to pause\?\n +ID .*\n.*load-\d.*\n.*load-\d.*\n.*load-\d/],
    'a confirmation': ['session-manage --disconnect --all', /Disconnect 3 sessions[^?]*\? \(y\/N\)/],
    progress: ['session-manage --restart --config dead --wait --keep', /reconnecting/],
    'a prompt for a secret': ['session-manage --resume --config key --timeout 60', /passphrase:/],
  }

  for (const [what, [args, shown]] of Object.entries(views)) {
    const prepare = async () => {
      stage.world.createSessions(3)
      if (args.includes('dead')) await stage.world.startSession('alice', 'dead', {until: 'started'})
      if (args.includes('key')) await stage.world.startSession('alice', 'key', {until: 'new'})
    }

    it(`belongs to the shell after Ctrl-Z, and to the command after fg: ${what}`, async () => {
      await prepare()
      const tty = await stage.open({jobs: true})
      await tty.type(`ovpn3 ${args}`, 'Enter')
      await tty.shows(shown)
      await tty.type('C-z')
      await tty.shows(/Stopped/)
      await until('the cursor is visible', () => tty.cursorIsVisible())
      await tty.type('echo typed-$((6 * 7))', 'Enter')
      await tty.shows(/^typed-42$/m)
      await tty.type('-R', 'fg', 'Enter')
      await tty.shows(shown)
      await tty.type('C-c')
      // Text typed before the command has ended would go to the command.
      await tty.shows(/>$/)
      await tty.type('echo again-$((6 * 7))', 'Enter')
      await tty.shows(/^again-42$/m)
      assert.equal(await tty.cursorIsVisible(), true)
      assert.equal(stage.world.calls.byMember.has('Disconnect') || stage.world.calls.byMember.has('Pause'), false)
    })

    for (const signal of ['SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGINT'] as const)
      it(`is restored after ${signal}: ${what}`, async () => {
        await prepare()
        const tty = await stage.open()
        await tty.type(`ovpn3 ${args}`, 'Enter')
        await tty.shows(shown)
        await tty.signal(signal)
        await tty.shows(/status 1(29|30|31|43)/)
        await tty.type('echo typed-$((6 * 7))', 'Enter')
        await tty.shows(/^> echo typed-\$\(\(6 \* 7\)\)\ntyped-42$/m)
        assert.equal(await tty.cursorIsVisible(), true)
      })

    it(`can be resized: ${what}`, async () => {
      await prepare()
      const tty = await stage.open()
      await tty.type(`ovpn3 ${args}`, 'Enter')
      await tty.shows(shown)
      for (const [columns, rows] of [
        [40, 8],
        [1, 1],
        [120, 40],
      ] as const)
        await tty.resize(columns, rows)
      // A key press redraws a prompt.
      await tty.type('Right')
      await tty.shows(shown)
      await tty.type('C-c')
      await tty.shows(/status 130/)
      assert.equal(await tty.cursorIsVisible(), true)
    })
  }

  it('belongs to the shell while a live view runs in the background, which is not stopped', async () => {
    stage.world.createSessions(3)
    const folder = mkdtempSync(join(tmpdir(), 'ovpn3-jobs-'))
    chmodSync(folder, 0o777)
    const jobs = join(folder, 'running')
    const tty = await stage.open({jobs: true})
    await tty.type('ovpn3 sessions-list --watch &', 'Enter')
    await tty.shows(/load-3/)
    // The shell gets the input; a background job that reads from the terminal would be stopped.
    await tty.type(`jobs -r > ${jobs}`, 'Enter')
    await until('the shell lists the job', () => existsSync(jobs) && readFileSync(jobs, 'utf8').includes('Running'))
    await tty.type('fg', 'Enter', 'C-c')
    await tty.shows(/>$/)
    rmSync(folder, {recursive: true})
  })

  it('is in line mode again after a second signal has ended a live view at once', async () => {
    stage.world.createSessions(3)
    const tty = await stage.open()
    await tty.type('ovpn3 sessions-list --watch', 'Enter')
    await tty.shows(/load-3/)
    await until('the live view follows the sessions', () => called(stage.world, 'LogForward'))
    stage.world.intercept(() => 'ignore')
    await tty.signal('SIGTERM')
    await tty.signal('SIGTERM')
    await tty.shows(/status 143/)
    await tty.type('echo typed-$((6 * 7))', 'Enter')
    await tty.shows(/^> echo typed-\$\(\(6 \* 7\)\)\ntyped-42$/m)
  })

  it('shows the typed text and the position of the picker again after fg', async () => {
    await stage.world.startSession('alice', 'pass', {until: 'new'})
    const tty = await stage.open({jobs: true})
    const suspend = async (pattern: RegExp) => {
      await tty.shows(pattern)
      await tty.type('C-z')
      await tty.shows(/Stopped/)
      await tty.type('-R', 'fg', 'Enter')
      return tty.shows(pattern)
    }

    await tty.type('ovpn3 session-manage --resume --config pass --timeout 60', 'Enter')
    await tty.shows(/Auth User name:/)
    await tty.type('vpnu')
    await suspend(/Auth User name: vpnu$/m)
    await tty.type('ser', 'Enter')
    await tty.shows(/Auth User name: vpnuser\n.*Auth Password:/)
    await tty.type('C-c')
    await tty.shows(/interrupted[^]*>$/)

    stage.world.createSessions(3)
    await tty.type('-R', 'ovpn3 session-manage --pause', 'Enter')
    await tty.shows(/Which session to pause\?/)
    await tty.type('Down', 'Down')
    const third = /to pause\?\n +ID .*\n {2}.*\n {2}.*\n> .*/
    const before = await tty.shows(third)
    const after = await suspend(third)
    assert.equal(third.exec(after)![0], third.exec(before)![0])
    // The picker has kept its position.
    await tty.type('Escape')
    await tty.shows(/Cancelled/)
    assert.equal(stage.world.calls.byMember.has('Pause'), false)
  })

  it('does not echo a secret that is typed after fg', async () => {
    const path = await stage.world.startSession('alice', 'key', {until: 'new'})
    const tty = await stage.open({jobs: true})
    await tty.type('ovpn3 session-manage --resume --config key --timeout 60', 'Enter')
    await tty.shows(/passphrase:/)
    await tty.type('opens', 'C-z')
    await tty.shows(/Stopped/)
    await tty.type('-R', 'fg', 'Enter')
    await tty.shows(/passphrase/)
    await tty.type('esame', 'Enter')
    const screen = await tty.shows(/key \(\w{8}\): connected/)
    assert.doesNotMatch(screen, /opens|esame/)
    assert.deepEqual(stage.world.answers(path), {pk_passphrase: 'opensesame'})
  })
})
