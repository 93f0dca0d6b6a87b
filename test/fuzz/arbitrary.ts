import * as fc from 'fast-check'

import {seed} from '../support/seed'

// Failures report the seed and the error.
fc.configureGlobal({includeErrorInReport: true, seed})

/** Text that is dangerous or breaks the layout in a terminal, a table or a document. */
const pieces = [
  '\u001B[31m',
  '\u001B[2J\u001B[H',
  '\u001B]0;owned\u0007',
  '\u001B]8;;https://evil.example\u001B\\',
  '\u001B]52;c;ZXZpbA==\u001B\\',
  '\u001BPq#0\u001B\\',
  '\u001B',
  '\u009B2J',
  '\u0090',
  '\u0085',
  '\u0007',
  '\b\b\b',
  '\r',
  '\n',
  '\r\n',
  '\t',
  '\u000B\u000C',
  '\u202Egpj.exe',
  '\u2066\u2069',
  '\u200F\u061C',
  '\u2028\u2029',
  '\u200B\u200D\uFEFF',
  '漢字',
  '한글',
  '\uFF21',
  '\u0300\u0301\u0302',
  'e\u0301',
  '👩‍👩‍👧',
  '🇩🇪',
  '☎️',
  'עברית',
  'العربية',
  '"',
  '\\',
  "'",
  '$(reboot)',
  '`id`',
  '; rm -rf /',
  ': ',
  '\n      Status: Connection, Client connected',
  '-----------------------------------------------------------------------------',
  '{"error": null}',
  '*',
  '%s%n',
  '…',
  '__proto__',
  'constructor',
  '-',
]

/** Text that D-Bus can transport: any characters except NUL. */
export const dbusText = (maxLength = 12): fc.Arbitrary<string> =>
  fc
    .array(
      fc.oneof(
        fc.constantFrom(...pieces),
        fc.string({maxLength: 8}),
        fc.string({maxLength: 8, unit: 'grapheme'}),
        fc.string({maxLength: 8, unit: 'binary'}),
      ),
      {maxLength},
    )
    .map((parts) => parts.join('').replaceAll('\0', ''))

/** As `dbusText`, with some texts of 10,000 characters. */
export const longText: fc.Arbitrary<string> = fc.oneof(
  {arbitrary: dbusText(), weight: 9},
  {
    arbitrary: fc.constantFrom(...pieces, 'x').map((piece) => piece.repeat(Math.ceil(10_000 / piece.length))),
    weight: 1,
  },
)

/**
 * Characters that untrusted text must not send to a terminal: C0 except the line feed, C1, and bidirectional controls.
 */
export const controls =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u061C\u200E\u200F\u2028\u2029\u202A-\u202E\u2066-\u2069]/

/** The colours that the commands use. */
// eslint-disable-next-line no-control-regex
export const ownColors = /\u001B\[(?:1|22|2|31|39|32|33|36)m/g
