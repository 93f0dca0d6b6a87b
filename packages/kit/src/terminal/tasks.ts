import {safeText, type Task} from '@ovpn3/sessions'

import type {Animated} from './screen'

import {cut} from './table'

/** An animated list of tasks on standard error, which must be a terminal. If it has too few lines, it shows a count instead. */
export async function taskList<T>(title: string, tasks: readonly Task<T>[]): Promise<Animated & {run(): Promise<T[]>}> {
  const {Listr, ListrLogger, ProcessOutput} = await import('listr2')
  // by default listr2 writes to standard output, which is for results only
  const output = new ProcessOutput(process.stderr, process.stderr, {leaveEmptyLine: false})
  const logger = new ListrLogger({processOutput: output, toStderr: [], useIcons: true})
  // lines are redrawn often, and a name of 10,000 characters would block the process for minutes
  const line = (text: string) => cut(text, process.stderr.columns ?? 1000)
  /** The running tasks, with functions that show text beside them. */
  const running = new Map<Task<T>, (text: string) => void>()
  const values: T[] = []
  const unexpected: unknown[] = []
  const start = async (index: number, handle: {output: string}, silent?: () => void): Promise<string | undefined> => {
    const task = tasks[index]!
    let shown = ''
    const showText = (text: string) => {
      if (text !== shown) handle.output = line(safeText(text))
      shown = text
    }

    running.set(task, showText)
    try {
      const {failure, value} = await task.run(silent ?? showText)
      values[index] = value
      return failure
    } catch (error) {
      unexpected.push(error)
      throw error
    } finally {
      running.delete(task)
    }
  }

  const taskItems = () =>
    tasks.map((task, index) => ({
      async task(_: unknown, handle: {output: string}) {
        const failure = await start(index, handle)
        if (failure) throw new Error(line(safeText(failure)))
      },
      title: line(task.title),
    }))
  const countItem = () => ({
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
  const list = new Listr(fits ? taskItems() : [countItem()], {
    collectErrors: false,
    concurrent: true,
    exitOnError: false,
    // its listener would end the process on SIGINT
    registerSignalListeners: false,
    renderer: 'default',
    rendererOptions: {clearOutput: true, logger},
  })
  return {
    clear() {
      // listr2 has no public way to stop drawing
      const {renderer} = list as unknown as {readonly renderer?: {end(): void}}
      renderer?.end()
    },
    async run() {
      await list.run()
      // listr2 shows failed tasks and continues; an unexpected error must not be hidden
      if (unexpected.length > 0) throw unexpected[0]
      return values
    },
    notify(text, session) {
      const task = tasks.find((each) => running.has(each) && each.key === session) ?? [...running.keys()][0]
      if (task) running.get(task)!(text)
      else process.stderr.write(`${text}\n`)
    },
  }
}
