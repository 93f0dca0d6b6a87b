import {type ErrorJson, errorJson, type Ovpn3Error, safeText, type SourceFailure} from '@ovpn3/sessions'

import {profileLines, summaryLines} from './summary'
import {colorsOf} from './terminal'

/** An error as a person reads it on stderr: what happened, what there is to choose from, what to do next. */
export async function errorText(
  error: Pick<Ovpn3Error, 'candidates' | 'hint' | 'message' | 'profiles'>,
): Promise<string> {
  const {candidates = [], profiles = []} = error
  return linesOf(error, [...(await summaryLines(candidates)), ...(await profileLines(profiles))])
}

function linesOf({hint, message}: Pick<Ovpn3Error, 'hint' | 'message'>, summaries: readonly string[] = []): string {
  const head = `${colorsOf(process.stderr).red('Error:')} ${safeText(message)}`
  return [head, ...summaries.map((line) => `  ${line}`), ...(hint ? [safeText(hint)] : [])].join('\n')
}

/** An error as the one document that `--json` prints. */
export function errorDocument(error: Ovpn3Error): {
  readonly error: ErrorJson & Pick<Ovpn3Error, 'candidates' | 'profiles'>
} {
  return {error: {...errorJson(error), candidates: error.candidates, profiles: error.profiles}}
}

/** The same for a source whose sessions are missing from what is shown. */
export function failureText({error, source}: SourceFailure): string {
  return linesOf({hint: error.hint, message: `${source}: ${error.message}`})
}

/** A list of sessions as `--json` shows it, with the sources beside it whose sessions are missing. */
export function withFailures(json: unknown, failures: readonly SourceFailure[]): unknown {
  if (failures.length === 0 || typeof json !== 'object' || json === null || !('sessions' in json)) return json
  return {...json, errors: failures.map(({error, source}) => ({source, ...errorJson(error)}))}
}
