import {ExitError, handle} from '@oclif/core/errors'
import {errorDocument, errorText} from '@ovpn3/kit'
import {asksForJson, type FlagNames, parserText} from '@ovpn3/kit/flags'
import {exitStatus, Ovpn3Error, toJson} from '@ovpn3/sessions'

/**
 * Ends the process with what a command threw that is not about sessions: those report their errors themselves. oclif
 * would answer a line that cannot be parsed with its own edition of the help.
 */
export async function fail(error: Parameters<typeof handle>[0], bin: string): Promise<void> {
  const {context, flags} = error.parse?.input ?? {}
  if (!error.showHelp || !context?.id) return handle(error)
  const message = parserText(error)
  const hint = context.id === 'help' ? `See ${bin} help` : `See ${bin} ${context.id.replaceAll(':', ' ')} --help`
  await report(new Ovpn3Error('usage', message, {hint}), context.argv ?? [], flags)
  return handle(new ExitError(exitStatus.usage))
}

/**
 * Says what was wrong, as JSON where the line asks for it.
 * @param flags those that the line may have, besides `--json`
 */
export async function report(
  error: Ovpn3Error,
  line: readonly string[],
  flags: Readonly<Record<string, FlagNames>> = {},
): Promise<void> {
  if (asksForJson(line, {...flags, format: {type: 'option'}, json: {char: 'j', type: 'boolean'}}))
    process.stdout.write(toJson(errorDocument(error), 2) + '\n')
  else process.stderr.write(`${await errorText(error)}\n`)
}
