import {showCursor} from './terminal'

/** Milliseconds within which a process that was stopped notices that it goes on. */
const noticed = 50

/**
 * Ctrl-Z: the shell gets its cursor back, and the kernel decides whether there is anyone who could continue this process.
 * Without a shell that could, as under `ssh -t HOST COMMAND`, it stops nothing.
 */
export function suspend(): void {
  showCursor()
  process.off('SIGTSTP', suspend)
  let continued = false
  const onContinue = () => {
    continued = true
  }

  process.once('SIGCONT', onContinue)
  process.kill(process.pid, 'SIGTSTP')
  // here it goes on: at once, or after `fg`
  process.on('SIGTSTP', suspend)
  setTimeout(() => {
    process.off('SIGCONT', onContinue)
    // prompts and live views have left the terminal alone until then
    if (!continued) process.emit('SIGCONT', 'SIGCONT')
  }, noticed).unref()
}
