import {proceed, sleep} from '@ovpn3/sessions'
import {constants, type Stats} from 'node:fs'
import {type FileHandle, open} from 'node:fs/promises'

/** Opening must not wait for the writer of a pipe, nor make a terminal the controlling one. */
// eslint-disable-next-line no-bitwise
const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY

/** Whether a path names an open file descriptor of this process. */
const isDescriptor = (file: string) => /^\/(?:dev\/(?:stdin|fd\/\d+)|proc\/self\/fd\/\d+)$/.test(file)

/**
 * Reads a file, or a pipe until its end. Waits until a named pipe has a writer.
 * @param maxBytes if the file is larger, one byte more is returned
 * @param refuse checks the file before it is read, and returns the reason to refuse it. `isOpen`: the path names an
 * open file descriptor of this process
 * @param signal ends the wait for a pipe
 * @returns the bytes, or the reason given by `refuse`
 * @throws Ovpn3Error the signal's reason; an error of the system; an error thrown by `refuse`
 */
export async function readBounded(
  file: string,
  maxBytes: number,
  refuse: (stats: Stats, isOpen: boolean) => string | undefined,
  signal: AbortSignal,
): Promise<Buffer | string> {
  const handle = await open(file, flags)
  try {
    const stats = await handle.stat()
    const isOpen = isDescriptor(file)
    const pipe = stats.isFIFO() ? (isOpen ? 'open' : 'named') : undefined
    return refuse(stats, isOpen) ?? (await readStart(handle, maxBytes, pipe, signal))
  } finally {
    await handle.close()
  }
}

async function readStart(
  handle: FileHandle,
  maxBytes: number,
  pipe: 'named' | 'open' | undefined,
  signal: AbortSignal,
): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(maxBytes + 1)
  let size = 0
  while (size < buffer.length) {
    proceed(signal)
    try {
      const {bytesRead} = await handle.read(buffer, size, buffer.length - size)
      size += bytesRead
      if (bytesRead > 0) continue
      // a named pipe without a writer yet reads as empty
      if (pipe !== 'named' || size > 0) break
    } catch (error) {
      // files of the kernel can return EAGAIN too, and must not be waited for
      if (!pipe || (error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    }

    // there is no event for the end of a pipe whose writer closed it before it was opened here
    await sleep(20, signal)
  }

  return buffer.subarray(0, size)
}
