import type {Command} from '@oclif/core'

import {Config} from '@oclif/core/config'
import assert from 'node:assert/strict'
import {readdirSync, readFileSync} from 'node:fs'
import path from 'node:path'
import {after, before, describe, it} from 'node:test'

import {demo} from './simulator/demo'
import {type Simulator, simulator} from './simulator/simulator'
import {ovpn3Shared, userFile} from './support/cli'
import {runsIn, runsInMarkdown, withValues} from './support/command-lines'
import {filesWithOutput} from './support/documents'
import {repository} from './support/repository'

const read = (file: string) => readFileSync(path.join(repository, file), 'utf8')

/** The texts of the project that a person reads; build results and dependencies are not among them. */
const files = readdirSync(repository, {withFileTypes: true})
  .filter(({name}) => !['.git', 'build', 'dist', 'node_modules', 'release'].includes(name))
  .flatMap((entry) => (entry.isDirectory() ? filesBelow(entry.name) : [entry.name]))
const markdownFiles = files.filter((file) => file.endsWith('.md')).sort()
const units = files.filter((file) => file.startsWith('packaging/') && file.endsWith('.service')).sort()

function filesBelow(folder: string): string[] {
  return readdirSync(path.join(repository, folder), {withFileTypes: true}).flatMap((entry) => {
    const name = `${folder}/${entry.name}`
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : filesBelow(name)
    return [name]
  })
}

