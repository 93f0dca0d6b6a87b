import type {Candidate} from './candidates'

/** What bash tells a completion function. */
export interface BashRequest {
  /** `COMP_TYPE`: how completion was asked for. */
  readonly type: number
  readonly columns: number
  /** The command line up to the cursor. */
  readonly line: string
  /** What bash will replace: from the last of its word breaks on, `=` and `:` among them. */
  readonly replaced: string
  /** `COMP_WORDS` up to the cursor, quoted as typed. */
  readonly words: readonly string[]
}

/** The words of the line without their quotes, the last one being the one to complete. */
export function bashWords(request: BashRequest): string[] {
  return typedWords(request).map((word) => unquote(word))
}

/** What goes into `COMPREPLY`. */
export function bashReplies(request: BashRequest, candidates: readonly Candidate[]): string[] {
  const {columns, replaced, type} = request
  const typed = typedWords(request).at(-1) ?? ''
  const kept = typed.endsWith(replaced) ? typed.slice(0, typed.length - replaced.length) : ''
  const quote = openQuote(kept)
  const [whole, start] = [unquote(typed), unquote(kept)]
  const fitting = candidates
    .filter(({value}) => value.startsWith(whole))
    .map(({description, value}) => ({description, reply: closed(quoted(value.slice(start.length), quote), quote)}))
  const lists = listing.has(type) && fitting.length > 1 && quote === ''
  if (!lists || fitting.every(({description}) => !description)) return fitting.map(({reply}) => reply)
  // bash has no place for descriptions: where it only shows what there is, they may stand behind, one a line
  const width = Math.max(...fitting.map(({reply}) => reply.length))
  return fitting.map(({description, reply}) =>
    (description ? `${reply.padEnd(width)}  ${description}` : reply).slice(0, columns - 1).padEnd(columns - 1),
  )
}

/** `?`, `!` and `@`: what there is gets listed, not inserted. */
const listing: ReadonlySet<number> = new Set([33, 63, 64])

/** bash takes words apart at `=` and `:`, which no command does. */
function typedWords({line, words}: BashRequest): string[] {
  const result: string[] = []
  let end = line.length
  let joined = false
  for (const [index, word] of [...words.entries()].reverse()) {
    // the cursor may be within the last word
    const text = index === words.length - 1 ? commonEnd(line, word) : word
    if (joined) result[0] = text + result[0]
    else result.unshift(text)
    const before = line.slice(0, end - text.length)
    end = before.trimEnd().length
    joined = end === before.length
  }

  return result
}

/** As much of a word's beginning as the line ends with. */
function commonEnd(line: string, word: string): string {
  for (let {length} = word; length > 0; length--) if (line.endsWith(word.slice(0, length))) return word.slice(0, length)
  return ''
}

const part = /'(?<single>[^']*)(?:'|$)|"(?<double>(?:\\[^]|[^"\\])*)(?:"|\\?$)|\\(?<escaped>[^]?)|(?<plain>[^"'\\]+)/g

/** A word as the shell will understand it; quotes may still be open. */
function unquote(word: string): string {
  return word.replaceAll(part, (...match) => {
    const {double, escaped, plain, single} = match.at(-1) as Record<string, string | undefined>
    return single ?? double?.replaceAll(/\\(["$\\`])/g, '$1') ?? escaped ?? plain ?? ''
  })
}

/** The quote that is still open at the end, or none. */
function openQuote(word: string): '' | '"' | "'" {
  const rest = word.replaceAll(/'[^']*'|"(?:\\[^]|[^"\\])*"|\\[^]/g, '')
  return (/["']/.exec(rest)?.[0] ?? '') as '' | '"' | "'"
}

/** bash closes the quote itself, unless the value ends with such a one. */
function closed(reply: string, quote: string): string {
  return quote !== '' && reply.endsWith(quote) ? reply + quote : reply
}

function quoted(value: string, quote: '' | '"' | "'"): string {
  switch (quote) {
    case '':
      return value.replaceAll(/[^\w%+,./:=@\u0080-\u{10FFFF}-]/gu, String.raw`\$&`)
    case '"':
      // the shell looks for ! here, too, and a backslash would stay: it stands between two quotes
      return value.replaceAll(/["$\\`]/g, String.raw`\$&`).replaceAll('!', String.raw`"\!"`)
    case "'":
      return value.replaceAll("'", String.raw`'\''`)
  }
}
