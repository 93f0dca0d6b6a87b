import type {Candidate} from './candidates'

/** The input of a completion function in bash. */
export interface BashRequest {
  /** `COMP_TYPE`: the kind of completion that the user requested. */
  readonly type: number
  readonly columns: number
  /** The command line up to the cursor. */
  readonly line: string
  /** The text that bash will replace: from its last word break on, which may be `=` or `:`. */
  readonly replaced: string
  /** `COMP_WORDS` up to the cursor, quoted as typed. */
  readonly words: readonly string[]
}

/** The words of the line without their quotes. The last one is to be completed. */
export function bashWords(request: BashRequest): string[] {
  return typedWords(request).map((word) => unquote(word))
}

/** The values for `COMPREPLY`. */
export function bashReplies(request: BashRequest, candidates: readonly Candidate[]): string[] {
  const {columns, replaced, type} = request
  const typed = typedWords(request).at(-1) ?? ''
  const kept = typed.endsWith(replaced) ? typed.slice(0, typed.length - replaced.length) : ''
  const quote = openQuote(kept)
  const [whole, start] = [unquote(typed), unquote(kept)]
  const fitting = candidates
    .filter(({value}) => value.startsWith(whole))
    .map(({description, value}) => ({description, reply: closed(quoted(value.slice(start.length), quote), quote)}))
  const lists = listingTypes.has(type) && fitting.length > 1 && quote === ''
  if (!lists || fitting.every(({description}) => !description)) return fitting.map(({reply}) => reply)
  // bash does not support descriptions, but if it only lists the replies, they can follow the values, one a line
  const width = Math.max(...fitting.map(({reply}) => reply.length))
  return fitting.map(({description, reply}) =>
    (description ? `${reply.padEnd(width)}  ${description}` : reply).slice(0, columns - 1).padEnd(columns - 1),
  )
}

/** `?`, `!` and `@`: bash lists the replies and inserts none. */
const listingTypes: ReadonlySet<number> = new Set([33, 63, 64])

/** Joins the words that bash has split at `=` and `:`, because commands do not split there. */
function typedWords({line, words}: BashRequest): string[] {
  const result: string[] = []
  let end = line.length
  let joined = false
  for (const [index, word] of [...words.entries()].reverse()) {
    // the cursor may be within the last word
    const text = index === words.length - 1 ? startAtEnd(line, word) : word
    if (joined) result[0] = text + result[0]
    else result.unshift(text)
    const before = line.slice(0, end - text.length)
    end = before.trimEnd().length
    joined = end === before.length
  }

  return result
}

/** The longest start of a word that the line ends with. */
function startAtEnd(line: string, word: string): string {
  for (let {length} = word; length > 0; length--) if (line.endsWith(word.slice(0, length))) return word.slice(0, length)
  return ''
}

const part = /'(?<single>[^']*)(?:'|$)|"(?<double>(?:\\[^]|[^"\\])*)(?:"|\\?$)|\\(?<escaped>[^]?)|(?<plain>[^"'\\]+)/g

/** A word as the shell will parse it. Its last quote may be open. */
function unquote(word: string): string {
  return word.replaceAll(part, (...match) => {
    const {double, escaped, plain, single} = match.at(-1) as Record<string, string | undefined>
    return single ?? double?.replaceAll(/\\(["$\\`])/g, '$1') ?? escaped ?? plain ?? ''
  })
}

/** The quote that is open at the end of a word, if any. */
function openQuote(word: string): '' | '"' | "'" {
  const rest = word.replaceAll(/'[^']*'|"(?:\\[^]|[^"\\])*"|\\[^]/g, '')
  return (/["']/.exec(rest)?.[0] ?? '') as '' | '"' | "'"
}

/** bash closes the quote itself, unless the value ends with the same quote character. */
function closed(reply: string, quote: string): string {
  return quote !== '' && reply.endsWith(quote) ? reply + quote : reply
}

function quoted(value: string, quote: '' | '"' | "'"): string {
  switch (quote) {
    case '':
      return value.replaceAll(/[^\w%+,./:=@\u0080-\u{10FFFF}-]/gu, String.raw`\$&`)
    case '"':
      // history expansion applies within quotes, where a backslash before ! would be kept: escape ! outside of them
      return value.replaceAll(/["$\\`]/g, String.raw`\$&`).replaceAll('!', String.raw`"\!"`)
    case "'":
      return value.replaceAll("'", String.raw`'\''`)
  }
}
