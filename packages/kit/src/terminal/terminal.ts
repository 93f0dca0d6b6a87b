import {writeSync} from 'node:fs'

/** True where a person can be asked: both ends of the talk are a terminal that can do more than print. */
export function isInteractive(): boolean {
  return Boolean(process.stdin.isTTY && process.stderr.isTTY) && process.env.TERM !== 'dumb'
}

/** True where something may be drawn again and again. */
export function canAnimate({isTTY}: NodeJS.WriteStream): boolean {
  return Boolean(isTTY) && process.env.TERM !== 'dumb'
}

/** A terminal that does not tell its size, like a serial line, is taken for one of 80 × 24, by the libraries, too. */
export function assumeSize(): void {
  for (const stream of [process.stdout, process.stderr])
    if (stream.isTTY) {
      stream.columns ||= 80
      stream.rows ||= 24
    }
}

/** What is animated hides the cursor, and holds back what is written to stderr. */
export function showCursor(): void {
  if (canAnimate(process.stderr)) writeSync(process.stderr.fd, '\u001B[?25h')
}
