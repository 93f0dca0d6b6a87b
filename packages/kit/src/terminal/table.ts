import stringWidth from 'string-width'

/** A column of a table. */
export interface Column {
  readonly header: string
  /** May be cut, down to `minimum`, when the table is wider than the terminal. */
  readonly flexible?: boolean
  readonly minimum?: number
  /** Is left out, never cut, when the table does not fit: the lowest number first. */
  readonly dropOrder?: number
}

const gap = 2
/** A flexible column keeps this width as long as another column can be left out instead. */
const comfortable = 8
/** The narrowest that a flexible column gets unless it says otherwise: one character and `…`. */
const narrowest = 2

/**
 * Rows in columns, without borders. Cells may be coloured, but must be safe to show. A table that does not fit loses
 * columns first, then its flexible columns are cut. What still does not fit is left to the terminal.
 * @param columns with a header each
 * @param rows of as many cells
 * @param width of the terminal; without one, the table is as wide as its text
 */
export function tableText(columns: readonly Column[], rows: readonly (readonly string[])[], width = Infinity): string {
  const all = [columns.map(({header}) => header), ...rows]
  const sized = widthsOf(all).map((size, index) => ({...columns[index]!, index, size}))
  const shown = narrow(dropColumns(sized, width), width)
  return inColumns(all.map((row) => shown.map(({index, size}) => cut(row[index]!, size)))).join('\n')
}

/** A line for each row. Cells of a column start at the same place, whatever the width of their characters. */
export function inColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = widthsOf(rows)
  return rows.map((row) =>
    row
      .map((cell, i) => cell + ' '.repeat(widths[i]! - displayWidth(cell)))
      .join(' '.repeat(gap))
      .trimEnd(),
  )
}

function widthsOf(rows: readonly (readonly string[])[]): number[] {
  return rows.reduce<number[]>((max, row) => row.map((cell, i) => Math.max(max[i] ?? 0, displayWidth(cell))), [])
}

const plain = /^[\u0020-\u007E]*$/

/** Where a terminal that does not join emoji starts another one. */
const emojiPart = /\u200D|(?=[\u{1F3FB}-\u{1F3FF}])/u

/** The most terminal columns that a text takes up: many terminals draw the parts of a joined emoji side by side. */
export function displayWidth(text: string): number {
  if (plain.test(text)) return text.length
  return text.split(emojiPart).reduce((sum, part) => sum + stringWidth(part), 0)
}

// eslint-disable-next-line no-control-regex
const colorCode = /(\u001B\[[\d;]*m)/

/** Shortens a text to its start and `…` where it is wider than `width`. Colours end where they would have ended. */
export function cut(text: string, width: number): string {
  if (displayWidth(text) <= width) return text
  const segmenter = new Intl.Segmenter()
  let left = width - 1
  let ended = false
  const start = (part: string) => {
    let kept = ''
    for (const {segment} of segmenter.segment(part)) {
      left -= displayWidth(segment)
      if (ended) break
      ended = left < 0
      kept += ended ? '…' : segment
    }

    return kept
  }

  return text
    .split(colorCode)
    .map((part, i) => (i % 2 === 1 ? part : start(part)))
    .join('')
}

interface Sized extends Column {
  readonly index: number
  readonly size: number
}

const isFlexible = ({dropOrder, flexible}: Column) => flexible === true && dropOrder === undefined

const sum = (sizes: readonly number[]) => sizes.reduce((total, size) => total + size + gap, -gap)

/** Leaves out columns until the others fit, with flexible ones at a comfortable width. */
function dropColumns(columns: readonly Sized[], width: number): readonly Sized[] {
  const least = columns.map((column) =>
    isFlexible(column) ? Math.min(column.size, Math.max(comfortable, column.minimum ?? 0)) : column.size,
  )
  if (sum(least) <= width) return columns
  const [next] = columns.filter(({dropOrder}) => dropOrder !== undefined).sort((a, b) => a.dropOrder! - b.dropOrder!)
  if (!next) return columns
  const rest = columns.filter((column) => column.dropOrder !== next.dropOrder)
  return dropColumns(rest, width)
}

/** Cuts the widest flexible column, step by step, until all fit. */
function narrow(columns: readonly Sized[], width: number): readonly Sized[] {
  const sizes = columns.map(({size}) => size)
  for (let over = sum(sizes) - width; over > 0; over--) {
    const [widest] = columns
      .map((column, i) => ({
        i,
        spare: isFlexible(column) ? sizes[i]! - (column.minimum ?? narrowest) : 0,
        size: sizes[i]!,
      }))
      .filter(({spare}) => spare > 0)
      .sort((a, b) => b.size - a.size)
    if (!widest) break
    sizes[widest.i]!--
  }

  return columns.map((column, i) => ({...column, size: sizes[i]!}))
}
