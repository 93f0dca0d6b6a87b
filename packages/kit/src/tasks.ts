import {canAnimate} from './terminal'

/** How a task ended. */
export interface TaskEnd<T> {
  /** Marks the task as failed, and says why. */
  readonly failure?: string
  readonly value: T
}

export interface Task<T> {
  readonly title: string
  /** @param progress shows what is going on at the moment, in a few words */
  run(progress: (text: string) => void): Promise<TaskEnd<T>>
}

/**
 * Runs tasks side by side and shows them on stderr: on a terminal animated, and gone when they are done, since the
 * results say how they ended; else as plain lines.
 * `quiet` shows nothing.
 * @returns the tasks' values in the tasks' order
 */
export async function runTasks<T>(tasks: readonly Task<T>[], {quiet}: {quiet: boolean}): Promise<T[]> {
  if (quiet) {
    const ends = await Promise.all(tasks.map((task) => task.run(() => {})))
    return ends.map((end) => end.value)
  }

  const {Listr, ListrLogger, ProcessOutput} = await import('listr2')
  // left alone, listr2 writes to stdout, where only results belong
  const output = new ProcessOutput(process.stderr, process.stderr, {leaveEmptyLine: false})
  const logger = new ListrLogger({processOutput: output, toStderr: [], useIcons: true})
  const values: T[] = []
  const list = new Listr(
    tasks.map((task, index) => ({
      async task(_: unknown, handle: {output: string}) {
        let shown = ''
        const end = await task.run((text) => {
          if (text !== shown) handle.output = text
          shown = text
        })
        values[index] = end.value
        if (end.failure) throw new Error(end.failure)
      },
      title: task.title,
    })),
    {
      collectErrors: false,
      concurrent: true,
      exitOnError: false,
      // else it ends the process by itself on SIGINT
      registerSignalListeners: false,
      renderer: canAnimate() ? 'default' : 'simple',
      rendererOptions: {clearOutput: true, logger},
    },
  )
  await list.run()
  return values
}
