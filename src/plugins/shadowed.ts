/** What decides which of two plugins runs a command of the same name. */
interface WithCommands {
  readonly commands: readonly {readonly aliases?: readonly string[]; readonly id: string}[]
  readonly name: string
  readonly type: string
}

/**
 * Warnings for the commands of a user's plugin that never run, because ovpn3 has a command of the same name. Verbs give
 * way.
 * @param all the loaded plugins
 */
export function shadowWarnings(
  name: string,
  ids: readonly string[],
  all: readonly WithCommands[],
  verbs: readonly string[],
): string[] {
  // a plugin replaces a core plugin of the same name
  const others = all.filter((plugin) => !isUsers(plugin) && plugin.name !== name)
  const taken = new Set(others.flatMap(({commands}) => commands.flatMap(({aliases = [], id}) => [id, ...aliases])))
  return ids.filter((id) => taken.has(id) && !verbs.includes(id)).map((id) => shadowText(name, id))
}

/** Whether the user has installed or linked a plugin. */
export const isUsers = ({type}: {readonly type: string}): boolean => type === 'link' || type === 'user'

const shadowText = (name: string, id: string) =>
  `Warning: ${name}: its command ${id.replaceAll(':', ' ')} is never used, because ovpn3 has a command of this name`
