/** The bundled plugins, each by the name of its command. */
export const siblings: readonly string[] = [
  'autocomplete',
  'session-acl',
  'session-auth',
  'session-log',
  'session-start',
  'session-stats',
  'sessions-list',
]

/** All commands of the CLI, without those of oclif's plugins. */
export const commands: readonly string[] = [...siblings, 'session-manage'].sort()
