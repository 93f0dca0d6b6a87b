import {Interruption, Ovpn3Error, safeText} from '@ovpn3/sessions'
import {Writable} from 'node:stream'

import {picker, type Rows} from './picker'
import {stdinLine} from './stdin'
import {isInteractive} from './terminal'

/** Asks a yes-or-no question on the terminal. @param byDefault the answer of the Enter key */
export async function confirm(message: string, signal: AbortSignal, byDefault = false): Promise<boolean> {
  const {default: prompt} = await import('@inquirer/confirm')
  return onTerminal((context) => prompt({default: byDefault, message}, context), signal)
}

/** Lets the user pick one of several rows on the terminal; Esc interrupts. */
export async function pick<T>(message: string, rows: Rows<T>, signal: AbortSignal): Promise<T> {
  const prompt = await picker<T>()
  return onTerminal((context) => prompt({message, ...rows}, context), signal, 'escape')
}

export interface Question {
  readonly text: string
  /** What is typed must not be seen. */
  readonly hidden: boolean
}

export interface AskOptions {
  /** Shows each question whose answer is read from stdin, for a program that waits for it. */
  readonly prompts?: Writable
}

/**
 * Asks all the questions: on a terminal one by one, else by reading one line of stdin for each.
 * @returns the answers, fewer than there are questions where stdin ends before the last
 * @throws Ovpn3Error `input-missing` where one cannot be an answer
 */
export async function ask(
  questions: readonly Question[],
  signal: AbortSignal,
  {prompts}: AskOptions = {},
): Promise<string[]> {
  const answers: string[] = []
  for (const question of questions) {
    const {hidden, text} = question
    const answer = isInteractive()
      ? await askOnTerminal(safeText(text), hidden, signal)
      : await askOnStdin(question, signal, prompts)
    if (answer === undefined) break
    if (answer === '') throw new Ovpn3Error('input-missing', `"${safeText(text)}" cannot be empty`)
    // the bus would close the connection
    if (answer.includes('\0'))
      throw new Ovpn3Error('input-missing', `"${safeText(text)}" cannot contain a NUL character`)
    answers.push(answer)
  }

  return answers
}

async function askOnTerminal(question: string, hidden: boolean, signal: AbortSignal): Promise<string> {
  const message = `${question}:`
  if (hidden) {
    const {default: prompt} = await import('@inquirer/password')
    return onTerminal((context) => prompt({mask: false, message, validate: isAnswer}, context), signal)
  }

  const {default: prompt} = await import('@inquirer/input')
  return onTerminal((context) => prompt({message, validate: isAnswer}, context), signal)
}

/**
 * Undefined after the last line of stdin. A terminal that cannot be asked on has none: what is typed there would be
 * seen. The prompts are those of openvpn3, which end a line only after a hidden answer.
 */
async function askOnStdin(
  {hidden, text}: Question,
  signal: AbortSignal,
  prompts: undefined | Writable,
): Promise<string | undefined> {
  if (process.stdin.isTTY) return undefined
  prompts?.write(`${safeText(text)}: `)
  let answer: string | undefined
  try {
    answer = await stdinLine(signal)
    return answer
  } finally {
    if (hidden || answer === undefined) prompts?.write('\n')
  }
}

/** The service takes no empty values. */
const isAnswer = (text: string) => text !== '' || 'An answer is required'

// eslint-disable-next-line no-control-regex
const cursorMove = /^\u001B\[\d+G$/
/** What a question draws before itself, to draw over what it was before. */
// eslint-disable-next-line no-control-regex
const erasure = /^(?:\u001B\[(?:\d*[ABG]|2K))+/

const eraseBelow = '\u001B[J'

/** Where a question is drawn: stderr, since results go to stdout. It knows what was drawn last. */
class Canvas extends Writable {
  readonly isTTY = true
  #cursor = ''
  #question = ''

  constructor() {
    super({decodeStrings: false})
  }

  get columns(): number {
    return process.stderr.columns
  }

  get rows(): number {
    return process.stderr.rows
  }

  drawAnew(): void {
    process.stderr.write(this.#question + this.#cursor)
  }

  override _write(text: string, _: string, done: () => void): void {
    if (cursorMove.test(text)) this.#cursor = text
    else {
      this.#question = text.replace(erasure, '')
      this.#cursor = ''
    }

    process.stderr.write(text, done)
  }
}

interface PromptContext {
  readonly output: Writable
  readonly signal: AbortSignal
}

/** @param leave the name of a key that interrupts, besides Ctrl-C and Ctrl-D */
async function onTerminal<T>(
  prompt: (context: PromptContext) => Promise<T> & {cancel(): void},
  signal: AbortSignal,
  leave?: string,
): Promise<T> {
  const output = new Canvas()
  const answer = prompt({output, signal})
  // Ctrl-D closes Node's readline unnoticed by the question, and the terminal would then show what is typed
  const onKey = (_: unknown, key?: {ctrl?: boolean; name?: string}) => {
    if (key?.name && (key.name === leave || (key.ctrl && key.name === 'd' && !process.stdin.isRaw))) answer.cancel()
  }

  // the shell would write over what is drawn below the question
  const onSuspend = (_: unknown, key?: {ctrl?: boolean; name?: string}) => {
    if (key?.ctrl && key.name === 'z') process.stderr.write(eraseBelow)
  }

  // after a Ctrl-Z, Node's readline leaves stdin paused, and the question is somewhere above
  const goOn = () =>
    setImmediate(() => {
      output.drawAnew()
      process.stdin.resume()
    })
  process.on('SIGCONT', goOn)
  process.stdin.prependListener('keypress', onSuspend)
  process.stdin.on('keypress', onKey)
  try {
    return await answer
  } catch (error) {
    const name = error instanceof Error ? error.name : ''
    if (['AbortPromptError', 'CancelPromptError', 'ExitPromptError'].includes(name)) throw new Interruption()
    throw error
  } finally {
    process.stdin.off('keypress', onSuspend)
    process.stdin.off('keypress', onKey)
    process.off('SIGCONT', goOn)
  }
}