/** A text without the changes of older releases, whose command lines were right then. */
const current = (file: string) =>
  file === 'CHANGELOG.md' ? read(file).split(/^## /m).slice(0, 2).join('') : read(file)

/** The command of the plugin that docs/plugins.md describes; test/plugins/guide.test.ts runs it. */
const ofGuide = 'session-uptime'

/** Options of a command that keep it running, or have it change more than a session of the simulator. */
const notRun = new Set(['--foreground', '--install', '--watch', '-w'])
/** Commands that end by themselves and change nothing, and those that do so with --dry-run. */
const harmless = new Set(['plugins', 'session-stats', 'sessions-list', 'autocomplete'])
const withDryRun = new Set(['session-acl', 'session-manage', 'pause', 'resume', 'restart', 'disconnect', 'cleanup'])

describe('command lines of the documentation', () => {
  let config: Config
  let world: Simulator
  let home: string

  before(async () => {
    config = await Config.load(repository)
    world = await simulator()
    await demo(world)
    home = path.dirname(userFile(world, 'alice', '.office', 'demo\ndemo\n'))
  })
  after(() => world.close())

  interface Found {
    readonly args: readonly string[]
    readonly command: Command.Loadable
  }

  /** The command that a line runs: the one with the longest name. */
  function commandOf(words: readonly string[]): Found | undefined {
    const end = words.findIndex((word) => word.startsWith('-'))
    const most = end === -1 ? words.length : end
    const length = Array.from({length: most}, (_, i) => most - i).find((n) =>
      config.findCommand(words.slice(0, n).join(':')),
    )
    return length === undefined
      ? undefined
      : {args: words.slice(length), command: config.findCommand(words.slice(0, length).join(':'))!}
  }

  /** What the command itself says of its arguments, without being run; undefined if it accepts them. */
  async function refusal({args, command}: Found): Promise<string | undefined> {
    const Loaded = (await command.load()) as unknown as new (
      argv: string[],
      config: Config,
    ) => {run(): Promise<unknown>}
    let said: string | undefined
    class ParseOnly extends Loaded {
      static id = command.id

      async execute(): Promise<void> {}

      logJson(document: {error?: {message: string}}): void {
        said = document.error?.message
      }

      noticeError(text: string): void {
        said = text
      }
    }
    const {exitCode} = process
    // oclif's entry point: it calls run, and catch for an error
    const checked = new ParseOnly([...args], config) as unknown as {_run(): Promise<unknown>}
    await checked._run().catch((error: Error) => {
      said = error.message
    })
    process.exitCode = exitCode
    return said
  }

  /** Why a command line is wrong; undefined if it is right. */
  async function fault(line: readonly string[]): Promise<string | undefined> {
    const words = withValues(line)
    const [first = ''] = words
    // ovpn3 alone is its name, and before others the name of a package
    if (words.length === 0 || first === ofGuide || first.startsWith('@ovpn3/')) return undefined
    if (first === '--complete') return /^(?:ba|z|fi)sh$/.test(words[1] ?? '') ? undefined : 'unknown shell'
    if (['--help', '--version', '-h', '-V', '-v', 'version'].includes(first)) {
      const unknown = words.slice(1).find((word) => !['--json', '--verbose'].includes(word))
      return unknown && `unknown option: ${unknown}`
    }

    if (first === 'help') return words.length === 1 || commandOf(words.slice(1)) ? undefined : 'unknown command'
    const found = commandOf(words)
    if (!found) return `unknown command: ${words.join(' ')}`
    const args = found.args.filter((word) => word !== '--help' && word !== '-h')
    // the name of a command alone may be only a mention of it
    if (args.length === 0) return undefined
    const refused = await refusal({...found, args})
    return refused ?? (args.length === found.args.length ? usageError(found.command.id, words) : undefined)
  }

  /** The usage error of a command line on the simulator; undefined without one, and for lines that are not run. */
  async function usageError(id: string, words: readonly string[]): Promise<string | undefined> {
    const run = harmless.has(id) ? words : withDryRun.has(id) ? [...words, '--dry-run'] : []
    if (run.length === 0 || run.some((word) => notRun.has(word.replace(/=.*/, '')))) return undefined
    const typed = run.map((word) =>
      word === 'bob' || word === 'carol' ? world.accountName(word) : word.replace(/^~(?=\/)/, home),
    )
    const {status, stderr} = await ovpn3Shared(world, 'alice', typed)
    // on a terminal, a session can be picked instead
    return status === 2 && !stderr.startsWith('Error: no session selected\n') ? stderr : undefined
  }

  async function faults(lines: readonly (readonly string[])[]): Promise<string[]> {
    const wrong: string[] = []
    for (const line of lines) {
      const why = await fault(line)
      if (why !== undefined) wrong.push(`ovpn3 ${line.join(' ')}: ${why}`)
    }

    return wrong
  }

  for (const file of markdownFiles)
    it(`are accepted: ${file}`, async () => assert.deepEqual(await faults(runsInMarkdown(current(file))), []))

  for (const file of units)
    it(`are accepted: ${file}`, async () => {
      const runs = runsIn(read(file))
      assert.ok(runs.length > 0)
      assert.deepEqual(await faults(runs), [])
    })

  it('are accepted: examples in help', async () => {
    const lines = config.commands
      .filter(({id}) => id !== 'help')
      .flatMap(({aliases, examples = [], id}) =>
        [id, ...aliases].flatMap((name) => {
          assert.ok(examples.length > 0, `no examples: ${id}`)
          return examples.flatMap((example) => {
            assert.ok(typeof example === 'object')
            return runsIn(
              example.command
                .replaceAll('<%= config.bin %>', config.bin)
                .replaceAll('<%= command.id %>', name.replaceAll(':', ' ')),
            )
          })
        }),
      )
    assert.ok(lines.length > 40)
    assert.deepEqual(await faults(lines), [])
  })

  it('are accepted: the help of ovpn3', async () => {
    const {stdout} = await ovpn3Shared(world, 'alice', ['help'])
    const lines = [...stdout.matchAll(/^ {2}(ovpn3 .+?)(?: {2,}|$)/gm)].flatMap(([, line = '']) => runsIn(line))
    assert.ok(lines.length >= 5)
    assert.deepEqual(await faults(lines), [])
  })

  it('are run by another test where their output is shown', () => {
    const shown = markdownFiles.filter((file) => /^```console$/m.test(read(file)))
    assert.deepEqual(shown, [...filesWithOutput, 'docs/plugins.md'].sort())
  })

  it('fail with a misspelt option, argument or command, wherever they are', async () => {
    const markdown = [
      '```sh',
      'if ! FOO=1 ovpn3 pause office --quite; then echo "$(ovpn3 list --colums id)"; fi',
      'cat file | ovpn3 session-start office \\',
      '  --creds - >out 2>&1  # ovpn3 --nothing',
      '```',
      '```ini',
      'ExecStart=/usr/bin/ovpn3 session-start --foreground --confg=%i',
      '```',
      'Run `ovpn3 session-manage --puase office`, `openvpn3 log --nosuch`, `ovpn3 log` or `ovpn3 stats office home-lab`.',
      '',
      '| Task  | Command                                  |',
      '| ----- | ---------------------------------------- |',
      '| watch | `ovpn3 stats tun0 --wacth \\| cat`        |',
      '| stop  | `ovpn3 disconect office`                 |',
      '| wait  | `ovpn3 resume office --timeout --keep`   |',
      "| both  | `ovpn3 sessions-list --sort 'nosuch'`    |",
      '| right | `ovpn3 resume SESSION --timeout=SECS …`  |',
    ].join('\n')
    const wrong = await faults(runsInMarkdown(markdown))
    assert.deepEqual(
      wrong.map((line) => line.split('\n', 1)[0]),
      [
        'ovpn3 pause office --quite: Error: unknown option: --quite',
        'ovpn3 session-start office --creds -: Error: unknown option: --creds',
        'ovpn3 list --colums id: Error: unknown option: --colums',
        'ovpn3 session-start --foreground --confg=%i: Error: unknown option: --confg=office',
        'ovpn3 session-manage --puase office: Error: unknown option: --puase',
        'ovpn3 stats office home-lab: Error: unexpected argument: home-lab',
        'ovpn3 stats tun0 --wacth: Error: unknown option: --wacth',
        'ovpn3 disconect office: unknown command: disconect office',
        'ovpn3 resume office --timeout --keep: Error: option --timeout requires a value',
        'ovpn3 sessions-list --sort nosuch: Error: --sort: unknown column nosuch',
      ],
    )
    await assert.rejects(faults([['start', 'PROFIL']]), /unknown placeholder: PROFIL/)
  })
})
