import {Errors} from '@oclif/core'
import {errorDocument, errorText} from '@ovpn3/kit'
import {parserText} from '@ovpn3/kit/flags'
import {exitStatus, Ovpn3Error, toJson} from '@ovpn3/sessions'

/**
 * Ends the process with what a command threw that is not about sessions: those report their errors themselves. oclif
 * would answer a line that cannot be parsed with its own edition of the help.
 */
export async function fail(error: Parameters<typeof Errors.handle>[0], bin: string): Promise<void> {
  const {context} = error.parse?.input ?? {}
  if (!error.showHelp || !context?.id) return Errors.handle(error)
  const message = parserText(error.message)
  const hint = context.id === 'help' ? `See ${bin} help` : `See ${bin} ${context.id.replaceAll(':', ' ')} --help`
  await report(new Ovpn3Error('usage', message, {hint}), context.argv ?? [])
  return Errors.handle(new Errors.ExitError(exitStatus.usage))
}

/** Says what was wrong, as JSON where the line asks for it. */
export async function report(error: Ovpn3Error, line: readonly string[]): Promise<void> {
  const end = line.indexOf('--')
  const options = end === -1 ? line : line.slice(0, end)
  if (options.includes('--json') || options.includes('-j')) process.stdout.write(toJson(errorDocument(error), 2) + '\n')
  else process.stderr.write(`${await errorText(error)}\n`)
}
