import {type ErrorJson, errorJson, type Ovpn3Error, safeText, type SessionSummary} from '@ovpn3/sessions'

import {summaryLines} from './summary'
import {colorsOf} from './terminal'

/** An error as a person reads it on stderr: what happened, the sessions to choose from, what to do next. */
export async function errorText(error: Pick<Ovpn3Error, 'candidates' | 'hint' | 'message'>): Promise<string> {
  const lines = [`${colorsOf(process.stderr).red('Error:')} ${safeText(error.message)}`]
  if (error.candidates) {
    const summaries = await summaryLines(error.candidates)
    lines.push(...summaries.map((line) => `  ${line}`))
  }

  if (error.hint) lines.push(safeText(error.hint))
  return lines.join('\n')
}

/** An error as the one document that `--json` prints. */
export function errorDocument(error: Ovpn3Error): {
  readonly error: ErrorJson & {readonly candidates?: readonly SessionSummary[]}
} {
  return {error: {...errorJson(error), candidates: error.candidates}}
}
