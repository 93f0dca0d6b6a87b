import {cut} from './table'

/** A part of the terminal that is drawn again and again. */
export interface LiveView {
  /** Shows the text in place of the last one. Calls in quick succession are drawn once. */
  show(text: () => string): void
  /** Draws what is outstanding and leaves it on the terminal. */
  end(): void
}

/** Milliseconds between two drawings. */
const frame = 100

/** A view on stdout, which must be a terminal. */
export async function liveView(): Promise<LiveView> {
  const {createLogUpdate} = await import('log-update')
  const update = createLogUpdate(process.stdout, {showCursor: true})
  let latest = () => ''
  let drawn = false
  let timer: NodeJS.Timeout | undefined
  const draw = () => {
    drawn = true
    timer = undefined
    // what does not fit would scroll away and be drawn again above
    const {columns = 80, rows = 24} = process.stdout
    const lines = latest()
      .split('\n')
      .slice(0, Math.max(1, rows - 1))
    update(lines.map((line) => cut(line, columns)).join('\n'))
  }

  const schedule = () => {
    timer ??= setTimeout(draw, frame)
  }

  // after a Ctrl-Z the lines above are the shell's
  const drawAnew = () => {
    update.done()
    schedule()
  }

  process.stdout.on('resize', schedule)
  process.on('SIGCONT', drawAnew)
  return {
    end() {
      process.stdout.off('resize', schedule)
      process.off('SIGCONT', drawAnew)
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
      schedule()
    },
  }
}
