import stringWidth from 'string-width'

/** A column of a table. */
export interface Column {
  readonly header: string
  /** Gives way first where the table is wider than the terminal. */
  readonly flexible?: boolean
}

const gap = 2
/** No column is made narrower than this. */
const minimum = 6

/**
 * Rows in columns, without borders. Cells may be coloured, but must be safe to show.
 * @param columns with a header each
 * @param rows of as many cells
 * @param width of the terminal; without one nothing is cut
 */
export function tableText(columns: readonly Column[], rows: readonly (readonly string[])[], width = Infinity): string {
  const all = [columns.map(({header}) => header), ...rows]
  const widths = fit(columns, widthsOf(all), width)
  return inColumns(all.map((row) => row.map((cell, i) => cut(cell, widths[i]!)))).join('\n')
}

/** A line for each row, with every cell where its column begins, whatever its characters are. */
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

/** The columns that a text takes up on a terminal. */
export function displayWidth(text: string): number {
  return plain.test(text) ? text.length : stringWidth(text)
}

// eslint-disable-next-line no-control-regex
const colorCode = /(\u001B\[[\d;]*m)/

/** A text, or its start and `…`, in at most so many columns; what was coloured ends so. */
export function cut(text: string, width: number): string {
  if (displayWidth(text) <= width) return text
  const segmenter = new Intl.Segmenter()
  let left = width - 1
  let ended = false
  const start = (part: string) => {
    let kept = ''
    for (const {segment} of segmenter.segment(part)) {
      left -= stringWidth(segment)
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

/** Narrows the widest flexible column, step by step, until all fits. */
function fit(columns: readonly Column[], widths: readonly number[], width: number): number[] {
  const result = [...widths]
  let over = result.reduce((sum, w) => sum + w + gap, -gap) - width
  while (over > 0) {
    const widest = columns
      .map(({flexible}, i) => ({i, width: flexible ? result[i]! : 0}))
      .reduce((a, b) => (b.width > a.width ? b : a))
    if (widest.width <= minimum) break
    result[widest.i]!--
    over--
  }

  return result
}
