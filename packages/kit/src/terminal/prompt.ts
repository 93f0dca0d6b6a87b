import {Cancellation, Interruption, Ovpn3Error, safeText} from '@ovpn3/sessions'
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
  return onTerminal((context) => prompt({message, ...rows}, context), signal, {
    clearsOnResize: true,
    cancelKey: 'escape',
  })
}

export interface Question {
  readonly text: string
  /** The answer must not be echoed. */
  readonly hidden: boolean
  /** The answer may be empty. */
  readonly optional?: boolean
}

export interface AskOptions {
  /** Receives each question whose answer is read from stdin, for a program that waits for it. */
  readonly prompts?: Writable
}

/**
 * Asks all questions: one by one on a terminal, otherwise by reading one line of stdin for each.
 * @returns the answers, fewer than the questions if stdin ends early
 * @throws Ovpn3Error `input-missing` if an answer is empty or invalid
 */
export async function ask(
  questions: readonly Question[],
  signal: AbortSignal,
  {prompts}: AskOptions = {},
): Promise<string[]> {
  const answers: string[] = []
  for (const question of questions) {
    const {optional, text} = question
    const answer = isInteractive() ? await askOnTerminal(question, signal) : await askOnStdin(question, signal, prompts)
    if (answer === undefined) break
    if (answer === '' && !optional) throw new Ovpn3Error('input-missing', `"${safeText(text)}" cannot be empty`)
    // the bus closes the connection on a NUL character
    if (answer.includes('\0'))
      throw new Ovpn3Error('input-missing', `"${safeText(text)}" cannot contain a NUL character`)
    answers.push(answer)
  }

  return answers
}

async function askOnTerminal({hidden, optional, text}: Question, signal: AbortSignal): Promise<string> {
  const message = `${safeText(text)}:`
  const validate = optional ? () => true : isAnswer
  if (hidden) {
    const {default: prompt} = await import('@inquirer/password')
    return onTerminal((context) => prompt({mask: false, message, validate}, context), signal)
  }

  const {default: prompt} = await import('@inquirer/input')
  return onTerminal((context) => prompt({message, validate}, context), signal)
}

/**
 * Undefined after the last line of stdin, and for a terminal without prompts, because the terminal would echo the
 * answer. The prompts are those of openvpn3, which end a line only after a hidden answer.
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

/** The service rejects empty values. */
const isAnswer = (text: string) => text !== '' || 'An answer is required'

// eslint-disable-next-line no-control-regex
const cursorMove = /^\u001B\[\d+G$/
/** The sequences with which a question erases its previous state. */
// eslint-disable-next-line no-control-regex
const erasure = /^(?:\u001B\[(?:\d*[ABG]|2K))+/

const eraseBelow = '\u001B[J'
const clearScreen = '\u001B[H\u001B[2J'

/** Draws a question on stderr, because results go to stdout. Keeps the last drawing for `redraw`. */
class Canvas extends Writable {
  readonly isTTY = true
  #cursor = ''
  #question = ''
  #size = ''

  /** @param clearsOnResize whether a resize clears the screen, for questions of several lines */
  constructor(readonly clearsOnResize: boolean) {
    super({decodeStrings: false})
  }

  get columns(): number {
    return process.stderr.columns
  }

  get rows(): number {
    return process.stderr.rows
  }

  redraw(): void {
    process.stderr.write(this.#question + this.#cursor)
  }

  override _write(text: string, _: string, done: () => void): void {
    if (cursorMove.test(text)) {
      this.#cursor = text
      process.stderr.write(text, done)
      return
    }

    const size = `${this.columns} ${this.rows}`
    // the terminal has wrapped and scrolled the last drawing: where its lines are is unknown
    const isMoved = this.clearsOnResize && this.#size !== '' && size !== this.#size
    this.#size = size
    this.#question = text.replace(erasure, '')
    this.#cursor = ''
    process.stderr.write(isMoved ? clearScreen + this.#question : text, done)
  }
}

interface PromptContext {
  readonly output: Writable
  readonly signal: AbortSignal
}

interface TerminalOptions {
  readonly clearsOnResize?: boolean
  /** The name of another key that interrupts, besides Ctrl-C and Ctrl-D. */
  readonly cancelKey?: string
}

async function onTerminal<T>(
  prompt: (context: PromptContext) => Promise<T> & {cancel(): void},
  signal: AbortSignal,
  {clearsOnResize = false, cancelKey}: TerminalOptions = {},
): Promise<T> {
  const output = new Canvas(clearsOnResize)
  const answer = prompt({output, signal})
  // Ctrl-D closes Node's readline without the question noticing, and the terminal would then echo the input
  const onKey = (_: unknown, key?: {ctrl?: boolean; name?: string}) => {
    if (key?.name && (key.name === cancelKey || (key.ctrl && key.name === 'd' && !process.stdin.isRaw))) answer.cancel()
  }

  // the shell would overwrite the lines below the question
  const onSuspend = (_: unknown, key?: {ctrl?: boolean; name?: string}) => {
    if (key?.ctrl && key.name === 'z') process.stderr.write(eraseBelow)
  }

  // after Ctrl-Z, Node's readline leaves stdin paused, and the question has scrolled up
  const resume = () =>
    setImmediate(() => {
      output.redraw()
      process.stdin.resume()
    })
  process.on('SIGCONT', resume)
  process.stdin.prependListener('keypress', onSuspend)
  process.stdin.on('keypress', onKey)
  try {
    return await answer
  } catch (error) {
    const name = error instanceof Error ? error.name : ''
    if (['AbortPromptError', 'CancelPromptError', 'ExitPromptError'].includes(name))
      throw name === 'CancelPromptError' ? new Cancellation() : new Interruption()
    throw error
  } finally {
    process.stdin.off('keypress', onSuspend)
    process.stdin.off('keypress', onKey)
    process.off('SIGCONT', resume)
  }
}
