import {spawn} from 'node:child_process'
import {fstatSync} from 'node:fs'

/**
 * Calls the listener when nobody reads stdout any more. Writing tells, but a watch may have nothing to write for hours,
 * and Node cannot wait for the end of a pipe that it only writes to: GNU tail can, and does so when it follows a file.
 * @returns ends the observation
 */
export function onReaderGone(listener: () => void): () => void {
  process.stdout.on('error', listener)
  let end = () => {}
  if (isPipe()) {
    const tail = spawn('tail', ['-f', `--pid=${process.pid}`, '/dev/null'], {stdio: ['ignore', 'inherit', 'ignore']})
    // where there is no such tail, the next line tells
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
    // what is still under way may fail now, and matters to nobody
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
