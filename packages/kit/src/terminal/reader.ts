import {spawn} from 'node:child_process'
import {fstatSync} from 'node:fs'

/**
 * Calls the listener when the reader of standard output exits. A write would fail then, but a watch may write nothing for
 * hours, and Node cannot wait for the reader of a pipe. GNU tail does that while it follows a file.
 * @returns stops waiting
 */
export function onReaderGone(listener: () => void): () => void {
  process.stdout.on('error', listener)
  let stopTail = () => {}
  if (isPipe()) {
    const tail = spawn('tail', ['-f', `--pid=${process.pid}`, '/dev/null'], {stdio: ['ignore', 'inherit', 'ignore']})
    // without GNU tail, the next write fails
    tail.on('error', () => {})
    tail.on('exit', (status, signal) => {
      if (signal === 'SIGPIPE' || status === 0) listener()
    })
    tail.unref()
    stopTail = () => {
      tail.removeAllListeners('exit')
      tail.kill()
    }
  }

  return () => {
    process.stdout.off('error', listener)
    // writes that are still pending may fail
    process.stdout.on('error', () => {})
    stopTail()
  }
}

function isPipe(): boolean {
  try {
    return fstatSync(process.stdout.fd).isFIFO()
  } catch {
    return false
  }
}
