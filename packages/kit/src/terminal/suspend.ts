import {releaseTerminal} from './terminal'

/** Milliseconds within which a continued process receives SIGCONT. */
const deliveryTime = 50

/**
 * Stops this process on Ctrl-Z. The kernel ignores the stop if no shell could continue the process, as under
 * `ssh -t HOST COMMAND`.
 */
export function suspend(): void {
  const restoreTerminal = releaseTerminal()
  process.off('SIGTSTP', suspend)
  let continued = false
  const onContinue = () => {
    continued = true
  }

  process.once('SIGCONT', onContinue)
  process.kill(process.pid, 'SIGTSTP')
  // execution continues here: at once, or after `fg`
  process.on('SIGTSTP', suspend)
  restoreTerminal()
  setTimeout(() => {
    process.off('SIGCONT', onContinue)
    // without a stop there is no SIGCONT: prompts and live views wait for one before they draw again
    if (!continued) process.emit('SIGCONT', 'SIGCONT')
  }, deliveryTime).unref()
}
