import {releaseTerminal} from './terminal'

/** Milliseconds until a process that was continued has certainly received SIGCONT. */
const delivery = 50

/**
 * Stops this process on Ctrl-Z. The kernel ignores the stop if no shell could continue the process, as under
 * `ssh -t HOST COMMAND`.
 */
export function suspend(): void {
  const takeBack = releaseTerminal()
  process.off('SIGTSTP', suspend)
  let continued = false
  const onContinue = () => {
    continued = true
  }

  process.once('SIGCONT', onContinue)
  process.kill(process.pid, 'SIGTSTP')
  // execution continues here: at once, or after `fg`
  process.on('SIGTSTP', suspend)
  takeBack()
  setTimeout(() => {
    process.off('SIGCONT', onContinue)
    // without a stop there is no SIGCONT: prompts and live views wait for one before they draw again
    if (!continued) process.emit('SIGCONT', 'SIGCONT')
  }, delivery).unref()
}
