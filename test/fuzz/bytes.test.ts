import * as fc from 'fast-check'
import assert from 'node:assert/strict'
import {spawn} from 'node:child_process'
import {after, before, describe, it} from 'node:test'

import {type Simulator, simulator, userPassword} from '../simulator/simulator'
import {asUser, cli, ovpn3, type RunOptions, until} from '../support/cli'
import {seed} from '../support/seed'
import {controls, longText, ownColors} from './arbitrary'

/** The commands' own cursor movements, and line ends as a terminal converts them. */
// eslint-disable-next-line no-control-regex
const drawing = /\u001B\[(?:\d*[ABCDGJK]|\?25[hl]|\?2026[hl])|\r+(?=\n)/g

describe(`output for sessions with arbitrary names (seed ${seed})`, () => {
  const names = fc.sample(longText.filter(Boolean), {numRuns: 60, seed})
  let world: Simulator
  let paths: string[]
  const run = (args: string, options: RunOptions = {}) => ovpn3(world, 'alice', args.split(' '), options)
  const check = (text: string) =>
    assert.doesNotMatch(text.replaceAll(ownColors, ''), controls, `seed ${seed}\n${JSON.stringify(text)}`)

  before(async () => {
    world = await simulator()
    paths = world.createSessions(names.length, {name: (index) => names[index]!})
    for (const [i, path] of paths.entries()) {
      world.setStatus(path, [2, i % 30, names[(i + 1) % names.length]!])
      world.setDevice(path, i === 0 ? '\u001B[2Jtun\n0' : `tun${i}`)
      world.setStatistics(path, {[`${names[i]!}_X`]: i + 1, BYTES_IN: 2n ** 63n - 1n})
    }
  })
  after(() => world.close())

  for (const args of [
    'sessions-list',
    'sessions-list --format=table',
    'sessions-list --format=table --columns id,config,profile,message,status,server --sort message',
    'sessions-list --json',
    'session-stats --all',
    'session-stats --all --json',
    'session-stats --format=prometheus',
    'session-manage --cleanup --dry-run',
    'session-manage --cleanup',
    'session-manage --pause --all --yes',
    'session-manage --pause --all',
    'session-manage --log-level --path 0000',
    'session-log --interface tun99',
  ])
    for (const env of [{}, {FORCE_COLOR: '1'}] as Record<string, string>[])
      it(`contains no control characters: ${args}${env.FORCE_COLOR ? ' (with colours)' : ''}`, async () => {
        const {status, stderr, stdout} = await run(args, {env})
        assert.notEqual(status, null)
        check(stdout)
        check(stderr)
        assert.doesNotMatch(stderr, /^ +at /m)
      })

  it('contains no control characters in the debug trace', async () => {
    const {stderr} = await run('sessions-list', {env: {DEBUG: 'ovpn3:*'}})
    check(stderr)
    assert.match(stderr, /config_name/)
  })

  it('contains no control characters in the candidates for an ambiguous name', async () => {
    const [, , ambiguous] = names
    const [twin] = world.createSessions(1, {name: () => ambiguous!})
    const {status, stderr} = await ovpn3(world, 'alice', ['session-acl', '--show', '--config', ambiguous!])
    assert.equal(status, 4)
    check(stderr)
    await world.killBackend(twin!)
    await run('session-manage --cleanup --json')
  })

  it('contains no control characters in a watch view, with and without --json', async () => {
    for (const more of ['', ' --json']) {
      const {stdout, stderr} = await run(`sessions-list --watch${more}`, {
        async during(child, output) {
          await until('all sessions are shown', () => output().split('\n').length > names.length)
          child.kill('SIGINT')
        },
      })
      check(stdout)
      check(stderr)
    }
  })

  it("contains no control characters in a server's challenges", async () => {
    for (const [i, question] of names.slice(0, 5).entries()) {
      world.addProfile('alice', `ask-${i}`, {...userPassword('a', 'b'), challenge: {answer: 'c', question}})
      await world.startProfile('alice', `ask-${i}`, {until: 'new'})
      const {status, stderr} = await run(`session-manage --resume --config ask-${i} --timeout 10`, {input: 'a\nb\n'})
      assert.equal(status, 8)
      check(stderr)
    }
  })

  for (const args of [
    'sessions-list',
    'sessions-list --watch',
    'session-stats --all --watch=0.2',
    'session-manage --cleanup',
  ])
    it(`contains no control characters on a terminal: ${args}`, async () => {
      const watches = args.includes('--watch')
      const alice = asUser(world, 'alice')
      const child = spawn(
        'script',
        ['-qec', `stty cols 100 rows 30; exec "${process.execPath}" "${cli()}" ${args}`, '/dev/null'],
        {
          ...alice,
          env: {...alice.env, TERM: 'xterm-256color'},
          stdio: ['pipe', 'pipe', 'inherit'],
        },
      )
      let output = ''
      child.stdout.setEncoding('utf8').on('data', (data: string) => {
        output += data
      })
      if (watches) {
        await until('the header is shown', () => output.includes('CONFIG'), 20_000)
        child.stdin.write('\u0003')
      }

      await new Promise((resolve) => {
        child.on('close', resolve)
      })
      // The terminal echoes Ctrl-C as ^C.
      const text = output.replaceAll('^C', '').replaceAll(drawing, '')
      assert.ok(text.length > 100, text)
      check(text)
    })

  it('keeps every name unchanged in JSON', async () => {
    const {stdout} = await run('sessions-list --json --columns config')
    const listed = (JSON.parse(stdout) as {sessions: {config: string; path: string}[]}).sessions
    const byPath = new Map(listed.map(({config, path}) => [path, config]))
    for (const [i, path] of paths.entries()) assert.equal(byPath.get(path), names[i])
  })
})
