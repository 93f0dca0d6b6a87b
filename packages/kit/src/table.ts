import type Table from 'cli-table3'

import stringWidth from 'string-width'

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
  // loaded by those alone who show a table
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const CliTable = require('cli-table3') as typeof Table
  const widths = fit(columns, measure(columns, rows), width)
  const table = new CliTable({
    chars: Object.fromEntries([
      ...[
        'top',
        'top-mid',
        'top-left',
        'top-right',
        'bottom',
        'bottom-mid',
        'bottom-left',
        'bottom-right',
        'left',
        'left-mid',
        'mid',
        'mid-mid',
        'right',
        'right-mid',
      ].map((name) => [name, '']),
      ['middle', ' '.repeat(gap)],
    ]),
    colWidths: widths,
    head: columns.map(({header}) => header),
    style: {border: [], compact: true, head: [], 'padding-left': 0, 'padding-right': 0},
    truncate: '…',
  })
  table.push(...rows.map((row) => [...row]))
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}

function measure(columns: readonly Column[], rows: readonly (readonly string[])[]): number[] {
  return columns.map(({header}, i) =>
    rows.reduce((max, row) => Math.max(max, stringWidth(row[i]!)), stringWidth(header)),
  )
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
