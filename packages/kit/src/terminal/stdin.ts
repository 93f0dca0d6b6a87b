import {proceed} from '@ovpn3/sessions'
import {createInterface, type Interface} from 'node:readline'

let input: {ended: boolean; readonly queue: string[]; readonly reader: Interface; wake: () => void} | undefined

/** The next line of standard input, or undefined after the last. */
export async function stdinLine(signal: AbortSignal): Promise<string | undefined> {
  if (!input) {
    const reader = createInterface({input: process.stdin, terminal: false})
    const state = {ended: false, queue: [] as string[], reader, wake() {}}
    reader.on('line', (line) => {
      state.queue.push(line)
      state.wake()
    })
    // under nohup, standard input cannot be read
    reader.on('error', () => reader.close())
    reader.on('close', () => {
      state.ended = true
      state.wake()
    })
    input = state
  }

  const state = input
  while (state.queue.length === 0 && !state.ended) {
    proceed(signal)
    await new Promise<void>((resolve) => {
      state.wake = resolve
      signal.addEventListener('abort', () => resolve(), {once: true})
    })
  }

  return state.queue.shift()
}

/** Stops reading standard input, which would keep the process alive. */
export function releaseStdin(): void {
  input?.reader.close()
  process.stdin.unref?.()
}
