import type {Animated} from './screen'

import {cut} from './table'

/** What a view is drawn into. */
export interface Frame {
  readonly columns: number
  readonly rows: number
  /** The last notice since `show` was called; empty without one. */
  readonly message: string
}

/** A part of the terminal that is drawn again and again. */
export interface LiveView {
  /** Shows the text, every second, in place of the last one. Calls in quick succession are drawn once. */
  show(text: (frame: Frame) => string): void
}

/** Milliseconds between two drawings. */
const pause = 100

/** A view on stdout, which must be a terminal. `end` draws what is outstanding and leaves it there. */
export async function liveView(): Promise<Animated & LiveView & {end(): void}> {
  const {createLogUpdate} = await import('log-update')
  const update = createLogUpdate(process.stdout, {showCursor: true})
  let latest: (frame: Frame) => string = () => ''
  let message = ''
  let drawn = false
  let timer: NodeJS.Timeout | undefined
  const draw = () => {
    drawn = true
    timer = undefined
    // what does not fit would scroll away and be drawn again above
    const {columns = 80, rows = 24} = process.stdout
    const lines = latest({columns, message, rows})
      .split('\n')
      .slice(0, Math.max(1, rows - 1))
    update(lines.map((line) => cut(line, columns)).join('\n'))
  }

  const schedule = () => {
    timer ??= setTimeout(draw, pause)
  }

  // after a Ctrl-Z the lines above are the shell's
  const drawAnew = () => {
    update.done()
    schedule()
  }

  // ages grow
  const clock = setInterval(schedule, 1000)
  process.stdout.on('resize', schedule)
  process.on('SIGCONT', drawAnew)
  return {
    end() {
      process.stdout.off('resize', schedule)
      process.off('SIGCONT', drawAnew)
      clearInterval(clock)
      if (drawn || timer) {
        clearTimeout(timer)
        // over the ^C that the terminal has written
        update.clear()
        draw()
      }

      update.done()
    },
    show(text) {
      latest = text
      message = ''
      schedule()
    },
    tell(text) {
      message = text
      schedule()
    },
  }
}
