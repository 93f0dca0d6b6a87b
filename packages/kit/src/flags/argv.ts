/** The part of an oclif flag that matters here. */
export interface FlagNames {
  readonly aliases?: readonly string[]
  readonly char?: string
  readonly type: 'boolean' | 'option'
}

/**
 * Makes oclif's parser understand two things that getopt, and so the reference tool, does:
 * - a long option may be shortened as long as it is clear which one is meant: `--conf` for `--config`; but `--all` means
 *   all sessions wherever there is such an option, so elsewhere it is not short for another
 * - an option listed in `optionalValues` takes a value only after `=`; without, it gets the value named there
 */
export function normalizeArgv(
  argv: readonly string[],
  flags: Readonly<Record<string, FlagNames>>,
  optionalValues: Readonly<Record<string, string>> = {},
): string[] {
  const names = Object.entries(flags).flatMap(([name, flag]) => [
    {name, target: name},
    ...(flag.aliases ?? []).filter((alias) => alias.length > 1).map((alias) => ({name: alias, target: name})),
  ])
  const result: string[] = []
  let isValue = false
  for (const [index, argument] of argv.entries()) {
    if (isValue || !argument.startsWith('-')) {
      isValue = false
      result.push(argument)
      continue
    }

    if (argument === '--') return [...result, ...argv.slice(index)]
    if (!argument.startsWith('--')) {
      isValue = takesValue(flags, argument)
      result.push(argument)
      continue
    }

    const [, typed = '', rest = ''] = /^--([^=]*)(=.*)?$/s.exec(argument) ?? []
    const exact = names.find(({name}) => name === typed)
    const targets = new Set(names.filter(({name}) => name.startsWith(typed)).map(({target}) => target))
    const isShort = typed.length > 0 && typed !== 'all' && targets.size === 1
    const name = exact?.target ?? (isShort ? [...targets][0]! : undefined)
    if (name === undefined) {
      result.push(argument)
      continue
    }

    const optional = optionalValues[name]
    if (optional === undefined) {
      result.push(`--${name}${rest}`)
      isValue = rest === '' && flags[name]!.type === 'option'
    } else {
      result.push(`--${name}${rest || `=${optional}`}`)
    }
  }

  return result
}

/** Whether a switch is given, by its name, with or without a value, or among short ones, as in `-jc NAME`. */
export function hasSwitch(argv: readonly string[], flags: Readonly<Record<string, FlagNames>>, name: string): boolean {
  const end = argv.indexOf('--')
  return argv
    .slice(0, end === -1 ? undefined : end)
    .some(
      (argument) => /^--[^=]*/.exec(argument)?.[0] === `--${name}` || shortFlags(flags, argument).names.includes(name),
    )
}

/** `-c` awaits its value, `-cNAME` has it, and in `-Pc` the last one decides. */
function takesValue(flags: Readonly<Record<string, FlagNames>>, argument: string): boolean {
  return shortFlags(flags, argument).awaitsValue
}

/** What is within `-Pc`; what follows a flag that takes a value is that value. */
export function shortFlags(
  flags: Readonly<Record<string, FlagNames>>,
  argument: string,
): {readonly awaitsValue: boolean; readonly names: readonly string[]; readonly value?: string} {
  const names: string[] = []
  if (!/^-[^-]/.test(argument)) return {awaitsValue: false, names}
  for (let i = 1; i < argument.length; i++) {
    const [name, flag] = Object.entries(flags).find(([, {char}]) => char === argument[i]) ?? []
    if (name !== undefined) names.push(name)
    if (flag?.type !== 'option') continue
    const value = argument.slice(i + 1)
    return value ? {awaitsValue: false, names, value} : {awaitsValue: true, names}
  }

  return {awaitsValue: false, names}
}

/** What oclif's parser says of a line, as a line of ours: without its reference to the help, and as one line. */
export function parserText(message: string): string {
  return message
    .replace(/\nSee more help with --help$/, '')
    .replace(/^Flag (--\S+) expects a value$/, "option '$1' requires an argument")
    .replace(/^Flag (--\S+)/, '$1')
    .replace(/^Nonexistent flags?: (.*)$/, (_, options: string) => unrecognized(...options.split(', ')))
    .replace(/^[A-Z][a-z]/, (start) => start.toLowerCase())
    .replaceAll(/\s*\n\s*/g, ' ')
}

/** That there are no such options, in getopt's words. */
export function unrecognized(...options: readonly string[]): string {
  return `unrecognized option${options.length > 1 ? 's' : ''} ${options.map((option) => `'${option}'`).join(', ')}`
}
