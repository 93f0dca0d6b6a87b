/* eslint-disable no-bitwise -- modes and flags of files */
import {isOvpn3Error, Ovpn3Error, safeText, shellWord, unlessAborted} from '@ovpn3/sessions'
import {type Stats} from 'node:fs'
import {Socket} from 'node:net'
import path from 'node:path'
import {getSystemErrorMap} from 'node:util'

import {readBounded} from '../read'
import {parseCredentials, unusable, type Values} from './parse'

/** Credentials given to one run of a command, for one session. */
export interface Credentials {
  /** Their origin, for error messages. */
  readonly from: string
  /** Standard input was read to its end. */
  readonly usedStdin: boolean
  readonly values: Values
}

/** Maximum size of a credentials file, in bytes. */
const maxSize = 64 * 1024

/**
 * Reads the value of `--credentials`: a file, a pipe such as `/dev/fd/3`, or standard input (`-`) to its end. Call it
 * before the command changes anything, so that an unusable file leaves nothing half done.
 * @param file undefined if the flag was not given
 * @param signal ends the wait for a pipe
 * @throws Ovpn3Error `usage` if the file is missing or malformed, `input-missing` if it is unreadable, or accessible to
 * other users
 */
export async function readCredentials(file: string | undefined, signal: AbortSignal): Promise<Credentials | undefined> {
  if (file === undefined) return undefined
  const usedStdin = file === '-'
  const from = usedStdin ? 'standard input' : safeText(file)
  if (usedStdin && process.stdin.isTTY)
    throw new Ovpn3Error('usage', 'cannot read credentials from standard input: it is a terminal', {
      hint: 'Omit --credentials to be prompted',
    })
  const bytes = usedStdin ? await readStream(process.stdin, from, signal) : await readFile(file, from, signal, 0o077)
  if (!bytes)
    throw new Ovpn3Error('usage', `cannot read credentials from ${from}: no such file`, {
      hint: 'Create the file with mode 600: the user name and the password on separate lines',
    })
  return {from, usedStdin, values: parseCredentials(bytes, from)}
}

/**
 * Reads the credentials that systemd provides for a profile, as `ovpn3.PROFILE` in `$CREDENTIALS_DIRECTORY`. For a session
 * started from a file, PROFILE is the base name of that file without `.ovpn` or `.conf`. Those for a session on another
 * host have its name: `ovpn3@HOST=PROFILE`, which no profile of this machine can have.
 * @returns undefined if there are none
 * @throws Ovpn3Error as `readCredentials`
 */
export async function readSystemCredentials(
  profile: string,
  host: string | undefined,
  signal: AbortSignal,
  directory = process.env.CREDENTIALS_DIRECTORY,
): Promise<Omit<Credentials, 'usedStdin'> | undefined> {
  const name = path.posix.basename(profile).replace(/\.(?:conf|ovpn)$/, '')
  if (!directory || name === '') return undefined
  const file = path.join(directory, host === undefined ? `ovpn3.${name}` : `ovpn3@${host}=${name}`)
  const from = safeText(file)
  // systemd grants access by an ACL, whose mask shows as the group bits
  const bytes = await readFile(file, from, signal, 0o007)
  return bytes && {from, values: parseCredentials(bytes, from)}
}

/** @param forbidden mode bits that the file must not have @returns undefined if there is no such file */
async function readFile(
  file: string,
  from: string,
  signal: AbortSignal,
  forbidden: number,
): Promise<Uint8Array | undefined> {
  const check = (stats: Stats, isOpen: boolean) => {
    // a pipe that was passed to this process is its own, whatever its mode
    if (stats.isFile() || (stats.isFIFO() && !isOpen)) checkAccess(stats, from, file, forbidden)
    else if (!stats.isFIFO() && !stats.isCharacterDevice()) return 'not a file'
  }

  try {
    const bytes = await readBounded(file, maxSize, check, signal)
    if (typeof bytes === 'string') throw unusable('usage', from, bytes)
    return bounded(bytes, from)
  } catch (error) {
    if (isOvpn3Error(error)) throw error
    const {code = ''} = error as NodeJS.ErrnoException
    const [, inherited] = /^\/dev\/fd\/(\d+)$/.exec(file) ?? []
    // a socket, which Node passes to child processes as a pipe, cannot be opened again
    if (code === 'ENXIO' && inherited) return readStream(new Socket({fd: Number(inherited)}), from, signal)
    if (['ENAMETOOLONG', 'ENOENT', 'ENOTDIR', 'ERR_INVALID_ARG_VALUE'].includes(code)) return undefined
    throw unreadable(from, error)
  }
}

function checkAccess({mode, uid}: Stats, from: string, file: string, forbidden: number): void {
  if (mode & forbidden)
    throw unusable('input-missing', from, 'other users can read or write it', {
      hint: `Run \`chmod 600 ${shellWord(file)}\``,
    })
  if (![0, process.getuid!()].includes(uid))
    throw unusable('input-missing', from, 'it belongs to another user', {
      hint: 'Use a file that you or root own',
    })
}

async function readStream(stream: NodeJS.ReadStream | Socket, from: string, signal: AbortSignal): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  let length = 0
  const reading = (async () => {
    for await (const chunk of stream) {
      const bytes = Buffer.from(chunk as Uint8Array | string)
      chunks.push(bytes)
      length += bytes.length
      if (length > maxSize) break
    }
  })()
  try {
    await unlessAborted(reading, signal)
  } catch (error) {
    if (isOvpn3Error(error)) throw error
    throw unreadable(from, error)
  } finally {
    stream.destroy()
  }

  return bounded(Buffer.concat(chunks), from)
}

function bounded(bytes: Uint8Array, from: string): Uint8Array {
  if (bytes.length > maxSize) throw unusable('usage', from, `larger than ${maxSize / 1024} KiB`)
  return bytes
}

function unreadable(from: string, cause: unknown): Ovpn3Error {
  const [, why] = getSystemErrorMap().get((cause as NodeJS.ErrnoException).errno ?? 0) ?? []
  return unusable('input-missing', from, why ?? String(cause), {cause})
}
