import {counterLines, displayWidth, tableText} from '@ovpn3/kit'
import {bytes, duration, safeText, statusText, toJson} from '@ovpn3/sessions'
import * as fc from 'fast-check'
import assert from 'node:assert/strict'
import {describe, it} from 'node:test'

import {summaryLines} from '../../packages/kit/dist/summary'
import {controls, dbusText, longText} from './arbitrary'

const uint32 = fc.nat({max: 2 ** 32 - 1})
const int64 = fc.bigInt({max: 2n ** 63n - 1n, min: -(2n ** 63n)})

describe('arbitrary untrusted text', () => {
  it('becomes one line without control characters, and stays the same when made safe again', () => {
    fc.assert(
      fc.property(longText, (text) => {
        const safe = safeText(text)
        assert.doesNotMatch(safe, controls)
        assert.doesNotMatch(safe, /\n/)
        assert.equal(safeText(safe), safe)
      }),
      {numRuns: 2000},
    )
  })

  it('is made safe in linear time', () => {
    for (const piece of ['\u001B', '\u001B[', '\u001B];', '\u009B;1', '\u001B[;', '\u001B]8;;a', ' \u202E', '\u001B(('])
      for (const end of ['', 'x', '\u0007']) {
        const text = piece.repeat(50_000) + end
        const started = performance.now()
        safeText(text)
        assert.ok(performance.now() - started < 5000, JSON.stringify(piece + end))
      }
  })

  it('is unchanged in JSON, which keeps all digits of integers and has no control characters', () => {
    const {value} = fc.letrec<{value: unknown}>((tie) => ({
      value: fc.oneof(
        {depthSize: 'small'},
        longText,
        int64,
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('value'), {maxLength: 4}),
        fc.dictionary(dbusText(3), tie('value'), {maxKeys: 4}),
      ),
    }))
    const plain = (v: unknown): unknown =>
      typeof v === 'bigint'
        ? Number(v)
        : Array.isArray(v)
          ? v.map((item) => plain(item))
          : typeof v === 'object' && v !== null
            ? Object.fromEntries(Object.entries(v).map(([key, item]) => [key, plain(item)]))
            : v
    fc.assert(
      fc.property(value, fc.constantFrom(undefined, 2), (v, indent) => {
        const json = toJson(v, indent)
        assert.doesNotMatch(json, controls)
        assert.deepEqual(JSON.parse(json), plain(v))
        if (typeof v === 'bigint') assert.equal(json, String(v))
      }),
      {numRuns: 1000},
    )
  })

  it('keeps a table aligned, with one line per row, and no wider than the terminal', () => {
    const table = fc
      .record({columns: fc.integer({max: 6, min: 1}), rows: fc.integer({max: 6, min: 0})})
      .chain(({columns, rows}) =>
        fc.tuple(
          fc.array(fc.record({flexible: fc.boolean(), header: fc.stringMatching(/^[A-Z]{1,8}$/)}), {
            maxLength: columns,
            minLength: columns,
          }),
          fc.array(
            fc.array(
              longText.map((text) => safeText(text) || '-'),
              {maxLength: columns, minLength: columns},
            ),
            {maxLength: rows, minLength: rows},
          ),
          fc.option(fc.integer({max: 200, min: 0}), {nil: undefined}),
        ),
      )
    fc.assert(
      fc.property(table, ([columns, rows, width]) => {
        const lines = tableText(columns, rows, width).split('\n')
        assert.equal(lines.length, rows.length + 1)
        // No character is split.
        assert.equal(Buffer.from(lines.join('\n')).toString(), lines.join('\n'))
        if (width === undefined) {
          const widths = columns.map(({header}, i) =>
            Math.max(header.length, ...rows.map((row) => displayWidth(row[i]!))),
          )
          for (const [r, row] of [columns.map(({header}) => header), ...rows].entries()) {
            const cells = row.map((cell, i) => cell + ' '.repeat(widths[i]! - displayWidth(cell)))
            assert.equal(lines[r], cells.join('  ').trimEnd())
          }
        } else {
          // The minimum width: inflexible columns in full, flexible columns with 2 characters.
          const least = columns.reduce((sum, {flexible, header}, i) => {
            const full = Math.max(header.length, ...rows.map((row) => displayWidth(row[i]!)))
            return sum + (flexible ? Math.min(full, 2) : full) + 2
          }, -2)
          for (const line of lines) assert.ok(displayWidth(line) <= Math.max(width, least), `${line}\n${width}`)
        }
      }),
      {numRuns: 1000},
    )
  })

  it('keeps the columns of a list of candidates aligned', async () => {
    const summary = fc.record({
      path: fc.constant('/net/openvpn/v3/sessions/0123456789'),
      id: fc.constant('0123456789'),
      config: fc.option(dbusText()),
      owner: fc.constantFrom(null, {name: null, uid: 6001}, {name: 'root', uid: 0}),
      device: fc.option(dbusText(2)),
      status: fc.constantFrom(null, 'connected', 'stale'),
      created: fc.option(fc.integer({max: 2 ** 31, min: 0})),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(summary, {maxLength: 5, minLength: 1}), async (summaries) => {
        const lines = summaryLines(summaries)
        assert.equal(lines.length, summaries.length)
        const columns = new Set<number>()
        for (const [i, line] of lines.entries()) {
          assert.doesNotMatch(line, controls)
          // The owner is in the column after the arbitrary text.
          const {config} = summaries[i]!
          const before = '01234567  ' + (config === null ? '-' : safeText(config))
          assert.ok(line.startsWith(before), line)
          const gap = /^ */.exec(line.slice(before.length))![0]
          columns.add(displayWidth(before) + gap.length)
        }

        assert.equal(columns.size, 1, lines.join('\n'))
      }),
      {numRuns: 300},
    )
  })

  it('does not break a line of counters', () => {
    fc.assert(
      fc.property(fc.dictionary(longText, int64), (counters) => {
        const lines = counterLines(counters)
        assert.equal(lines.length, Object.keys(counters).length)
        for (const [i, value] of Object.values(counters).entries()) {
          assert.doesNotMatch(lines[i]!, controls)
          assert.ok(lines[i]!.startsWith('     ') && lines[i]!.endsWith(`.${value}`), lines[i])
        }
      }),
    )
  })
})

describe('arbitrary numbers', () => {
  it('are formatted as statuses, sizes and durations', () => {
    fc.assert(
      fc.property(uint32, uint32, int64, fc.maxSafeInteger(), (major, minor, n, seconds) => {
        assert.match(statusText({major, message: '', minor}), /^[a-zA-Z#0-9 /,]+$/)
        assert.match(bytes(n), /^-?\d+(\.\d)? ([KMGTPE]i)?B$/)
        assert.match(duration(seconds), /^\d+[smhd]( \d+[mh])?$/)
      }),
    )
  })
})
