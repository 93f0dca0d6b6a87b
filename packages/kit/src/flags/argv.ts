/** The part of an oclif flag that this module reads. */
export interface FlagNames {
  readonly aliases?: readonly string[]
  readonly char?: string
  readonly type: 'boolean' | 'option'
}

type Flags = Readonly<Record<string, FlagNames>>

/** Flags whose value is optional, and the value if it is omitted. */
type OptionalValues = Readonly<Record<string, string>>

/**
 * Rewrites two forms that getopt, and so openvpn3, accepts and oclif's parser does not:
 * - a long option may be shortened if the result is unambiguous: `--conf` for `--config`. But `--all` means
 *   all sessions in the commands that have it, so in others it is not short for another option
 * - an option listed in `optionalValues` takes a value only after `=`; otherwise it gets the value given there
 */
export function normalizeArgv(argv: readonly string[], flags: Flags, optionalValues: OptionalValues = {}): string[] {
  return [...readArgv(argv, flags, optionalValues)].map(({text}) => text)
}

/** Whether a switch is given: by its name, shortened, with a value, or among short options, as in `-jc NAME`. */
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

/** The switch that is given a value, as in `--pause=yes`, which oclif interprets as an argument. @param argv normalized */
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

/** An argument for the parser, and the flags that it names; none if it is a value. */
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

/** The flag of `--name` or `--name=value`, and the value with its `=`. */
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
 * The flags in `-Pc`, up to a letter that is no flag. The text after a flag that takes a value is the value. `-c`
 * awaits its value; `-cNAME` has it.
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
