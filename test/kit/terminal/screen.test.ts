import assert from 'node:assert/strict'
import {afterEach, describe, it} from 'node:test'

import {Screen} from '../../../packages/kit/dist/terminal/screen'
import {capture} from '../capture'

describe('screen', () => {
  const screen = new Screen(() => false)
  const streams = [process.stdin, process.stderr]
  const before = streams.map(({isTTY}) => isTTY)
  const {TERM} = process.env
  const setTerminal = (are: readonly boolean[]) => {
    for (const [i, stream] of streams.entries()) stream.isTTY = are[i]!
  }

  afterEach(() => {
    setTerminal(before)
    if (TERM === undefined) delete process.env.TERM
    else process.env.TERM = TERM
  })

  /** The output on stderr after a notice during a prompt. */
  async function asked(terminal: boolean): Promise<string> {
    setTerminal([terminal, terminal])
    process.env.TERM = 'xterm'
    const {stderr, value} = await capture(() =>
      screen.ask(async () => {
        screen.notice('news')
        process.stderr.write('question? ')
        return 'answer'
      }),
    )
    assert.equal(value, 'answer')
    return stderr
  }

  it('holds notices back during a prompt on a terminal', async () => {
    assert.equal(await asked(true), 'question? news\n')
  })

  it('prints notices on stderr at once without a terminal', async () => {
    assert.equal(await asked(false), 'news\nquestion? ')
  })

  it('prints nothing while it is muted, and prints again after the muted work has failed', async () => {
    const {stderr, stdout} = await capture(async () => {
      const winding = screen.mute(async () => {
        screen.notice('late')
        screen.print('late')
        throw new Error('failed')
      })
      await assert.rejects(winding, /failed/)
      screen.notice('news')
    })
    assert.deepEqual([stderr, stdout], ['news\n', ''])
  })

  it('runs hidden tasks and returns their values', async () => {
    const task = (value: number) => ({run: async () => ({value}), title: 'a task'})
    setTerminal([true, true])
    const quiet = new Screen(() => true)
    const {stderr, value} = await capture(() => quiet.runTasks('several', [task(1), task(2)]))
    assert.deepEqual([stderr, value], ['', [1, 2]])
  })

  it('asks one question at a time', async () => {
    setTerminal([true, true])
    const log: string[] = []
    const asking = new Screen(() => false)
    const question = (name: string) =>
      asking.ask(async () => {
        log.push(`+${name}`)
        await new Promise(setImmediate)
        log.push(`-${name}`)
        if (name === 'b') throw new Error('cancelled')
        return name
      })
    const answers = await Promise.allSettled([question('a'), question('b'), question('c')])
    assert.deepEqual(
      answers.map(({status}) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
    assert.deepEqual(log, ['+a', '-a', '+b', '-b', '+c', '-c'])
  })

  const steps = 'Resuming office\nResuming office: connecting\n'
  for (const [how, isVerbose, isTerminal, lines] of [
    ['prints nothing about tasks without a terminal', false, false, ''],
    ['prints each step of a task once if it is verbose', true, false, steps],
    ['prints each step of a task on a dumb terminal', false, true, steps],
  ] as const)
    it(how, async () => {
      setTerminal([isTerminal, isTerminal])
      process.env.TERM = 'dumb'
      const plain = new Screen(() => false)
      plain.isVerbose = isVerbose
      const run = async (progress: (text: string) => void) => {
        progress('connecting')
        progress('connecting')
        return {failure: 'refused', value: 1}
      }

      const {stderr, value} = await capture(() => plain.runTasks('several', [{run, title: 'Resuming office'}]))
      assert.deepEqual([stderr, value], [lines, [1]], 'the result says the failure')
    })
})
