import {ExitError, handle} from '@oclif/core/errors'
import {errorDocument, errorText} from '@ovpn3/kit'
import {asksForJson, type FlagNames, parserText} from '@ovpn3/kit/flags'
import {exitStatus, Ovpn3Error, toJson} from '@ovpn3/sessions'

/**
 * Ends the process with an error that a command did not report itself. For a command line that cannot be parsed, oclif
 * would print its own help.
 */
export async function fail(error: Parameters<typeof handle>[0], bin: string): Promise<void> {
  const {context, flags} = error.parse?.input ?? {}
  if (!error.showHelp || !context?.id) return handle(error)
  const message = parserText(error)
  const help = context.id === 'help' ? 'help' : `${context.id.replaceAll(':', ' ')} --help`
  const hint = `Run \`${bin} ${help}\``
  report(new Ovpn3Error('usage', message, {hint}), context.argv ?? [], flags)
  return handle(new ExitError(exitStatus.usage))
}

/**
 * Prints an error, as JSON if the command line requests it.
 * @param flags the flags of the command, without `--json`
 */
export function report(
  error: Ovpn3Error,
  line: readonly string[],
  flags: Readonly<Record<string, FlagNames>> = {},
): void {
  if (asksForJson(line, {...flags, format: {type: 'option'}, json: {char: 'j', type: 'boolean'}}))
    process.stdout.write(toJson(errorDocument(error), 2) + '\n')
  else process.stderr.write(`${errorText(error)}\n`)
}
