import {safeText} from '@ovpn3/sessions'

import {cut} from './table'
import {canAnimate} from './terminal'

/** How a task ended. */
export interface TaskEnd<T> {
  /** Marks the task as failed, and says why. */
  readonly failure?: string
  readonly value: T
}

/** One of several things to do, with a line of its own while it runs. */
export interface Task<T> {
  readonly title: string
  /** What `tellTask` knows it by: the id of its session. */
  readonly key?: string
  /** @param progress shows what is going on at the moment, in a few words */
  run(progress: (text: string) => void): Promise<TaskEnd<T>>
}

/** Shows text with a running task. */
interface Running {
  readonly key?: string
  tell(text: string): void
}

const running = new Set<Running>()

/**
 * Says something with the task of this key, or else with the first that runs: while tasks are animated, nothing else
 * can be written. False where no task is.
 */
export function tellTask(key: string | undefined, text: string): boolean {
  const tasks = [...running]
  const task = tasks.find((candidate) => candidate.key === key) ?? tasks[0]
  task?.tell(text)
  return task !== undefined
}

export interface TasksOptions {
  /** Shows nothing. */
  readonly quiet: boolean
  /** What they are together: `Pausing 100 sessions`. */
  readonly title: string
}

/**
 * Runs tasks side by side and shows them on stderr, if that is a terminal: animated, and gone when they are done, since
 * the results say how they ended; on one that can only print, as plain lines. More of them than the terminal has lines
 * are counted.
 * @returns the tasks' values in the tasks' order
 */
export async function runTasks<T>(tasks: readonly Task<T>[], {quiet, title}: TasksOptions): Promise<T[]> {
  if (quiet || !process.stderr.isTTY) {
    const ends = await Promise.all(tasks.map((task) => task.run(() => {})))
    return ends.map((end) => end.value)
  }

  const {Listr, ListrLogger, ProcessOutput} = await import('listr2')
  const animated = canAnimate()
  // left alone, listr2 writes to stdout, where only results belong
  const output = new ProcessOutput(process.stderr, process.stderr, {leaveEmptyLine: false})
  const logger = new ListrLogger({processOutput: output, toStderr: [], useIcons: true})
  // drawn again and again: a name of 10,000 characters would keep the processor busy for minutes
  const line = (text: string) => cut(text, process.stderr.columns ?? 1000)
  const values: T[] = []
  const unexpected: unknown[] = []
  const start = async (index: number, handle: {output: string}, silent?: () => void): Promise<string | undefined> => {
    const task = tasks[index]!
    let shown = ''
    const tell = (text: string) => {
      if (text !== shown) handle.output = line(safeText(text))
      shown = text
    }

    const self = {key: task.key, tell}
    if (animated) running.add(self)
    try {
      const end = await task.run(silent ?? tell)
      values[index] = end.value
      return end.failure
    } catch (error) {
      unexpected.push(error)
      throw error
    } finally {
      running.delete(self)
    }
  }

  const each = () =>
    tasks.map((task, index) => ({
      async task(_: unknown, handle: {output: string}) {
        const failure = await start(index, handle)
        if (failure) throw new Error(line(safeText(failure)))
      },
      title: line(task.title),
    }))
  const counted = () => ({
    async task(_: unknown, handle: {output: string; title: string}) {
      let done = 0
      await Promise.allSettled(
        tasks.map(async (_, index) => {
          await start(index, handle, () => {})
          handle.title = line(`${title}: ${++done} of ${tasks.length} done`)
        }),
      )
    },
    title: line(title),
  })
  const fits = tasks.length < (process.stderr.rows ?? 24)
  const list = new Listr(animated && !fits ? [counted()] : each(), {
    collectErrors: false,
    concurrent: true,
    exitOnError: false,
    // else it ends the process by itself on SIGINT
    registerSignalListeners: false,
    renderer: animated ? 'default' : 'simple',
    rendererOptions: {clearOutput: true, logger},
  })
  await list.run()
  // listr2 shows a task that fails and goes on: right for an outcome, wrong for a bug
  if (unexpected.length > 0) throw unexpected[0]
  return values
}
