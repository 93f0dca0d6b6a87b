import type {Command, Hook} from '@oclif/core'

import {ExitError} from '@oclif/core/errors'
import {closest} from '@ovpn3/kit'
import {didYouMean, selectorFor, unexpected} from '@ovpn3/kit/flags'
import {exitStatus, Ovpn3Error, shellWord} from '@ovpn3/sessions'

import {report} from '../failure'

/** Commands of openvpn3 without a counterpart in ovpn3. */
const referenceCommands = new Set([
  'config-acl',
  'config-dump',
  'config-import',
  'config-manage',
  'config-remove',
  'configs-list',
])

/** Verbs of other tools, with the corresponding verbs of ovpn3. */
const foreignVerbs: Readonly<Record<string, string>> = {
  completion: 'autocomplete',
  connect: 'start',
  status: 'list',
  stop: 'disconnect',
}

interface KnownCommand {
  readonly flags: Readonly<Record<string, unknown>>
  readonly name: string
}

/** The error for an unknown command. Its suggestion is a guess, so it is neither run nor offered at a prompt. */
export function notFound(
  bin: string,
  typed: string,
  argv: readonly string[],
  commands: readonly KnownCommand[],
): Ovpn3Error {
  const help = `Run \`${bin} help\``
  const names = commands.map(({name}) => name)
  const suggest = (name: string, ...words: readonly string[]) => didYouMean([bin, ...name.split(' '), ...words])
  if (typed.startsWith('-')) {
    const at = argv.findIndex((argument) => names.includes(argument))
    return new Ovpn3Error('usage', `${typed} comes before the command`, {
      hint:
        at === -1
          ? `Put options after the command. ${help}`
          : suggest(argv[at]!, ...argv.slice(at + 1), typed, ...argv.slice(0, at)),
    })
  }

  const unknown = (hint: string) => new Ovpn3Error('usage', `unknown command: ${typed}`, {hint})
  const words = typed.split(' ')
  const [first = ''] = words
  if (referenceCommands.has(first))
    return unknown(`Run \`${['openvpn3', ...words, ...argv].map((word) => shellWord(word)).join(' ')}\``)
  // the first word only, because a topic has many commands with aliases
  const completions = [
    ...new Set(names.filter((name) => name.startsWith(typed)).map((name) => name.split(' ', 1)[0]!)),
  ].sort()
  if (completions.length > 1)
    return unknown(`Did you mean: ${completions.slice(0, -1).join(', ')} or ${completions.at(-1)}`)
  // further words may be arguments, so the longest sequence that resembles a command counts
  const lengths = words.map((_, i) => words.length - i)
  const length = lengths.find((n) => closest(words.slice(0, n).join(' '), names)) ?? 1
  const meant =
    // the verb of another tool takes precedence over a similar name
    names.find((name) => name === foreignVerbs[first]) ??
    closest(words.slice(0, length).join(' '), names) ??
    names.find((name) => name.split('-').includes(first))
  if (!meant) return unknown(help)
  const rest = words.slice(length)
  const following = argumentsFor(commands, meant, rest)
  // a plugin's command may take no arguments
  if (meant === words.slice(0, length).join(' ') && following.join(' ') === rest.join(' '))
    return new Ovpn3Error('usage', unexpected(rest), {hint: `Run \`${bin} ${meant} --help\``})
  return unknown(suggest(meant, ...following, ...argv))
}

/** A single word after a command that selects sessions probably selects one. */
function argumentsFor(commands: readonly KnownCommand[], name: string, words: readonly string[]): readonly string[] {
  const selects = commands.some((command) => command.name === name && 'config' in command.flags)
  return selects && words.length === 1 ? selectorFor(words[0]!) : words
}

const hook: Hook.CommandNotFound = async function ({argv = [], config, id}) {
  const separator = config.topicSeparator
  const readable = (name: string) => name.replaceAll(':', separator)
  const commands = config.commands
    .filter(({hidden}) => !hidden)
    .flatMap(({aliases, flags, id: name}) => [name, ...aliases].map((each) => ({flags, name: readable(each)})))
  const error = notFound(config.bin, readable(id), argv, commands)
  // the flags of an unknown command may be those of any command
  const flags = Object.assign({}, ...config.commands.map((command) => command.flags)) as Command.Class['flags']
  report(error, [id, ...argv], flags)
  throw new ExitError(exitStatus.usage)
}

export default hook
