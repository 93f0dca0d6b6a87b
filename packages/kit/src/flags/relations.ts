/** What an oclif flag says of other flags. */
export interface FlagRelations {
  readonly dependsOn?: readonly string[]
  readonly exclusive?: readonly Related[]
  readonly relationships?: readonly {readonly flags: readonly Related[]; readonly type: string}[]
}

/** A flag by its name; one with a condition is left to oclif. */
type Related = string | {readonly name: string}

type Flags = Readonly<Record<string, FlagRelations>>

/** Whether two options cannot be used together: it is enough that one says so. */
export function areExclusive(flags: Flags, a: string, b: string): boolean {
  return a !== b && (excludes(flags[a], b) || excludes(flags[b], a))
}

function excludes(flag: FlagRelations | undefined, other: string): boolean {
  return [flag?.exclusive ?? [], ...related(flag, 'none')].some((names) => names.includes(other))
}

/** Whether an option cannot be used beside the argument SESSION: it selects sessions itself, or needs none. */
export function excludesSession(flags: Flags, name: string): boolean {
  return ['path', 'config', 'interface'].every((each) => each === name || areExclusive(flags, name, each))
}

/** The options that an option requires: one of each group. */
export function requiredFlags(flag: FlagRelations | undefined): readonly (readonly string[])[] {
  const all = [...(flag?.dependsOn ?? []), ...related(flag, 'all').flat()]
  return [...all.map((name) => [name]), ...related(flag, 'some')].map((names) =>
    names.filter((name) => typeof name === 'string'),
  )
}

function related(flag: FlagRelations | undefined, type: string): (readonly Related[])[] {
  return (flag?.relationships ?? []).filter((each) => each.type === type).map((each) => each.flags)
}
