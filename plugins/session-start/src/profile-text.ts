import {Buffer} from 'node:buffer'

/** Bytes that a profile and all files that it names may have together. */
export const maxSize = 256 * 1024

/** Bytes that a line may have, without its line feed. */
const maxLine = 511

/** Directives whose first argument is a file that can stand in the profile instead, as a block. */
const fileDirectives = new Set([
  'auth-user-pass',
  'ca',
  'cert',
  'crl-verify',
  'dh',
  'extra-certs',
  'key',
  'relay-extra-ca',
  'relay-tls-auth',
  'static-key',
  'tls-auth',
  'tls-crypt',
  'tls-crypt-v2',
])
/** Of these, the ones whose second argument is the direction of the key. */
const directed = new Set(['relay-tls-auth', 'tls-auth'])
/** What the third argument of `http-proxy` can be other than a file with user and password. */
const proxyMethods = new Set(['auto', 'auto-nct', 'basic', 'digest', 'none', 'ntlm'])

/** The text of a file, or why there is none. */
export type Reading = {readonly problem: string} | {readonly text: string}

/** A profile that needs no other file. */
export interface Inlined {
  readonly content: string
  /** What is wrong with which line. The content is complete only where this is empty. */
  readonly problems: readonly string[]
}

/**
 * Puts the files that a profile names into it, as `openvpn3 config-import` does: blocks, comments and all directives that
 * name no file stay as they are, and so do those whose files cannot be inlined, such as `pkcs12`. Lines end with a line
 * feed alone. Where `openvpn3` stops at the first problem, and says at most which files it could not read, each line
 * with a problem is named, until the size is exceeded. A line of an inlined file that the service would refuse for its
 * length is a problem, too.
 * @param read answers for the name of a file as the profile has it; called one at a time, in the order of the lines
 */
export async function inlineFiles(profile: string, read: (file: string) => Promise<Reading>): Promise<Inlined> {
  const problems: string[] = []
  let content = ''
  let size = Buffer.byteLength(profile)
  for (const {isTooLong, number, text, words} of linesOf(profile)) {
    const complain = (problem: string) => problems.push(`line ${number}: ${problem}`)
    const reference = referenceIn(words)
    if (isTooLong) complain(`longer than ${maxLine} bytes`)
    else if (!reference) content += `${text}\n`
    else if ('problem' in reference) complain(reference.problem)
    else {
      const {before, directive, file} = reference
      const reading = await read(file)
      const problem = 'problem' in reading ? reading.problem : problemWith(reading.text, directive)
      if (problem) complain(`${file}: ${problem}`)
      if (!('text' in reading)) continue
      size += Buffer.byteLength(reading.text)
      if (size > maxSize) {
        complain(`${file}: makes the profile larger than ${maxSize / 1024} KiB`)
        break
      }

      const end = reading.text.endsWith('\n') ? '' : '\n'
      content += `${before}<${directive}>\n${reading.text}${end}</${directive}>\n`
    }
  }

  return {content, problems}
}

/** Whether a profile has a directive, outside of blocks. */
export function hasDirective(profile: string, directive: string): boolean {
  for (const {words} of linesOf(profile)) if (words[0] === directive) return true
  return false
}

interface Line {
  readonly isTooLong: boolean
  /** From 1. */
  readonly number: number
  /** Without its end. */
  readonly text: string
  /** None for a comment, and within a block. */
  readonly words: readonly string[]
}

function* linesOf(profile: string): Generator<Line> {
  let block: string | undefined
  const lines = profile.split('\n')
  if (lines.at(-1) === '') lines.pop()
  for (const [index, line] of lines.entries()) {
    const isTooLong = Buffer.byteLength(line) > maxLine
    const text = isTooLong ? '' : line.replace(/\r+$/, '')
    const words = block === undefined ? wordsOf(text) : []
    yield {isTooLong, number: index + 1, text, words}
    if (block === undefined) block = words.length === 1 ? /^<([^/].*)>$/s.exec(words[0]!)?.[1] : undefined
    else if (text === `</${block}>`) block = undefined
  }
}

/** The words of a line by OpenVPN's rules: a backslash takes the meaning of quotes and comments, but not of a space. */
function wordsOf(line: string): string[] {
  const words: string[] = []
  let word: string | undefined
  let quote = ''
  let escaped = false
  for (const character of line) {
    if (!escaped && character === '\\') {
      escaped = true
      continue
    }

    if (!escaped && (character === quote || (quote === '' && /["']/.test(character)))) {
      quote = quote === '' ? character : ''
      word ??= ''
      continue
    }

    if (!escaped && quote === '' && /[#;]/.test(character)) break
    escaped = false
    if (quote !== '' || !/[\t-\r ]/.test(character)) word = (word ?? '') + character
    else if (word !== undefined) {
      words.push(word)
      word = undefined
    }
  }

  return word === undefined ? words : [...words, word]
}

interface Reference {
  /** Lines that come before the block. */
  readonly before: string
  /** The name of the block. */
  readonly directive: string
  readonly file: string
}

/** The file that a line names; or what is wrong with it. */
function referenceIn(words: readonly string[]): Reference | {readonly problem: string} | undefined {
  const reference = words[0] === 'http-proxy' ? proxyReference(words) : plainReference(words)
  if (!reference || 'problem' in reference) return reference
  if (reference.file === '') return {problem: `${words[0]}: no file name`}
  return isWord(reference.file, 256) ? reference : {problem: `${words[0]}: invalid file name`}
}

function plainReference([directive = '', file, direction]: readonly string[]): ReturnType<typeof referenceIn> {
  if (file === undefined || !fileDirectives.has(directive)) return
  if (!directed.has(directive)) return {before: '', directive, file}
  if (direction !== undefined && !isWord(direction, 16)) return {problem: `${directive}: invalid key direction`}
  return {before: `key-direction ${direction ?? 'bidirectional'}\n`, directive, file}
}

function proxyReference(words: readonly string[]): Reference | undefined {
  const file = words[3]
  if (file === undefined || proxyMethods.has(file)) return
  const line = words.map((word, index) => (index === 3 ? 'auto' : quoted(word)))
  return {before: `${line.join(' ')}\n`, directive: 'http-proxy-user-pass', file}
}

/** Whether it is of one line, and of so many characters at most. */
const isWord = (text: string, length: number): boolean => !text.includes('\r') && [...text].length <= length

function quoted(word: string): string {
  const escaped = word.replaceAll(/["\\]/g, String.raw`\$&`)
  return /[\t-\r ]/.test(word) ? `"${escaped}"` : escaped
}

/** Why a file cannot be a block of the profile. Says nothing of what is in it. */
function problemWith(text: string, directive: string): string | undefined {
  if (text.split(/[\n\r]/).some((line) => line.startsWith(`</${directive}>`)))
    return `contains </${directive}> at the start of a line`
  const long = text.split('\n').findIndex((line) => Buffer.byteLength(line) > maxLine)
  return long === -1 ? undefined : `its line ${long + 1} is longer than ${maxLine} bytes`
}
