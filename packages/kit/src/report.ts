import {
  type ErrorJson,
  errorJson,
  isoTime,
  type Ovpn3Error,
  type ProfileSummary,
  safeText,
  type SessionSummary,
  type SourceFailure,
} from '@ovpn3/sessions'

import {profileLines, summaryLines} from './summary'
import {colorsOf} from './terminal'

/** An error as text for stderr: the message, the candidates to choose from, and a hint. */
export function errorText(error: Pick<Ovpn3Error, 'candidates' | 'hint' | 'message' | 'profiles'>): string {
  const {candidates = [], profiles = []} = error
  return messageText(error, [...summaryLines(candidates), ...profileLines(profiles)])
}

function messageText({hint, message}: Pick<Ovpn3Error, 'hint' | 'message'>, summaries: readonly string[] = []): string {
  const [first = '', ...rest] = message.split('\n').map((line) => safeText(line))
  const head = `${colorsOf(process.stderr).red('Error:')} ${first}`
  // indented, so that a line of a message cannot look like a separate error
  return [
    head,
    ...[...rest.filter(Boolean), ...summaries].map((line) => `  ${line}`),
    ...(hint ? hint.split('\n').map((line) => safeText(line)) : []),
  ].join('\n')
}

/** An error as the document that `--json` prints. */
export function errorDocument(error: Ovpn3Error): {
  readonly error: ErrorJson & {
    readonly candidates?: readonly (Omit<SessionSummary, 'created'> & {readonly created: string | null})[]
    readonly profiles?: readonly (Omit<ProfileSummary, 'lastUsed'> & {readonly lastUsed: string | null})[]
  }
} {
  const candidates = error.candidates?.map((each) => ({...each, created: isoTime(each.created)}))
  const profiles = error.profiles?.map((each) => ({...each, lastUsed: isoTime(each.lastUsed)}))
  return {error: {...errorJson(error), candidates, profiles}}
}

/** The error of a source whose sessions are missing from the output. */
export function failureText({error, source}: SourceFailure): string {
  return messageText({hint: error.hint, message: `${source}: ${error.message}`})
}

/** Whether a document lists sessions or results. */
export function isListing(json: unknown): json is object {
  return typeof json === 'object' && json !== null && 'sessions' in json
}

/** Adds the sources that failed to a document, as `--json` prints it. */
export function withFailures(json: object, failures: readonly SourceFailure[]): object {
  if (failures.length === 0) return json
  return {...json, errors: failures.map(({error, source}) => ({source, ...errorJson(error)}))}
}
