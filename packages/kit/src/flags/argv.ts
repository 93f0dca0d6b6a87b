/** The part of an oclif flag that matters here. */
export interface FlagNames {
  readonly aliases?: readonly string[]
  readonly char?: string
  readonly type: 'boolean' | 'option'
}

type Flags = Readonly<Record<string, FlagNames>>

/** Flags whose value is optional, and what they are without it. */
type OptionalValues = Readonly<Record<string, string>>

/**
 * Makes oclif's parser understand two things that getopt, and so the reference tool, does:
 * - a long option may be shortened as long as it is clear which one is meant: `--conf` for `--config`; but `--all` means
 *   all sessions wherever there is such an option, so elsewhere it is not short for another
 * - an option listed in `optionalValues` takes a value only after `=`; without, it gets the value named there
 */
export function normalizeArgv(argv: readonly string[], flags: Flags, optionalValues: OptionalValues = {}): string[] {
  return [...readArgv(argv, flags, optionalValues)].map(({text}) => text)
}

/** Whether a switch is given: by its name, shortened or with a value, too, or among short ones, as in `-jc NAME`. */
export function hasSwitch(
  argv: readonly string[],
  flags: Flags,
  name: string,
  optionalValues: OptionalValues = {},
): boolean {
  return [...readArgv(argv, flags, optionalValues)].some(({names}) => names.includes(name))
}

/** Whether a line asks for JSON: with `--json`, or with `--format json` in any spelling. */
export function asksForJson(argv: readonly string[], flags: Flags, optionalValues: OptionalValues = {}): boolean {
  const read = [...readArgv(argv, flags, optionalValues)]
  return read.some(
    ({names, text}, i) =>
      names.includes('json') || text === '--format=json' || (text === '--format' && read[i + 1]?.text === 'json'),
  )
}

/** Where a switch is given a value, as in `--pause=yes`: oclif takes that for an argument. @param argv normalized */
export function switchWithValue(
  argv: readonly string[],
  flags: Flags,
  optionalValues: OptionalValues = {},
): undefined | {readonly index: number; readonly name: string} {
  return [...readArgv(argv, flags, optionalValues)]
    .map(({names: [name], text}, index) => ({index, name, text}))
    .find(
      (each): each is typeof each & {readonly name: string} =>
        each.name !== undefined && flags[each.name]!.type === 'boolean' && /^--[^=]+=/.test(each.text),
    )
}

/** An argument as the parser is to see it, and the flags that it names: none where it is a value. */
interface Argument {
  readonly names: readonly string[]
  readonly text: string
}

function* readArgv(argv: readonly string[], flags: Flags, optionalValues: OptionalValues): Generator<Argument> {
  let isValue = false
  let ended = false
  for (const text of argv) {
    ended ||= text === '--' && !isValue
    if (ended || isValue || !text.startsWith('-')) {
      isValue = false
      yield {names: [], text}
    } else if (text.startsWith('--')) {
      const {attached, name} = longFlag(text, flags)
      const value = attached || (name !== undefined && name in optionalValues ? `=${optionalValues[name]}` : '')
      isValue = name !== undefined && value === '' && flags[name]!.type === 'option'
      yield name === undefined ? {names: [], text} : {names: [name], text: `--${name}${value}`}
    } else {
      const {awaitsValue, names} = shortFlags(flags, text)
      isValue = awaitsValue
      yield {names, text}
    }
  }
}

/** The flag that `--name` or `--name=value` means, and the value with its `=`. */
function longFlag(text: string, flags: Flags): {readonly attached: string; readonly name?: string} {
  const names = Object.entries(flags).flatMap(([name, flag]) => [
    {name, target: name},
    ...(flag.aliases ?? []).filter((alias) => alias.length > 1).map((alias) => ({name: alias, target: name})),
  ])
  const [, typed = '', attached = ''] = /^--([^=]*)(=.*)?$/s.exec(text) ?? []
  const exact = names.find(({name}) => name === typed)
  const targets = new Set(names.filter(({name}) => name.startsWith(typed)).map(({target}) => target))
  const isShort = typed.length > 0 && typed !== 'all' && targets.size === 1
  return {attached, name: exact?.target ?? (isShort ? [...targets][0] : undefined)}
}

/**
 * What is within `-Pc`, up to a letter that is no flag; what follows a flag that takes a value is that value. `-c`
 * awaits its value, `-cNAME` has it.
 */
export function shortFlags(
  flags: Flags,
  argument: string,
): {readonly awaitsValue: boolean; readonly names: readonly string[]; readonly value?: string} {
  const names: string[] = []
  if (!/^-[^-]/.test(argument)) return {awaitsValue: false, names}
  for (let i = 1; i < argument.length; i++) {
    const [name, flag] = Object.entries(flags).find(([, {char}]) => char === argument[i]) ?? []
    if (name === undefined) break
    names.push(name)
    if (flag?.type !== 'option') continue
    const value = argument.slice(i + 1)
    return value ? {awaitsValue: false, names, value} : {awaitsValue: true, names}
  }

  return {awaitsValue: false, names}
}
