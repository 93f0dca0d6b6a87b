/* eslint-disable no-bitwise -- modes and flags of files */
import {Ovpn3Error, safeText, shellWord, unlessAborted} from '@ovpn3/sessions'
import {type Stats} from 'node:fs'
import {Socket} from 'node:net'
import path from 'node:path'

import {isDescriptor, readBounded} from '../read'
import {parseCredentials, type Values} from './parse'

/** Credentials that were given for a run of a command: for one session. */
export interface Credentials {
  /** Where they are from, for errors. */
  readonly from: string
  /** Standard input was read for them, and has no more lines. */
  readonly usedStdin: boolean
  readonly values: Values
}

/** Bytes: many times what credentials take. */
const most = 64 * 1024

/**
 * Reads what the flag `--credentials` names: a file, a pipe such as `/dev/fd/3`, or all of standard input (`-`). To be
 * called before the command changes anything, so that nothing is left half-way for a file that is no good.
 * @param file undefined: the flag was not given
 * @param signal ends the wait for a pipe
 * @throws Ovpn3Error `usage` where it is not there or malformed, `input-missing` where it cannot be read, or other users
 * can read or write it
 */
export async function readCredentials(file: string | undefined, signal: AbortSignal): Promise<Credentials | undefined> {
  if (file === undefined) return undefined
  const usedStdin = file === '-'
  const from = usedStdin ? 'standard input' : safeText(file)
  if (usedStdin && process.stdin.isTTY)
    throw new Ovpn3Error('usage', '--credentials -: standard input is a terminal', {
      hint: 'Omit --credentials to be asked for them',
    })
  const bytes = usedStdin ? await readStream(process.stdin, from, signal) : await readFile(file, from, signal, 0o077)
  if (!bytes) throw new Ovpn3Error('usage', `--credentials: no such file: ${from}`)
  return {from, usedStdin, values: parseCredentials(bytes, from)}
}

/**
 * Reads the credentials that systemd has put into `$CREDENTIALS_DIRECTORY` for a profile, as `ovpn3.PROFILE`. A session
 * that was started from a file has that file's path for its profile's name: the last part of it counts, without
 * `.ovpn` or `.conf`.
 * @returns undefined where there are none
 * @throws Ovpn3Error as `readCredentials`
 */
export async function readSystemCredentials(
  profile: string,
  signal: AbortSignal,
  directory = process.env.CREDENTIALS_DIRECTORY,
): Promise<Omit<Credentials, 'usedStdin'> | undefined> {
  const name = path.posix.basename(profile).replace(/\.(?:conf|ovpn)$/, '')
  if (!directory || name === '') return undefined
  const file = path.join(directory, `ovpn3.${name}`)
  const from = safeText(file)
  // systemd gives access by a list, whose mask shows as the bits of the group
  const bytes = await readFile(file, from, signal, 0o007)
  return bytes && {from, values: parseCredentials(bytes, from)}
}

/** @param forbidden mode bits that a file must not have. @returns undefined where there is no such file */
async function readFile(
  file: string,
  from: string,
  signal: AbortSignal,
  forbidden: number,
): Promise<Uint8Array | undefined> {
  const check = (stats: Stats) => {
    // a pipe that this process has been given is its own, whatever it looks like
    if (stats.isFile() || (stats.isFIFO() && !isDescriptor(file))) checkAccess(stats, from, file, forbidden)
    else if (!stats.isFIFO() && !stats.isCharacterDevice()) return 'not a file'
  }

  try {
    const bytes = await readBounded(file, most, check, signal)
    if (typeof bytes === 'string') throw new Ovpn3Error('usage', `${from}: ${bytes}`)
    return bounded(bytes, from)
  } catch (error) {
    if (error instanceof Ovpn3Error) throw error
    const {code = ''} = error as NodeJS.ErrnoException
    const [, inherited] = /^\/dev\/fd\/(\d+)$/.exec(file) ?? []
    // a socket, as Node gives its children for a pipe, cannot be opened anew
    if (code === 'ENXIO' && inherited) return readStream(new Socket({fd: Number(inherited)}), from, signal)
    if (['ENAMETOOLONG', 'ENOENT', 'ENOTDIR', 'ERR_INVALID_ARG_VALUE'].includes(code)) return undefined
    const why = code === 'EACCES' ? 'permission denied' : `it cannot be read (${code})`
    throw new Ovpn3Error('input-missing', `${from}: ${why}`, {cause: error})
  }
}

function checkAccess({mode, uid}: Stats, from: string, file: string, forbidden: number): void {
  const hint = `Run chmod 600 ${shellWord(file)}`
  if (mode & forbidden) throw new Ovpn3Error('input-missing', `${from}: other users can read or write it`, {hint})
  if (![0, process.getuid!()].includes(uid))
    throw new Ovpn3Error('input-missing', `${from}: it belongs to another user`, {
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
      if (length > most) break
    }
  })()
  try {
    await unlessAborted(reading, signal)
  } catch (error) {
    if (error instanceof Ovpn3Error) throw error
    const {code} = error as NodeJS.ErrnoException
    throw new Ovpn3Error('input-missing', `${from}: it cannot be read (${code})`, {cause: error})
  } finally {
    stream.destroy()
  }

  return bounded(Buffer.concat(chunks), from)
}

function bounded(bytes: Uint8Array, from: string): Uint8Array {
  if (bytes.length > most) throw new Ovpn3Error('usage', `${from}: larger than ${most / 1024} KiB`)
  return bytes
}
