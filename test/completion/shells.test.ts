import assert from 'node:assert/strict'
import {execFileSync} from 'node:child_process'
import {chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import path from 'node:path'
import {after, before, describe, it} from 'node:test'

import {type Simulator, simulator} from '../simulator/simulator'
import {cli, ovpn3, until} from '../support/cli'
import {skipTerminal, Terminal} from '../support/terminal'

const packaged = '/usr/share/bash-completion/bash_completion'

type Shell = 'bash' | 'fish' | 'zsh'

/** For a test's `skip`: the reason why the shell cannot be tested, or false. Never skips with CI=true. */
function skipShell(shell: Shell): string | false {
  if (skipTerminal()) return skipTerminal()
  if (process.env.CI === 'true') return false
  try {
    execFileSync(shell, ['--version'], {stdio: 'ignore'})
    return false
  } catch {
    return `requires ${shell}`
  }
}

/** Removes a home; retries, because a shell that exits may still write its history. */
const remove = (home: string) => rmSync(home, {force: true, maxRetries: 20, recursive: true})

/** A user's settings: the prompt that the tests wait for, and no greeting or suggestions. */
const settings: Readonly<Record<Shell, readonly [file: string, text: string]>> = {
  bash: ['.bashrc', "PS1='> '\n"],
  fish: [
    '.config/fish/config.fish',
    'function fish_prompt; echo -n "> "; end\nset -g fish_greeting\nset -g fish_autosuggestion_enabled 0\n',
  ],
  zsh: ['.zshrc', "PS1='> '"],
}

const names = [
  'my vpn',
  "it's",
  'say "hi"',
  'Zürich $HOME',
  String.raw`back\slash`,
  'a:b: c',
  'x=y z',
  'home-lab',
  'go!date now',
  'wow!',
]

/** The text typed before Tab, and the expected profile. */
const values: readonly (readonly [typed: string, name: string])[] = [
  ['--config my', 'my vpn'],
  ['--config "my', 'my vpn'],
  ["--config 'my", 'my vpn'],
  ['--config=my', 'my vpn'],
  ['-cmy', 'my vpn'],
  ['-c it', "it's"],
  ["-c 'it", "it's"],
  ['-c say', 'say "hi"'],
  ['-c "say', 'say "hi"'],
  ['-c Zü', 'Zürich $HOME'],
  ['-c "Zü', 'Zürich $HOME'],
  ['--config=back', String.raw`back\slash`],
  ['-c go', 'go!date now'],
  ['-c "go', 'go!date now'],
  ["-c 'go", 'go!date now'],
  ['-c wo', 'wow!'],
  ['-c "wo', 'wow!'],
  ['-c a', 'a:b: c'],
  ['-c a:', 'a:b: c'],
  ['-c x=', 'x=y z'],
  ['--config=x', 'x=y z'],
]

for (const shell of ['bash', 'zsh', 'fish'] as const) {
  describe(`Tab in ${shell}`, {skip: skipShell(shell)}, () => {
    let world: Simulator
    let terminal: Terminal
    let home: string
    let marks = 0
    const sessions = new Map<string, string>()

    const env = () => ({HOME: home, PATH: `${path.join(home, 'bin')}:${process.env.PATH}`, SHELL: `/bin/${shell}`})

    before(async () => {
      world = await simulator()
      home = mkdtempSync(path.join(tmpdir(), `ovpn3-${shell}-`))
      for (const [file, text, mode] of [
        [...settings[shell], 0o644],
        ['bin/ovpn3', `#!/bin/sh\nexec "${process.execPath}" "${cli()}" "$@"\n`, 0o755],
      ] as const) {
        mkdirSync(path.dirname(path.join(home, file)), {recursive: true})
        writeFileSync(path.join(home, file), text, {mode})
      }

      if (world.canBecome) execFileSync('chown', ['-R', String(world.uid('alice')), home])
      for (const [index, session] of world.createSessions(names.length, {name: (i) => names[i]!}).entries())
        sessions.set(names[index]!, session)
      world.pause(sessions.get('home-lab')!)
      for (const changed of [true, false]) {
        const run = await ovpn3(world, 'alice', ['autocomplete', '--install', '--json'], {env: env()})
        assert.equal(run.status, 0, run.stderr + run.stdout)
        assert.equal((JSON.parse(run.stdout) as {changed: boolean}).changed, changed)
      }

      terminal = await Terminal.open(world, 'alice', {columns: 100, env: env(), shell: [shell, '-i']})
    })
    after(async () => {
      await terminal?.close()
      await world?.close()
      remove(home)
    })

    /** Clears the line and the screen. */
    async function clear(): Promise<void> {
      await until(
        'the line is empty',
        async () => {
          // A visible mark means that the shell has processed all earlier input. Ctrl-C would discard the next input.
          const mark = `#${marks++}.`
          await terminal.type(mark)
          await until(`${mark} is shown`, async () => (await terminal.screen()).includes(mark))
          await terminal.type('C-u', 'C-l')
          return terminal.shows(/^>$/, 3000).then(
            () => true,
            () => false,
          )
        },
        20_000,
      )
    }

    /** Types text, presses Tab, and returns the completed line. */
    async function complete(typed: string): Promise<string> {
      await clear()
      // Text typed after Tab appears when the completion has finished.
      await terminal.type(typed, 'Tab', '#')
      const screen = await terminal.shows(/#$/m)
      return /^> (.*)#$/m.exec(screen)![1]!
    }

    /** Retries, because on a busy machine the service may exceed the time limit of a completion. */
    async function completes(typed: string, expected: RegExp | string): Promise<void> {
      let line = ''
      await until(
        () => `${typed} becomes ${expected}; it became ${line}`,
        async () => {
          line = await complete(typed)
          return typeof expected === 'string' ? line === expected : expected.test(line)
        },
        20_000,
      )
    }

    for (const [typed, expected] of [
      ['ovpn3 session-m', 'ovpn3 session-manage '],
      ['ovpn3 help session-ac', 'ovpn3 help session-acl '],
      ['ovpn3 plugins unin', 'ovpn3 plugins uninstall '],
      ['ovpn3 session-manage --pau', 'ovpn3 session-manage --pause '],
      ['ovpn3 session-manage --session-', 'ovpn3 session-manage --session-path '],
      ['ovpn3 session-manage --resume -c ', 'ovpn3 session-manage --resume -c home-lab '],
      ['ovpn3 sessions-list --format=c', 'ovpn3 sessions-list --format=classic '],
      [
        'ovpn3 session-manage --resume --credentials /usr/lo',
        'ovpn3 session-manage --resume --credentials /usr/local/',
      ],
      ['ovpn3 session-manage --credentials=/etc/os-r', 'ovpn3 session-manage --credentials=/etc/os-release '],
      ['ovpn3 session-acl --public-access t', 'ovpn3 session-acl --public-access true '],
      ['ovpn3 sessions-list --filter st', 'ovpn3 sessions-list --filter status='],
      ['ovpn3 sessions-list --filter status=', 'ovpn3 sessions-list --filter status='],
      ['ovpn3 sessions-list --filter status=pause', 'ovpn3 sessions-list --filter status=paused '],
      ['ovpn3 sessions-list --filter=status=pause', 'ovpn3 sessions-list --filter=status=paused '],
      ['ovpn3 sessions-list --filter age=', 'ovpn3 sessions-list --filter age='],
      ['ovpn3 sessions-list --filter config=home', 'ovpn3 sessions-list --filter config=home-lab '],
      ['ovpn3 sessions-list --sort -ag', 'ovpn3 sessions-list --sort -age '],
      ['ovpn3 sessions-list --columns id,co', 'ovpn3 sessions-list --columns id,config '],
      ['ovpn3 autocomplete z', 'ovpn3 autocomplete zsh '],
    ] as const) {
      it(`completes ${typed}`, async () => {
        await completes(typed, expected)
      })
    }

    for (const [typed, name] of values) {
      it(`completes ${typed} to the argument ${name}`, async () => {
        const line = `ovpn3 session-manage --disconnect --dry-run ${typed}`
        await completes(line, new RegExp(`^(?!${line.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`)}$)`))
        await terminal.type('BSpace', 'Enter')
        const screen = await terminal.shows(/would be disconnected|Error/)
        assert.ok(screen.includes(`${name} (${path.basename(sessions.get(name)!).slice(0, 8)}): would be`), screen)
        await terminal.shows(/\n>$/)
      })
    }

    it('completes an ID and a path', async () => {
      const session = sessions.get('my vpn')!
      const id = path.basename(session)
      await completes(`ovpn3 session-stats -o ${id.slice(0, 6)}`, `ovpn3 session-stats -o ${id} `)
      const typed = session.slice(0, -30)
      await completes(`ovpn3 session-stats --path ${typed}`, `ovpn3 session-stats --path ${session} `)
    })

    /** Opens a new shell. */
    async function fresh(
      more: Readonly<Record<string, string>>,
      work: (tty: Terminal) => Promise<void>,
    ): Promise<void> {
      const tty = await Terminal.open(world, 'alice', {
        columns: 100,
        env: {...env(), ...more},
        rows: 60,
        shell: [shell, '-i'],
      })
      try {
        await work(tty)
      } finally {
        await tty.close()
      }
    }

    /** Presses keys until the screen matches. Retries once, because a busy machine may exceed the time limit. */
    async function pressed(tty: Terminal, keys: readonly string[], what: RegExp): Promise<string> {
      await tty.type(...keys)
      return tty.shows(what, 5000).catch(async () => {
        await tty.type(...keys)
        return tty.shows(what)
      })
    }

    // bash lists candidates at the second Tab.
    const list = shell === 'bash' ? ['Tab', 'Tab'] : ['Tab']

    it('lists options with descriptions', () =>
      fresh({}, async (tty) => {
        await tty.type('ovpn3 session-manage -', ...list)
        // zsh asks before it lists a hundred lines.
        if ((await tty.shows(/Pause a session|do you wish to see/)).includes('do you wish')) await tty.type('y')
        const screen = await tty.shows(/Pause a session[^]*--yes/)
        for (const option of [/--pause/, /-P\b/, /--interface/, /Select a session by its network interface/])
          assert.match(screen, option)
      }))

    it('lists values with descriptions', () =>
      fresh({}, async (tty) => {
        await tty.type('ovpn3 session-manage -P -c ')
        const screen = await pressed(tty, list, /connected/)
        assert.match(screen, /my.* vpn/)
        assert.doesNotMatch(screen, /home-lab/)
      }))

    it('offers nothing without the service', () =>
      fresh({DBUS_SYSTEM_BUS_ADDRESS: 'unix:path=/nowhere'}, async (tty) => {
        await tty.type('ovpn3 session-manage --config ', 'Tab', '#')
        assert.equal(await tty.shows(/#$/m), '> ovpn3 session-manage --config #')
      }))

    it('offers nothing if ovpn3 is not installed', () =>
      fresh({PATH: process.env.PATH!}, async (tty) => {
        await tty.type('ovpn3 session-m', 'Tab', '#')
        assert.equal(await tty.shows(/#$/m), '> ovpn3 session-m#')
      }))

    if (shell === 'bash')
      it(
        'works with the package bash-completion',
        {skip: existsSync(packaged) ? false : 'requires bash-completion'},
        async () => {
          const other = mkdtempSync(path.join(tmpdir(), 'ovpn3-bash-'))
          try {
            chmodSync(other, 0o755)
            if (world.canBecome) chownSync(other, world.uid('alice'), world.uid('alice'))
            writeFileSync(path.join(other, '.bashrc'), `. ${packaged}\nPS1='> '\n`)
            const home = {HOME: other}
            const run = await ovpn3(world, 'alice', ['autocomplete', '--install', 'bash', '--json'], {env: home})
            assert.equal((JSON.parse(run.stdout) as {startFile: unknown}).startFile, null)
            await fresh(home, async (tty) => {
              await tty.type('ovpn3 session-manage --resume -c ')
              await pressed(tty, ['Tab'], /^> ovpn3 session-manage --resume -c home-lab$/)
            })
          } finally {
            remove(other)
          }
        },
      )
  })
}
