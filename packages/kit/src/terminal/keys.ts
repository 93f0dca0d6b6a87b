import {readFileSync} from 'node:fs'

/** Signals that a terminal in raw mode no longer sends by itself. */
const signals: Readonly<Record<string, NodeJS.Signals>> = {'\u0003': 'SIGINT', '\u001A': 'SIGTSTP', '\u001C': 'SIGQUIT'}

/**
 * Calls the listener for each key that is pressed, without Enter. Standard input must be a terminal. Ctrl-C, Ctrl-\ and
 * Ctrl-Z send their signals as usual.
 * @returns stops reading keys and restores the terminal
 */
export function readKeys(listener: (key: string) => void): () => void {
  const {stdin} = process
  const onData = (data: Buffer | string) => {
    const text = data.toString()
    // an escape sequence, such as that of an arrow key
    if (text.startsWith('\u001B')) return
    for (const key of text) {
      const signal = signals[key]
      // to all processes in the foreground, as the terminal does
      if (signal) process.kill(0, signal)
      else listener(key)
    }
  }

  // the shell changes the mode of the terminal while this process is stopped, so it is set again even if it was raw
  const listen = () => {
    setRawMode(false)
    if (setRawMode(true)) stdin.resume()
    else stdin.pause()
  }

  // a terminal that hangs up causes an error, possibly after the keys are released
  stdin.on('error', () => {})
  stdin.on('data', onData)
  process.on('SIGCONT', listen)
  listen()
  return () => {
    process.off('SIGCONT', listen)
    stdin.off('data', onData)
    stdin.pause()
    setRawMode(false)
  }
}

/**
 * Switches the terminal between single keys and whole lines. Does nothing in the background, where the kernel would stop
 * the process.
 * @returns whether the terminal is in that mode now
 */
export function setRawMode(raw: boolean): boolean {
  const {stdin} = process
  if (!stdin.isTTY || !isInForeground()) return false
  stdin.setRawMode(raw)
  return true
}

/** Whether this process is in the foreground of its terminal: the shell may have started or continued it with `&`. */
export function isInForeground(): boolean {
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8')
    // behind the name, which may contain anything: state, parent, group, session, terminal, foreground group
    const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return group === foreground
  } catch {
    return false
  }
}
