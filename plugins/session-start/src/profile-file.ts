import {readBounded} from '@ovpn3/kit'
import {Ovpn3Error, proceed} from '@ovpn3/sessions'
import {isUtf8} from 'node:buffer'
import {type Stats} from 'node:fs'
import {dirname, isAbsolute} from 'node:path'
import {getSystemErrorMap} from 'node:util'

import {hasDirective, inlineFiles, maxSize, type Reading} from './profile-text'

/** A profile in the form that the configuration manager imports. */
export interface ProfileFile {
  /** The path as given, reduced to printable ASCII, as the service stores it. */
  readonly name: string
  /** The profile with all referenced files inlined. */
  readonly content: string
  /** Whether the profile has `persist-tun`; the service honours that only as an override. */
  readonly persistTun: boolean
}

/** Problems listed in one error. */
const maxProblems = 20

/**
 * Reads a profile and inlines every file that it references, as `openvpn3 config-import` does, except:
 *
 * - One error lists every line that has a problem, with the reason, but never file contents.
 * - Referenced files must be regular files, so that no pipe or device can block the command. The profile itself may be a
 *   pipe if it is given as an open descriptor (/dev/stdin, /dev/fd/N). It is then read until it ends or the signal is
 *   aborted, and relative paths start at the working directory.
 * - A backslash in a path is an ordinary character, not a separator.
 *
 * The profile and its files may have 256 KiB in total, as UTF-8 text without NUL. A byte order mark is dropped.
 * @throws Ovpn3Error `usage`, or the signal's reason once it is aborted
 */
export async function readProfile(
  file: string,
  signal: AbortSignal = new AbortController().signal,
): Promise<ProfileFile> {
  const profile = await readText(file, signal, {pipe: true})
  if ('problem' in profile)
    throw new Ovpn3Error('usage', `cannot read profile ${file}: ${profile.problem}`, {
      hint: `Pass a readable text file of at most ${maxSize / 1024} KiB`,
    })
  const folder = profile.isDescriptor ? '.' : dirname(file)
  const {content, problems} = await inlineFiles(profile.text, (path) =>
    readText(isAbsolute(path) ? path : `${folder}/${path}`, signal),
  )
  if (problems.length > 0)
    throw new Ovpn3Error('usage', `cannot use profile ${file}:${listed(problems)}`, {
      hint: `Correct the profile; relative paths start at ${folder === '.' ? 'the working directory' : folder}`,
    })
  return {name: file.replaceAll(/[^ -~]/g, ''), content, persistTun: hasDirective(content, 'persist-tun')}
}

/** One problem on the same line, several on a line each. */
function listed(problems: readonly string[]): string {
  if (problems.length === 1) return ` ${problems[0]}`
  const more = problems.length - maxProblems
  return ['', ...problems.slice(0, maxProblems), ...(more > 0 ? [`and ${more} more`] : [])].join('\n')
}

/**
 * @param options.pipe whether an open descriptor may be a pipe
 * @throws Ovpn3Error the signal's reason, once it is aborted
 */
async function readText(
  file: string,
  signal: AbortSignal,
  {pipe = false} = {},
): Promise<Reading & {readonly isDescriptor: boolean}> {
  let isDescriptor = false
  const reading = (value: Reading) => ({...value, isDescriptor})
  try {
    proceed(signal)
    const refuse = (stats: Stats, isOpen: boolean) => {
      isDescriptor = isOpen
      if (stats.isFile() || (pipe && isOpen && stats.isFIFO())) return
      return stats.isDirectory() ? 'is a directory' : 'not a regular file'
    }

    const bytes = await readBounded(file, maxSize, refuse, signal)
    if (typeof bytes === 'string') return reading({problem: bytes})
    if (bytes.length > maxSize) return reading({problem: `larger than ${maxSize / 1024} KiB`})
    if (bytes.includes(0)) return reading({problem: 'contains NUL bytes'})
    return reading(isUtf8(bytes) ? {text: new TextDecoder().decode(bytes)} : {problem: 'not UTF-8 text'})
  } catch (error) {
    proceed(signal)
    const [, problem] = getSystemErrorMap().get((error as NodeJS.ErrnoException).errno ?? 0) ?? []
    if (!problem) throw error
    return reading({problem})
  }
}
