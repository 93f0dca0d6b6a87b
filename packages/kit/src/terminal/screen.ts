import {safeText, type Task} from '@ovpn3/sessions'

import {type LiveView, liveView, type LiveViewOptions} from './live'
import {taskList} from './tasks'
import {canAnimate, isInteractive} from './terminal'

/** Output that is redrawn in place. Nothing else can be written to the terminal meanwhile. */
export interface Animated {
  /** Shows a notice. @param session the key (`keyOf`) of the session that it is about */
  notify(text: string, session?: string): void
  /** Removes it from the terminal at once, because the process ends. */
  clear?(): void
}

/** The output of a command. Sends notices to the animation that is running, if there is one. */
export class Screen {
  #animated: Animated | undefined
  readonly #isQuiet: () => boolean
  #muted = false
  #question: Promise<unknown> = Promise.resolve()
  /** Print the steps of tasks where nothing can be animated. A dumb terminal always gets them. */
  isVerbose = false

  /** @param isQuiet whether animations are off */
  constructor(isQuiet: () => boolean) {
    this.#isQuiet = isQuiet
  }

  /** Prints a line of a result on standard output. */
  print(text: string): void {
    if (!this.#muted) process.stdout.write(`${text}\n`)
  }

  /** Shows a line in the animation, or prints it on standard error. @param session the key of the session it is about */
  notice(text: string, session?: string): void {
    if (this.#muted) return
    if (this.#animated) this.#animated.notify(text, session)
    else process.stderr.write(`${text}\n`)
  }

  /** Removes progress from the terminal at once, because the process ends. */
  clear(): void {
    this.#animated?.clear?.()
  }

  /** Prints nothing during the work. */
  async mute(work: () => Promise<void>): Promise<void> {
    this.#muted = true
    try {
      await work()
    } finally {
      this.#muted = false
    }
  }

  /** Asks one question at a time, and holds notices back until the user has answered. */
  ask<T>(question: () => Promise<T>): Promise<T> {
    if (!isInteractive()) return question()
    const asking = this.#question.then(() => this.#askNow(question))
    this.#question = asking.catch(() => {})
    return asking
  }

  async #askNow<T>(question: () => Promise<T>): Promise<T> {
    const held: [text: string, session?: string][] = []
    try {
      return await this.#animate({notify: (...notice) => held.push(notice)}, question)
    } finally {
      for (const notice of held) this.notice(...notice)
    }
  }

  /**
   * Runs tasks concurrently and shows them on standard error where they can be animated, until they end: the results
   * say how they ended. A dumb terminal gets the steps of each task as lines, other streams if `isVerbose` is set.
   * @param title names them together: `Pausing 100 sessions`
   * @returns the tasks' values in the tasks' order
   */
  async runTasks<T>(title: string, tasks: readonly Task<T>[]): Promise<T[]> {
    if (!this.#isQuiet() && canAnimate(process.stderr)) {
      const list = await taskList(title, tasks)
      return this.#animate(list, () => list.run())
    }

    const ends = await Promise.all(tasks.map((task) => task.run(this.#printSteps(task))))
    return ends.map(({value}) => value)
  }

  #printSteps({key, title}: Pick<Task<unknown>, 'key' | 'title'>): (text: string) => void {
    if (this.#isQuiet() || !(this.isVerbose || process.stderr.isTTY)) return () => {}
    let last = ''
    const print = (line: string) => {
      if (line !== last) this.notice(line, key)
      last = line
    }

    print(title)
    return (text) => print(`${title}: ${safeText(text)}`)
  }

  /** Shows a view on standard output during the work. */
  async draw<T>(work: (view: LiveView) => Promise<T>, options: LiveViewOptions): Promise<T> {
    const view = await liveView(options)
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
