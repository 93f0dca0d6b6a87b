import {Config, Flags} from '@oclif/core'
import {WatchCommand} from '@ovpn3/kit'
import {Ovpn3Error} from '@ovpn3/sessions'
import assert from 'node:assert/strict'
import {before, describe, it} from 'node:test'

import {repository} from '../support/repository'
import {capture} from './capture'

const big = 2n ** 63n

class Count extends WatchCommand<typeof Count, {readonly n: bigint}> {
  static override id = 'count'
  static override flags = {fail: Flags.boolean(), hang: Flags.boolean(), watch: Flags.boolean()}

  protected async execute(): Promise<undefined | {readonly n: bigint}> {
    if (this.flags.watch) return this.#watch()
    this.log('counting')
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
        draw: () => () => assert.fail('there is no terminal'),
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

describe('a command', () => {
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

  it('displays its result, after what it has said while it worked', async () => {
    assert.deepEqual(await run(''), {status: 3, stderr: '', stdout: `counting\ncounted ${big}\n`, value: {n: big}})
  })

  it('prints its result as one document, and nothing beside it', async () => {
    assert.deepEqual(await run('--json'), {status: 3, stderr: '', stdout: `{\n  "n": ${big}\n}\n`, value: {n: big}})
  })

  it('whose result cannot be displayed fails', async () => {
    const {status, stderr} = await run('--fail')
    assert.deepEqual([status, stderr], [1, 'Error: no more paper\n'])
  })

  it('that was interrupted says no more than that', async () => {
    const interrupted = {status: 143, stderr: 'Error: interrupted\n', stdout: 'counting\n', value: undefined}
    assert.deepEqual(await run('--hang', true), interrupted)
    const {stderr, stdout} = await run('--hang --json', true)
    assert.deepEqual([stderr, Object.keys(JSON.parse(stdout) as object)], ['', ['error']])
  })

  it('streams events: lines, or documents of a line each, until it is interrupted', async () => {
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

  it('whose stream fails says so in a line of its own', async () => {
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
