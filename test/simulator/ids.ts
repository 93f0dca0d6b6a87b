import {randomBytes} from 'node:crypto'

/** An object path's last part as the services make them: a UUID with a letter of the service's in place of dashes. */
export function uniqueId(letter: string, bytes: (length: number) => Buffer = randomBytes): string {
  const part = (length: number) => bytes(length).toString('hex')
  return [part(4), part(2), `4${part(2).slice(1)}`, `8${part(2).slice(1)}`, part(6)].join(letter)
}
