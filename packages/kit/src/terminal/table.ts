import stringWidth from 'string-width'

/** A column of a table. */
export interface Column {
  readonly header: string
  /** Can be cut, down to `minimum`, if the table is wider than the terminal. */
  readonly flexible?: boolean
  readonly minimum?: number
  /** Omitted, never cut, if the table does not fit: the lowest number first. */
  readonly dropOrder?: number
}

const gap = 2
/** A flexible column keeps this width while another column can be omitted instead. */
const preferredWidth = 8
/** The default minimum width of a flexible column: one character and `…`. */
const minimumWidth = 2

/**
 * Rows in columns, without borders. Cells may be coloured, but must be safe to show. If a table does not fit, columns
 * are omitted first, then flexible columns are cut. A table that is still too wide is not changed further.
 * @param rows one cell for each column
 * @param width the width of the terminal; if omitted, the table is as wide as its text
 */
export function tableText(columns: readonly Column[], rows: readonly (readonly string[])[], width = Infinity): string {
  const all = [columns.map(({header}) => header), ...rows]
  const sized = widthsOf(all).map((size, index) => ({...columns[index]!, index, size}))
  const shown = narrow(dropColumns(sized, width), width)
  return inColumns(all.map((row) => shown.map(({index, size}) => cut(row[index]!, size)))).join('\n')
}

/** One line for each row. Cells of a column are aligned by display width, also those with wide characters. */
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

/** Shortens a text that is wider than `width` to its start and `…`. Keeps the codes that end colours. */
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

/** Omits columns until the others fit, with flexible ones at their preferred width. */
function dropColumns(columns: readonly Sized[], width: number): readonly Sized[] {
  const widths = columns.map((column) =>
    isFlexible(column) ? Math.min(column.size, Math.max(preferredWidth, column.minimum ?? 0)) : column.size,
  )
  if (sum(widths) <= width) return columns
  const [next] = columns.filter(({dropOrder}) => dropOrder !== undefined).sort((a, b) => a.dropOrder! - b.dropOrder!)
  if (!next) return columns
  const rest = columns.filter((column) => column.dropOrder !== next.dropOrder)
  return dropColumns(rest, width)
}

/** Cuts the widest flexible column, step by step, until all fit. */
function narrow(columns: readonly Sized[], width: number): readonly Sized[] {
  const sizes = columns.map(({size}) => size)
  for (let excess = sum(sizes) - width; excess > 0; excess--) {
    const [widest] = columns
      .map((column, i) => ({
        i,
        spare: isFlexible(column) ? sizes[i]! - (column.minimum ?? minimumWidth) : 0,
        size: sizes[i]!,
      }))
      .filter(({spare}) => spare > 0)
      .sort((a, b) => b.size - a.size)
    if (!widest) break
    sizes[widest.i]!--
  }

  return columns.map((column, i) => ({...column, size: sizes[i]!}))
}
