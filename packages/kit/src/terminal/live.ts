import {localTime} from '@ovpn3/sessions'

import type {Animated} from './screen'

import {colorsOf} from './color'
import {readKeys} from './keys'
import {cut, displayWidth, inColumns} from './table'

/** The space and the header of a view. */
export interface Frame {
  readonly columns: number
  readonly rows: number
  /** The latest notice since the last call of `show`, or an empty string. */
  readonly message: string
  /** A header line: the title and the host on the left, the time on the right. */
  header(title: string): string
}

/** A part of the terminal that is redrawn in place. */
export interface LiveView {
  /** Replaces what is shown, and redraws it every second. Calls in quick succession are drawn once. */
  show(text: (frame: Frame) => string): void
  /** Shows an event and its age below the view for 10 seconds: `cert disconnected 3 s ago`. */
  report(event: string): void
}

/** Milliseconds to collect changes before a drawing. */
const drawDelay = 100
/** Milliseconds for which an event stays below the view. */
const eventLife = 10_000
/** Lines that events take at most. */
const eventLines = 3
/** A terminal with fewer rows has no room for the keys. */
const fewRows = 10

const keyHelp = [
  ['q', 'quit'],
  ['Ctrl-C', 'quit with exit status 130'],
  ['Ctrl-Z', 'suspend, `fg` continues'],
  ['?', 'hide the keys'],
] as const

export interface LiveViewOptions {
  /** Where the sessions are, for the header: a host name. */
  readonly place: string
  /** Called when the user quits with `q`. */
  readonly quit: () => void
}

/**
 * Creates a view on standard output, which must be a terminal. Keys are read if standard input is a terminal, too.
 * `end` draws pending changes and leaves the view on the terminal.
 */
export async function liveView({place, quit}: LiveViewOptions): Promise<Animated & LiveView & {end(): void}> {
  const {createLogUpdate} = await import('log-update')
  const update = createLogUpdate(process.stdout, {showCursor: true})
  const {dim} = colorsOf(process.stdout)
  let latest: (frame: Frame) => string = () => ''
  let message = ''
  let drawn = false
  let ended = false
  let showsKeys = false
  let events: {readonly at: number; readonly text: string}[] = []
  let timer: NodeJS.Timeout | undefined
  const footer = (rows: number) => {
    if (ended || rows < fewRows) return []
    if (!process.stdin.isRaw) return ['', 'Ctrl-C quit']
    return ['', ...(showsKeys && rows > fewRows + keyHelp.length ? inColumns(keyHelp) : ['q quit  ? keys'])]
  }

  const draw = () => {
    drawn = true
    timer = undefined
    const {columns = 80, rows = 24} = process.stdout
    const now = Date.now()
    events = events.filter(({at}) => now - at < eventLife)
    const lowerLines = [...eventTexts(events, now), ...footer(rows)]
    // a view with more lines than the terminal would scroll; the cursor needs a line of its own
    const room = Math.max(1, rows - 1 - lowerLines.length)
    const header = (title: string) => headerLine(`${title} on ${place}`, columns, now)
    const lines = latest({columns, header, message, rows: room}).split('\n').slice(0, room)
    update([...lines, ...lowerLines.map((line) => dim(line))].map((line) => cut(line, columns)).join('\n'))
  }

  const schedule = () => {
    timer ??= setTimeout(draw, drawDelay)
  }

  // after Ctrl-Z the lines above the cursor belong to the shell, so they must not be overwritten
  const redrawBelow = () => {
    update.done()
    schedule()
  }

  const onKey = (key: string) => {
    if (key === 'q') quit()
    if (key !== '?') return
    showsKeys = !showsKeys
    schedule()
  }

  const clock = setInterval(schedule, 1000)
  process.stdout.on('resize', schedule)
  process.on('SIGCONT', redrawBelow)
  const releaseKeys = process.stdin.isTTY ? readKeys(onKey) : () => {}
  return {
    end() {
      ended = true
      process.stdout.off('resize', schedule)
      process.off('SIGCONT', redrawBelow)
      clearInterval(clock)
      releaseKeys()
      if (drawn || timer) {
        clearTimeout(timer)
        // overwrites the ^C of a terminal that echoes it
        update.clear()
        draw()
      }

      update.done()
    },
    report(event) {
      events.push({at: Date.now(), text: event})
      schedule()
    },
    show(text) {
      latest = text
      message = ''
      schedule()
    },
    notify(text) {
      message = text
      schedule()
    },
  }
}

function eventTexts(events: readonly {readonly at: number; readonly text: string}[], now: number): string[] {
  if (events.length === 0) return []
  const texts = [...events].reverse().map(({at, text}) => `${text} ${Math.floor((now - at) / 1000)} s ago`)
  if (texts.length <= eventLines) return ['', ...texts]
  const shown = texts.slice(0, eventLines - 1)
  return ['', ...shown, `… ${texts.length - shown.length} more`]
}

function headerLine(full: string, columns: number, now: number): string {
  const {bold, dim} = colorsOf(process.stdout)
  const dateTime = localTime(now / 1000)
  // a narrow terminal omits the date first
  const fits = displayWidth(full) + 2 + dateTime.length <= columns
  const time = fits ? dateTime : dateTime.slice(dateTime.indexOf(' ') + 1)
  const left = cut(full, columns - time.length - 2)
  const space = ' '.repeat(Math.max(2, columns - displayWidth(left) - time.length))
  return `${bold(left)}${space}${dim(time)}`
}
