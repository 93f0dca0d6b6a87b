import {Config, Flags} from '@oclif/core'
import {WatchCommand} from '@ovpn3/kit'
import {Ovpn3Error, type Session} from '@ovpn3/sessions'
import assert from 'node:assert/strict'
import {before, describe, it, mock} from 'node:test'

import {silence} from '../support/fake-session'
import {repository} from '../support/repository'
import {capture} from './capture'

const big = 2n ** 63n

class Count extends WatchCommand<typeof Count, {readonly n: bigint}> {
  static override id = 'count'
  static override flags = {fail: Flags.boolean(), find: Flags.boolean(), hang: Flags.boolean(), watch: Flags.boolean()}

  protected async execute(): Promise<undefined | {readonly n: bigint}> {
    if (this.flags.watch) return this.#watch()
    this.log('counting')
    if (this.flags.find) await (await this.sources()).find({kind: 'all'}, [])
    if (this.flags.hang) {
      await new Promise((resolve) => {
        this.abortSignal.addEventListener('abort', () => setImmediate(resolve))
      })
      this.log('winding down')
      this.notice('winding down')
    }

    return {n: big}
  }

  protected override exitStatus(): number {
    return 3
  }

  protected display({n}: {readonly n: bigint}): void {
    this.log(`counted ${n}`)
    if (this.flags.fail) throw new Ovpn3Error('failed', 'no more paper')
  }

  async #watch(): Promise<undefined> {
    await this.stream<number>(
      {
        draw: () => () => assert.fail('nothing should be drawn without a terminal'),
        json: (n) => (n === 2 ? undefined : {n}),
        print: (n) => this.log(`event ${n}`),
      },
      async (emit, signal) => {
        for (const n of [1, 2, 3]) emit(n)
        if (this.flags.fail) throw new Ovpn3Error('disconnected', 'gone')
        if (!this.flags.hang) return
        await new Promise((resolve) => {
          signal.addEventListener('abort', resolve)
        })
        emit(4)
      },
    )
  }
}

describe('command', () => {
  let config: Config
  before(async () => {
    config = await Config.load(repository)
  })

  async function run(line: string, interrupt = false) {
    const status = process.exitCode
    process.exitCode = undefined
    const command = new Count(line.split(' ').filter(Boolean), config) as Count & {_run(): Promise<unknown>}
    const out = await capture(async () => {
      const running = command._run()
      if (interrupt) setImmediate(() => process.emit('SIGTERM', 'SIGTERM'))
      return running
    })
    const result = {...out, status: Number(process.exitCode ?? 0)}
    process.exitCode = status
    return result
  }

  it('displays its result after its other output', async () => {
    assert.deepEqual(await run(''), {status: 3, stderr: '', stdout: `counting\ncounted ${big}\n`, value: {n: big}})
  })

  it('prints only its result as one document with --json', async () => {
    assert.deepEqual(await run('--json'), {status: 3, stderr: '', stdout: `{\n  "n": ${big}\n}\n`, value: {n: big}})
  })

  it('fails if its result cannot be displayed', async () => {
    const {status, stderr} = await run('--fail')
    assert.deepEqual([status, stderr], [1, 'Error: no more paper\n'])
  })

  it('prints nothing further after an interruption', async () => {
    const interrupted = {status: 143, stderr: 'Error: interrupted\n', stdout: 'counting\n', value: undefined}
    assert.deepEqual(await run('--hang', true), interrupted)
    const {stderr, stdout} = await run('--hang --json', true)
    assert.deepEqual([stderr, Object.keys(JSON.parse(stdout) as object)], ['', ['error']])
  })

  it('exits after an interruption even if a session source does not respond', async () => {
    const source = {close: () => silence<void>(), find: () => silence<readonly Session[]>(), me: 1000, name: 'mute'}
    const successes = [{plugin: config.plugins.get('ovpn3')!, result: source}]
    const runHook = config.runHook.bind(config)
    config.runHook = async (event, ...rest) =>
      event === 'session-resolver' ? ({failures: [], successes} as never) : runHook(event, ...rest)
    const exit = mock.method(process, 'exit', () => {})
    mock.timers.enable({apis: ['setTimeout']})
    try {
      const running = run('--find', true)
      for (let i = 0; i < 20; i++) {
        await new Promise(setImmediate)
        mock.timers.tick(100)
      }

      const {status, stderr} = await running
      assert.equal(status, 143)
      assert.match(stderr, /^Error: interrupted$/m)
      mock.timers.tick(2000)
      assert.equal(exit.mock.callCount(), 1)
    } finally {
      mock.timers.reset()
      mock.restoreAll()
      config = await Config.load(repository)
    }
  })

  it('streams events as lines, or as documents of one line each, until it is interrupted', async () => {
    assert.equal((await run('--watch')).stdout, 'event 1\nevent 2\nevent 3\n')
    assert.deepEqual(await run('--watch --json'), {
      status: 0,
      stderr: '',
      stdout: '{"n":1}\n{"n":3}\n',
      value: undefined,
    })
    const {status, stdout} = await run('--watch --json --hang', true)
    assert.deepEqual([status, stdout], [143, '{"n":1}\n{"n":3}\n{"n":4}\n'])
  })

  it('reports the failure of a stream on a separate line', async () => {
    const {status, stderr, stdout} = await run('--watch --json --fail')
    assert.equal(status, 6)
    assert.equal(stderr, '')
    assert.deepEqual(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
      [{n: 1}, {n: 3}, {error: {code: 'disconnected', message: 'gone'}}],
    )
  })
})
