import {areExclusive, type FlagRelations, needsOf} from './model'

/**
 * What is wrong with options that are given together, by what the flags say of each other; undefined where oclif's
 * own rules are more than that.
 * @param given the names of the options, in the order in which the command declares them
 */
export function misuse(
  flags: Readonly<Record<string, FlagRelations>>,
  given: readonly string[],
): {readonly message: string; readonly hint?: string} | undefined {
  for (const name of given) {
    const clashing = given.filter((other) => areExclusive(flags, name, other))
    if (clashing.length > 0)
      return {hint: 'Give one of them', message: `${list([name, ...clashing], 'and')} cannot be used together`}
  }

  for (const name of given) {
    for (const needed of needsOf(flags[name])) {
      if (needed.some((each) => given.includes(each))) continue
      const other = given.find((each) => needed.every((needs) => areExclusive(flags, each, needs)))
      return other === undefined
        ? {message: `--${name} needs ${list(needed, 'or')}`}
        : {hint: `It is an option of ${list(needed, 'and')}`, message: `--${name} does not go with --${other}`}
    }
  }

  return undefined
}

function list(names: readonly string[], word: string): string {
  const options = names.map((name) => `--${name}`)
  return options.length > 1 ? `${options.slice(0, -1).join(', ')} ${word} ${options.at(-1)}` : options.join('')
}
