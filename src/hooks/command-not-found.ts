import type {Command, Hook} from '@oclif/core'

import {ExitError} from '@oclif/core/errors'
import {closest} from '@ovpn3/kit'
import {didYouMean, selectorFor} from '@ovpn3/kit/flags'
import {exitStatus, Ovpn3Error, shellWord} from '@ovpn3/sessions'

import {report} from '../failure'

/** Commands of the reference tool that have no counterpart here. */
const ofReference = new Set([
  'config-acl',
  'config-dump',
  'config-import',
  'config-manage',
  'config-remove',
  'configs-list',
])

/** What other tools call theirs. */
const otherWords: Readonly<Record<string, string>> = {connect: 'start', status: 'list', stop: 'disconnect'}

interface KnownCommand {
  readonly flags: Readonly<Record<string, unknown>>
  readonly name: string
}

/** What can be said where no command was recognised. It is a guess, so nothing is run and nothing asked. */
export function notFound(
  bin: string,
  typed: string,
  argv: readonly string[],
  commands: readonly KnownCommand[],
): Ovpn3Error {
  const help = `See ${bin} help`
  const names = commands.map(({name}) => name)
  const suggest = (name: string, ...words: readonly string[]) => didYouMean([bin, ...name.split(' '), ...words])
  if (typed.startsWith('-')) {
    const at = argv.findIndex((argument) => names.includes(argument))
    return new Ovpn3Error('usage', `${typed} comes before the command`, {
      hint:
        at === -1
          ? `Options follow a command. ${help}`
          : suggest(argv[at]!, ...argv.slice(at + 1), typed, ...argv.slice(0, at)),
    })
  }

  const wrong = (hint: string) => new Ovpn3Error('usage', `there is no command ${typed}`, {hint})
  const words = typed.split(' ')
  const [first = ''] = words
  if (ofReference.has(first))
    return wrong(
      `It is a command of openvpn3 itself: ${['openvpn3', ...words, ...argv].map((word) => shellWord(word)).join(' ')}`,
    )
  // the first words: a topic has many commands, and those have aliases
  const begun = [
    ...new Set(names.filter((name) => name.startsWith(typed)).map((name) => name.split(' ', 1)[0]!)),
  ].sort()
  if (begun.length > 1) return wrong(`These begin so: ${begun.join(', ')}`)
  // the words that follow may be arguments
  const lengths = words.map((_, i) => words.length - i)
  const length = lengths.find((n) => closest(words.slice(0, n).join(' '), names)) ?? 1
  const meant =
    // before what is near: `ls` is two letters from `log`
    names.find((name) => name === otherWords[first]) ??
    closest(words.slice(0, length).join(' '), names) ??
    names.find((name) => name.split('-').includes(first))
  if (!meant) return wrong(help)
  return wrong(suggest(meant, ...argumentsFor(commands, meant, words.slice(length)), ...argv))
}

/** A word that follows a command which selects sessions probably names one. */
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
  // of a command that there is not, it may be any
  const flags = Object.assign({}, ...config.commands.map((command) => command.flags)) as Command.Class['flags']
  await report(error, [id, ...argv], flags)
  throw new ExitError(exitStatus.usage)
}

export default hook
