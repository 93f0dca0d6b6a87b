import {randomBytes} from 'node:crypto'

/**
 * The last part of an object path in the services' format: a UUID with a letter that stands for the service as
 * separator.
 */
export function uniqueId(letter: string, bytes: (length: number) => Buffer = randomBytes): string {
  const part = (length: number) => bytes(length).toString('hex')
  return [part(4), part(2), `4${part(2).slice(1)}`, `8${part(2).slice(1)}`, part(6)].join(letter)
}
