import {writeSync} from 'node:fs'

import {setRawMode} from './keys'

/** Whether prompts can be shown: standard input and standard error are a terminal that can redraw lines. */
export function isInteractive(): boolean {
  return Boolean(process.stdin.isTTY && process.stderr.isTTY) && process.env.TERM !== 'dumb'
}

/** Whether text on this stream can be redrawn in place. */
export function canAnimate({isTTY}: NodeJS.WriteStream): boolean {
  return Boolean(isTTY) && process.env.TERM !== 'dumb'
}

/** Assumes 80 × 24 for a terminal without a size, such as a serial line. Libraries then use the same size. */
export function assumeSize(): void {
  for (const stream of [process.stdout, process.stderr])
    if (stream.isTTY) {
      stream.columns ||= 80
      stream.rows ||= 24
    }
}

/**
 * Prepares the terminal for the shell: shows the cursor, which animations hide, and reads whole lines.
 * @returns restores the previous mode
 */
export function releaseTerminal(): () => void {
  if (canAnimate(process.stderr)) writeSync(process.stderr.fd, '\u001B[?25h')
  const wasRaw = process.stdin.isRaw
  if (wasRaw) setRawMode(false)
  return () => {
    if (wasRaw) setRawMode(true)
  }
}
