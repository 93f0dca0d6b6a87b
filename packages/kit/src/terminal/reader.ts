import {spawn} from 'node:child_process'
import {fstatSync} from 'node:fs'

/**
 * Calls the listener when the reader of standard output has gone. A write would report that, but a watch may write
 * nothing for hours, and Node cannot wait for the reader of a pipe. GNU tail can: it does so when it follows a file.
 * @returns stops waiting
 */
export function onReaderGone(listener: () => void): () => void {
  process.stdout.on('error', listener)
  let end = () => {}
  if (isPipe()) {
    const tail = spawn('tail', ['-f', `--pid=${process.pid}`, '/dev/null'], {stdio: ['ignore', 'inherit', 'ignore']})
    // without GNU tail, the next write reports it
    tail.on('error', () => {})
    tail.on('exit', (status, signal) => {
      if (signal === 'SIGPIPE' || status === 0) listener()
    })
    tail.unref()
    end = () => {
      tail.removeAllListeners('exit')
      tail.kill()
    }
  }

  return () => {
    process.stdout.off('error', listener)
    // writes that are still pending may fail
    process.stdout.on('error', () => {})
    end()
  }
}

function isPipe(): boolean {
  try {
    return fstatSync(process.stdout.fd).isFIFO()
  } catch {
    return false
  }
}
