import {proceed, sleep} from '@ovpn3/sessions'
import {constants, type Stats} from 'node:fs'
import {type FileHandle, open} from 'node:fs/promises'

/** Opening neither waits for the writer of a pipe, nor makes a terminal the one of this process. */
// eslint-disable-next-line no-bitwise
const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY

/** Whether a path stands for what this process has open. */
export const isDescriptor = (file: string) => /^\/(?:dev\/(?:stdin|fd\/\d+)|proc\/self\/fd\/\d+)$/.test(file)

/**
 * The bytes of a file or, until its end, of a pipe. One that has a name is waited for until somebody writes to it.
 * @param most bytes; where there are more, one more is returned
 * @param refuse looks at the file before it is read; what it returns is why it is not
 * @param signal ends the wait for a pipe
 * @returns the bytes, or why they were not read
 * @throws Ovpn3Error the signal's reason; the error of the system; what `refuse` throws
 */
export async function readBounded(
  file: string,
  most: number,
  refuse: (stats: Stats) => string | undefined,
  signal: AbortSignal,
): Promise<Buffer | string> {
  const handle = await open(file, flags)
  try {
    const stats = await handle.stat()
    const pipe = stats.isFIFO() ? (isDescriptor(file) ? 'open' : 'named') : undefined
    return refuse(stats) ?? (await readStart(handle, most, pipe, signal))
  } finally {
    await handle.close()
  }
}

async function readStart(
  handle: FileHandle,
  most: number,
  pipe: 'named' | 'open' | undefined,
  signal: AbortSignal,
): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(most + 1)
  let size = 0
  while (size < buffer.length) {
    proceed(signal)
    try {
      const {bytesRead} = await handle.read(buffer, size, buffer.length - size)
      size += bytesRead
      if (bytesRead > 0) continue
      // nobody has opened it to write yet
      if (pipe !== 'named' || size > 0) break
    } catch (error) {
      // files of the kernel can be without end, too, and nobody waits for those
      if (!pipe || (error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    }

    // no event tells that a pipe has ended whose writer had gone before it was opened here
    await sleep(20, signal)
  }

  return buffer.subarray(0, size)
}
