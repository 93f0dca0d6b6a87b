/** What decides which of two plugins runs a command of the same name. */
interface WithCommands {
  readonly commands: readonly {readonly aliases?: readonly string[]; readonly id: string}[]
  readonly name: string
}

/** The commands of a user's plugin that never run, because ovpn3 has a command of the same name. Verbs give way. */
export function shadowedCommands(
  name: string,
  ids: readonly string[],
  core: readonly WithCommands[],
  verbs: readonly string[],
): string[] {
  // a plugin replaces a core plugin of the same name
  const others = core.filter((plugin) => plugin.name !== name)
  const taken = new Set(others.flatMap(({commands}) => commands.flatMap(({aliases = [], id}) => [id, ...aliases])))
  return ids.filter((id) => taken.has(id) && !verbs.includes(id))
}

/** The warning about them. */
export const shadowedText = (name: string, id: string) =>
  `Warning: ${name}: its command ${id.replaceAll(':', ' ')} is never used, because ovpn3 has a command of this name`
