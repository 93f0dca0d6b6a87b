import type {Action} from './lib/plan'

/** A short name for a daily task. */
export interface Verb {
  readonly name: string
  readonly aliases: readonly string[]
  readonly summary: string
  /** The canonical name of its command. */
  readonly command: string
  /** Its action of session-manage. Verbs without one are oclif aliases of their command. */
  readonly action?: Action
}

/** All verbs, the most frequent ones first. */
export const verbs: readonly Verb[] = [
  {name: 'start', aliases: ['up'], summary: 'Start a session and connect it', command: 'session-start'},
  {name: 'list', aliases: ['ls'], summary: 'List sessions', command: 'sessions-list'},
  {name: 'pause', aliases: [], summary: 'Pause a session', command: 'session-manage', action: 'pause'},
  {name: 'resume', aliases: [], summary: 'Resume a paused session', command: 'session-manage', action: 'resume'},
  {
    name: 'restart',
    aliases: [],
    summary: 'Disconnect a session and connect it again',
    command: 'session-manage',
    action: 'restart',
  },
  {
    name: 'disconnect',
    aliases: ['down'],
    summary: 'Disconnect a session',
    command: 'session-manage',
    action: 'disconnect',
  },
  {name: 'stats', aliases: [], summary: 'Show the counters of sessions', command: 'session-stats'},
  {name: 'log', aliases: [], summary: 'Follow the log of sessions', command: 'session-log'},
  {name: 'auth', aliases: [], summary: 'Answer a session that waits for input', command: 'session-auth'},
  {name: 'acl', aliases: [], summary: 'Show and change who may use a session', command: 'session-acl'},
  {
    name: 'cleanup',
    aliases: [],
    summary: 'Remove stale sessions',
    command: 'session-manage',
    action: 'cleanup',
  },
]

/** The canonical command line of a verb. */
export const commandLine = ({action, command}: Verb): string => (action ? `${command} --${action}` : command)

/** The names and aliases of all verbs. */
export const verbNames: readonly string[] = verbs.flatMap(({aliases, name}) => [name, ...aliases])

/** A verb with a command of its own. */
export type ActionVerb = Verb & {readonly action: Action}

export const actionVerbs = verbs.filter((verb): verb is ActionVerb => verb.action !== undefined)
