import {readBounded} from '@ovpn3/kit'
import {Ovpn3Error, proceed} from '@ovpn3/sessions'
import {isUtf8} from 'node:buffer'
import {type Stats} from 'node:fs'
import {dirname, isAbsolute} from 'node:path'
import {getSystemErrorMap} from 'node:util'

import {hasDirective, inlineFiles, maxSize, type Reading} from './profile-text'

/** A profile as the configuration manager takes it. */
export interface ProfileFile {
  /** The path as it was given, as far as the service keeps it: printable ASCII. */
  readonly name: string
  /** With all files that it named. */
  readonly content: string
  /** Whether the profile asks for a tunnel that persists: the service knows that by an override only. */
  readonly persistTun: boolean
}

/** Problems that an error names. */
const maxProblems = 20

/**
 * Reads a profile, with every file that it names inlined as `openvpn3 config-import` does; what differs:
 *
 * - All lines with a problem are named in one error, with why; the contents of a file never are.
 * - Files have to be regular ones: nothing waits for a pipe or a device, or reads without end. The profile itself may
 *   be a pipe where it is given as an open descriptor (/dev/stdin, /dev/fd/N), which is read until it ends or the signal
 *   is aborted; relative paths then start at the working directory.
 * - A backslash in a path is a character like any other, and no separator of folders.
 *
 * Profile and files may have 256 KiB together, of UTF-8 text without NUL; a byte order mark is left out.
 * @throws Ovpn3Error `usage`, or the signal's reason once it is aborted
 */
export async function readProfile(
  file: string,
  signal: AbortSignal = new AbortController().signal,
): Promise<ProfileFile> {
  const isDescriptor = /^\/(dev\/(stdin|fd\/\d+)|proc\/self\/fd\/\d+)$/.test(file)
  const profile = await readText(file, signal, isDescriptor)
  if ('problem' in profile)
    throw new Ovpn3Error('usage', `cannot read profile ${file}: ${profile.problem}`, {
      hint: `Pass a readable text file of at most ${maxSize / 1024} KiB`,
    })
  const folder = isDescriptor ? '.' : dirname(file)
  const {content, problems} = await inlineFiles(profile.text, (path) =>
    readText(isAbsolute(path) ? path : `${folder}/${path}`, signal),
  )
  if (problems.length > 0)
    throw new Ovpn3Error('usage', `cannot use profile ${file}: ${listed(problems)}`, {
      hint: `Correct the profile; relative paths start at ${folder === '.' ? 'the working directory' : folder}`,
    })
  return {name: file.replaceAll(/[^ -~]/g, ''), content, persistTun: hasDirective(content, 'persist-tun')}
}

function listed(problems: readonly string[]): string {
  const more = problems.length - maxProblems
  return [...problems.slice(0, maxProblems), ...(more > 0 ? [`and ${more} more`] : [])].join('; ')
}

/** @throws Ovpn3Error the signal's reason, once it is aborted */
async function readText(file: string, signal: AbortSignal, orPipe = false): Promise<Reading> {
  try {
    proceed(signal)
    const refuse = (stats: Stats) => {
      if (stats.isFile() || (orPipe && stats.isFIFO())) return
      return stats.isDirectory() ? 'is a directory' : 'not a regular file'
    }

    const bytes = await readBounded(file, maxSize, refuse, signal)
    if (typeof bytes === 'string') return {problem: bytes}
    if (bytes.length > maxSize) return {problem: `larger than ${maxSize / 1024} KiB`}
    if (bytes.includes(0)) return {problem: 'contains NUL bytes'}
    return isUtf8(bytes) ? {text: new TextDecoder().decode(bytes)} : {problem: 'not UTF-8 text'}
  } catch (error) {
    proceed(signal)
    const [, problem] = getSystemErrorMap().get((error as NodeJS.ErrnoException).errno ?? 0) ?? []
    if (!problem) throw error
    return {problem}
  }
}
