import {Buffer} from 'node:buffer'

/** Maximum size of a profile with all its files, in bytes. */
export const maxSize = 256 * 1024

/** Maximum length of a line without its line feed, in bytes. */
const maxLine = 511

/** Directives whose first argument is a file that can be inlined as a block. */
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
/** Those whose second argument is the direction of the key. */
const directionalDirectives = new Set(['relay-tls-auth', 'tls-auth'])
/** Third arguments of `http-proxy` that are not a file with user name and password. */
const proxyMethods = new Set(['auto', 'auto-nct', 'basic', 'digest', 'none', 'ntlm'])

/** The text of a file, or why it cannot be used. */
export type Reading = {readonly problem: string} | {readonly text: string}

/** A profile that references no other files. */
export interface Inlined {
  readonly content: string
  /** Problems by line. The content is complete only if there are none. */
  readonly problems: readonly string[]
}

/**
 * Inlines the files that a profile references, as `openvpn3 config-import` does. Blocks, comments and directives without
 * a file stay unchanged, and so do directives whose files cannot be inlined, such as `pkcs12`. Lines end with a line feed
 * only. `openvpn3` stops at the first problem; this reports every line that has one, until the size is exceeded. A line
 * of an inlined file that is too long for the service is a problem too.
 * @param read reads a file by its name in the profile; called one at a time, in the order of the lines
 */
export async function inlineFiles(profile: string, read: (file: string) => Promise<Reading>): Promise<Inlined> {
  const problems: string[] = []
  let content = ''
  let size = Buffer.byteLength(profile)
  for (const {isTooLong, number, text, words} of linesOf(profile)) {
    const report = (problem: string) => problems.push(`line ${number}: ${problem}`)
    const reference = referenceIn(words)
    if (isTooLong) report(`longer than ${maxLine} bytes`)
    else if (!reference) content += `${text}\n`
    else if ('problem' in reference) report(reference.problem)
    else {
      const {before, directive, file} = reference
      const reading = await read(file)
      const problem = 'problem' in reading ? reading.problem : problemWith(reading.text, directive)
      if (problem) report(`${file}: ${problem}`)
      if (!('text' in reading)) continue
      size += Buffer.byteLength(reading.text)
      if (size > maxSize) {
        report(`${file}: makes the profile larger than ${maxSize / 1024} KiB`)
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
  /** Starts at 1. */
  readonly number: number
  /** Without the line end. */
  readonly text: string
  /** Empty for a comment and within a block. */
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

/** Splits a line by OpenVPN's rules: a backslash escapes quotes and comment characters, but not a space. */
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
  /** Lines to insert before the block. */
  readonly before: string
  /** The name of the block. */
  readonly directive: string
  readonly file: string
}

/** The file that a line references, or the problem with it. */
function referenceIn(words: readonly string[]): Reference | {readonly problem: string} | undefined {
  const reference = words[0] === 'http-proxy' ? proxyReference(words) : plainReference(words)
  if (!reference || 'problem' in reference) return reference
  if (reference.file === '') return {problem: `${words[0]}: no file name`}
  return isWord(reference.file, 256) ? reference : {problem: `${words[0]}: invalid file name`}
}

function plainReference([directive = '', file, direction]: readonly string[]): ReturnType<typeof referenceIn> {
  if (file === undefined || !fileDirectives.has(directive)) return
  if (!directionalDirectives.has(directive)) return {before: '', directive, file}
  if (direction !== undefined && !isWord(direction, 16)) return {problem: `${directive}: invalid key direction`}
  return {before: `key-direction ${direction ?? 'bidirectional'}\n`, directive, file}
}

function proxyReference(words: readonly string[]): Reference | undefined {
  const file = words[3]
  if (file === undefined || proxyMethods.has(file)) return
  const line = words.map((word, index) => (index === 3 ? 'auto' : quoted(word)))
  return {before: `${line.join(' ')}\n`, directive: 'http-proxy-user-pass', file}
}

/** Whether a text is one line of at most `maxLength` characters. */
const isWord = (text: string, maxLength: number): boolean => !text.includes('\r') && [...text].length <= maxLength

function quoted(word: string): string {
  const escaped = word.replaceAll(/["\\]/g, String.raw`\$&`)
  return /[\t-\r ]/.test(word) ? `"${escaped}"` : escaped
}

/** Why a file cannot be inlined as a block, without quoting its contents. */
function problemWith(text: string, directive: string): string | undefined {
  if (text.split(/[\n\r]/).some((line) => line.startsWith(`</${directive}>`)))
    return `contains </${directive}> at the start of a line`
  const long = text.split('\n').findIndex((line) => Buffer.byteLength(line) > maxLine)
  return long === -1 ? undefined : `line ${long + 1} of the file is longer than ${maxLine} bytes`
}
