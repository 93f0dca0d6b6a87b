import type {Task} from '@ovpn3/sessions'

import {liveView, type LiveView} from './live'
import {taskList} from './tasks'
import {canAnimate, isInteractive} from './terminal'

/** What is drawn again and again on the terminal, where nothing else can be written meanwhile. */
export interface Animated {
  /** Shows a notice. @param session the key (`keyOf`) of the one that it is about */
  tell(text: string, session?: string): void
}

/** What a command shows: it knows what is animated at the moment, and sends notices there. */
export class Screen {
  #animated: Animated | undefined
  readonly #isQuiet: () => boolean
  #muted = false

  /** @param isQuiet nothing is to be animated */
  constructor(isQuiet: () => boolean) {
    this.#isQuiet = isQuiet
  }

  /** A line of a result, on stdout. */
  print(text: string): void {
    if (!this.#muted) process.stdout.write(`${text}\n`)
  }

  /** A line for the person: within what is animated, else on stderr. @param session key of the one it is about */
  notice(text: string, session?: string): void {
    if (this.#muted) return
    if (this.#animated) this.#animated.tell(text, session)
    else process.stderr.write(`${text}\n`)
  }

  /** Prints nothing while this work is under way: what winds down has nothing to say. */
  async mute(work: () => Promise<void>): Promise<void> {
    this.#muted = true
    try {
      await work()
    } finally {
      this.#muted = false
    }
  }

  /** While a person is asked something, notices wait. */
  async ask<T>(question: () => Promise<T>): Promise<T> {
    if (!isInteractive()) return question()
    const held: [text: string, session?: string][] = []
    try {
      return await this.#animate({tell: (...notice) => held.push(notice)}, question)
    } finally {
      for (const notice of held) this.notice(...notice)
    }
  }

  /**
   * Runs tasks side by side and shows them on stderr, if that is a terminal: animated, and gone when they are done,
   * since the results say how they ended; on one that can only print, as plain lines.
   * @param title what they are together: `Pausing 100 sessions`
   * @returns the tasks' values in the tasks' order
   */
  async runTasks<T>(title: string, tasks: readonly Task<T>[]): Promise<T[]> {
    if (!process.stderr.isTTY || this.#isQuiet()) {
      const ends = await Promise.all(tasks.map((task) => task.run(() => {})))
      return ends.map(({value}) => value)
    }

    const list = await taskList(title, tasks)
    return canAnimate(process.stderr) ? this.#animate(list, () => list.run()) : list.run()
  }

  /** Shows a view on stdout while this work is under way. */
  async draw<T>(work: (view: LiveView) => Promise<T>): Promise<T> {
    const view = await liveView()
    try {
      return await this.#animate(view, () => work(view))
    } finally {
      view.end()
    }
  }

  async #animate<T>(animated: Animated, work: () => Promise<T>): Promise<T> {
    const before = this.#animated
    this.#animated = animated
    try {
      return await work()
    } finally {
      this.#animated = before
    }
  }
}
