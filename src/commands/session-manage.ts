import {Flags} from '@oclif/core'
import {
  allFlag,
  chooseOne,
  colorsOf,
  type Completion,
  confirm,
  interaction,
  isInteractive,
  runTasks,
  selectorFlags,
  selectorOf,
  SessionCommand,
  statisticsText,
  type Task,
  userName,
  userOf,
  userText,
} from '@ovpn3/kit'
import {
  baseProperties,
  bringUp,
  cleanUp,
  count,
  deadEnds,
  Deadline,
  disconnect,
  exitStatusOf,
  goneError,
  keepUnreadable,
  labelOf,
  logLevel,
  Ovpn3Error,
  pause,
  planCleanUp,
  type PropertyName,
  runUntilInterrupted,
  safeText,
  type Session,
  sessionLabel,
  type SessionResult,
  StatusMinor,
  unlessAborted,
} from '@ovpn3/sessions'
import {accessDenied} from '@ovpn3/sessions'

import {openInBrowser} from '../lib/desktop'
import {type Action, actions, type Plan, planOf, showLevel} from '../lib/plan'

/** An action excludes the others. */
const action = (name: Action, others: readonly string[] = []) => ({
  exclusive: [...actions.filter((each) => each !== name), ...others],
  helpGroup: 'ACTION',
})
/** How many sessions a question names. */
const named = 8
const option = {helpGroup: 'OTHER'}
const needs = (...flags: string[]) => ({flags, type: 'some' as const})
const resumeOption = {helpGroup: 'RESUME AND RESTART', relationships: [needs('resume', 'restart')]}

/** What each action needs to know of a session; the less, the sooner it is done. */
const properties: Readonly<Record<Exclude<Plan['action'], 'cleanup'>, readonly PropertyName[]>> = {
  disconnect: [...baseProperties, 'statistics'],
  'log-level': ['config_name', 'log_verbosity'],
  pause: baseProperties,
  restart: [...baseProperties, 'statistics'],
  resume: [...baseProperties, 'statistics'],
}

export default class SessionManage extends SessionCommand<typeof SessionManage> {
  static override summary = 'Manage VPN sessions: pause, resume, restart, disconnect, clean up, log level.'
  static override description = `Give one action and, but for --cleanup, select a session. On a terminal the session can be picked from a list.

Actions can be repeated: pausing what is paused, resuming what is connected and disconnecting what is gone already succeed, and say so.

Exit status: 0 done; 1 unexpected failure; 2 wrong usage; 3 some of several failed; 4 no such session, or ambiguous; 5 access denied; 6 bus or session manager not reachable; 7 deadline passed; 8 the VPN server or the credentials were refused, or input is missing; 130 interrupted.`
  static override usage = '<%= command.id %> ACTION [SESSION] [OPTION...]'
  static override examples = [
    {
      command: '<%= config.bin %> <%= command.id %> --pause --config office',
      description: 'Pause the session of a profile',
    },
    {
      command: '<%= config.bin %> <%= command.id %> --resume --config office --timeout 30',
      description: 'Resume it, and disconnect it if it is not connected within 30 s',
    },
    {
      command: '<%= config.bin %> <%= command.id %> --disconnect --path 7c1b',
      description: 'Disconnect the session whose id begins so',
    },
    {
      command: '<%= config.bin %> <%= command.id %> --restart --all --yes',
      description: 'Restart every session, without being asked',
    },
    {
      command: '<%= config.bin %> <%= command.id %> --cleanup --json',
      description: 'Remove stale sessions, for a script',
    },
    {
      command: '<%= config.bin %> <%= command.id %> --log-level=5 --interface tun0',
      description: 'Set the log level of a session',
    },
  ]
  static override optionalValues = {'log-level': showLevel}
  static override completion: Completion = {
    'log-level': {values: ['0', '1', '2', '3', '4', '5', '6']},
    pause: {skip: [StatusMinor.paused, StatusMinor.pausing, ...deadEnds]},
    restart: {skip: deadEnds},
    resume: {skip: [StatusMinor.connected, ...deadEnds]},
    // elsewhere it is accepted, and does nothing
    yes: {needs: ['all']},
  }
  static override flags = {
    pause: Flags.boolean({...action('pause'), char: 'P', summary: 'Pause a session.'}),
    resume: Flags.boolean({...action('resume'), char: 'R', summary: 'Resume a paused session.'}),
    restart: Flags.boolean({...action('restart'), summary: 'Disconnect a session and connect it again.'}),
    disconnect: Flags.boolean({
      ...action('disconnect'),
      char: 'D',
      summary: 'Disconnect a session for good, and show its statistics.',
    }),
    cleanup: Flags.boolean({
      ...action('cleanup', ['path', 'config', 'interface', 'all']),
      summary: 'Remove stale sessions: those whose backend process is gone.',
    }),
    'log-level': Flags.string({
      ...action('log-level', ['all']),
      helpValue: 'LEVEL',
      summary: 'Show the log level of a session, or with =LEVEL (0 to 6) set it.',
    }),
    ...selectorFlags,
    ...allFlag,
    timeout: Flags.string({
      ...resumeOption,
      helpValue: 'SECS',
      summary: 'Wait up to SECS for the connection, then give up and disconnect.',
    }),
    wait: Flags.boolean({
      ...resumeOption,
      exclusive: ['timeout'],
      summary: 'Wait for the connection without a time limit.',
    }),
    background: Flags.boolean({
      ...resumeOption,
      exclusive: ['timeout', 'wait', 'keep'],
      summary: 'Return at once, and connect in the background.',
    }),
    keep: Flags.boolean({
      ...resumeOption,
      relationships: [...resumeOption.relationships, needs('timeout', 'wait')],
      summary: 'On timeout or Ctrl-C, keep connecting instead of disconnecting.',
    }),
    reason: Flags.string({
      ...option,
      dependsOn: ['pause'],
      helpValue: 'TEXT',
      summary: 'With --pause: the reason, for the log of the session.',
    }),
    failed: Flags.boolean({
      ...option,
      dependsOn: ['cleanup'],
      summary: 'With --cleanup: also remove sessions at a dead end, such as a refused login.',
    }),
    'dry-run': Flags.boolean({...option, summary: 'Say what would be done, and do nothing.'}),
    yes: Flags.boolean({...option, char: 'y', summary: 'Act on several sessions without asking.'}),
  }

  protected async execute(): Promise<void> {
    const plan = planOf(this.flags, this.#isInteractive())
    const results = plan.action === 'cleanup' ? await this.#cleanUp(plan.failed) : await this.#act(plan)
    this.#print(plan, results)
    process.exitCode = exitStatusOf(results)
  }

  async #cleanUp(failed: boolean): Promise<SessionResult[]> {
    const {sessions} = await this.resolve({configNames: true, read: [], selector: {kind: 'all'}})
    if (this.flags['dry-run']) return sessions.map((session) => planCleanUp(session, {failed}))
    return this.#runEach(sessions, 'Checking', (session) => cleanUp(session, {failed}))
  }

  async #act(plan: Exclude<Plan, {action: 'cleanup'}>): Promise<SessionResult[]> {
    const deadline = new Deadline(this.abortSignal, 'timeout' in plan ? plan.timeout : undefined)
    const {signal} = deadline
    try {
      const {kept, sessions} = await unlessAborted(this.#select(plan.action, deadline), signal)
      const results = await this.#actOn(sessions, plan, deadline)
      // the session manager may hang, and nobody wants to wait for it any more
      if (signal.aborted) return [...kept, ...results]
      const named = Promise.all(results.map((result, i) => withOwner(result, sessions[i]!)))
      return [...kept, ...(await unlessAborted(named, signal).catch(() => results))]
    } finally {
      deadline.end()
    }
  }

  async #actOn(
    sessions: readonly Session[],
    plan: Exclude<Plan, {action: 'cleanup'}>,
    deadline: Deadline,
  ): Promise<SessionResult[]> {
    const dryRun = this.flags['dry-run']
    switch (plan.action) {
      case 'disconnect': {
        return this.#runEach(sessions, 'Disconnecting', (session) => disconnect(session, {dryRun}))
      }

      case 'log-level': {
        return this.#runEach(sessions, '', (session) => logLevel(session, {dryRun, level: plan.level}))
      }

      case 'pause': {
        return this.#runEach(sessions, 'Pausing', (session) => pause(session, {dryRun, reason: plan.reason}))
      }

      case 'restart':
      case 'resume': {
        // an interruption is for bringUp: what it has started has to be given up
        return this.graceful(bringUp(sessions, {...plan, deadline, dryRun}, this.#interaction()))
      }
    }
  }

  /** The sessions that are meant, after whoever has to agree has agreed, and those that are left alone. */
  async #select(
    name: Exclude<Plan['action'], 'cleanup'>,
    deadline: Deadline,
  ): Promise<{kept: readonly SessionResult[]; sessions: readonly Session[]}> {
    const selector = selectorOf(this.flags)
    const interactive = this.#isInteractive()
    if (!selector && !interactive)
      throw new Ovpn3Error('usage', 'no session: select one with --path, --config or --interface', {
        hint: name === 'log-level' ? undefined : 'Or all of them with --all',
      })
    const all = selector?.kind === 'all'
    const tellsOwners = all && (this.flags['dry-run'] || !this.flags.yes)
    const read = [...properties[name], ...(tellsOwners ? (['owner'] as const) : [])]
    const {sessions} = await this.resolve({read, selector: selector ?? {kind: 'all'}}, deadline.signal)
    if (all) {
      const kept = sessions.flatMap((session) => keepUnreadable(session) ?? [])
      const mine = sessions.filter((session) => !keepUnreadable(session))
      // what was stale is gone by having been looked at: there is nothing to agree to, nor to look at again
      const there = mine.filter((session) => !goneError(session))
      const asked = await deadline.pause(() => this.#agree(name, there, interactive))
      if (asked) await Promise.all(there.map((session) => session.look(properties[name])))
      return {kept, sessions: mine}
    }

    const choose = () =>
      chooseOne(sessions, selector, {
        interactive,
        question: `Which session to ${verb(name)}?`,
        signal: this.abortSignal,
      })
    const chosen = await (interactive ? deadline.pause(choose) : choose())
    // it may have taken the person a while to pick it
    if (sessions.length > 1 || !selector) await chosen.look(properties[name])
    return {kept: [], sessions: [chosen]}
  }

  async #agree(name: Plan['action'], sessions: readonly Session[], interactive: boolean): Promise<boolean> {
    if (sessions.length < 2 || this.flags.yes || this.flags['dry-run']) return false
    if (!interactive)
      throw new Ovpn3Error('usage', `--${name} --all acts on ${count(sessions.length, 'session')}: say --yes`, {
        hint: 'Or see what it would do with --dry-run',
      })
    const owners = await Promise.all(sessions.map((session) => otherOwner(session)))
    // somebody else's first: those may come as a surprise
    const order = [...sessions.keys()].sort((a, b) => Number(Boolean(owners[b])) - Number(Boolean(owners[a])))
    const names = order.map((i) => labelOf(sessions[i]!) + (owners[i] ? ` of ${owners[i]}` : ''))
    const others = owners.filter(Boolean).length
    const what = count(sessions.length, 'session') + (others > 0 ? ` (${others} of other users)` : '')
    const which = names.length > named + 1 ? [...names.slice(0, named), `${names.length - named} more`] : names
    if (!(await confirm(`Really ${verb(name)} ${what}: ${which.join(', ')}?`, this.abortSignal)))
      throw new Ovpn3Error('interrupted', 'nothing was done')
    return true
  }

  /** One session is soon done; several are shown as tasks, side by side. */
  async #runEach(
    sessions: readonly Session[],
    doing: string,
    run: (session: Session) => Promise<SessionResult>,
  ): Promise<SessionResult[]> {
    if (sessions.length === 0) return []
    const results = runUntilInterrupted(sessions, run, this.abortSignal)
    if (sessions.length === 1) return this.graceful(Promise.all(results))
    const title = this.flags['dry-run'] ? 'Looking at' : doing
    const tasks = sessions.map((session, i): Task<SessionResult> => ({
      async run() {
        const value = await results[i]!
        return {failure: value.error?.message, value}
      },
      key: session.id,
      title: `${title} ${labelOf(session)}`,
    }))
    const options = {quiet: this.jsonEnabled(), title: `${title} ${count(tasks.length, 'session')}`}
    return this.graceful(runTasks(tasks, options))
  }

  #interaction() {
    return interaction({
      notice: (text) => this.notice(text),
      openUrl: openInBrowser,
      quiet: this.jsonEnabled(),
      signal: this.abortSignal,
    })
  }

  /** Somebody on a terminal reads what comes of it. */
  #isInteractive(): boolean {
    return isInteractive() && !this.jsonEnabled()
  }

  #print({action: name}: Plan, results: readonly SessionResult[]): void {
    if (this.jsonEnabled()) {
      this.logJson({action: name, dryRun: Boolean(this.flags['dry-run']), sessions: results})
      return
    }

    if (results.length === 0)
      this.log(name === 'cleanup' ? 'There are no sessions to check.' : 'There are no sessions.')
    const out = colorsOf(process.stdout)
    const err = colorsOf(process.stderr)
    for (const result of results) {
      const line = `${sessionLabel(result)}: ${safeText(result.message)}`
      // they go where the line goes that says whose they are
      const counters = statisticsText(result.statistics ?? {})
      const more = counters && `\n${counters}`
      const hint = result.error?.hint ? `\n${safeText(result.error.hint)}` : ''
      if (result.error) this.notice(`${err.red('Error:')} ${line}${hint}${more}`)
      else this.log((result.changed ? line : out.dim(line)) + more)
    }

    if (name === 'cleanup' && results.length > 0 && !this.flags['dry-run']) {
      const removed = results.filter(({outcome}) => outcome === 'removed').length
      this.log(`${removed} of ${count(results.length, 'session')} removed`)
    }
  }
}

/** Whose session it is, where it is known and not the caller's own. */
async function otherOwner({snapshot: {values}}: Session): Promise<string | undefined> {
  const {owner} = values
  return owner === undefined || owner === process.getuid?.() ? undefined : safeText(await userName(owner))
}

/** Names the owner of somebody else's session in a plan, and in a denial: root may look at what it may not touch. */
async function withOwner(result: SessionResult, session: Session): Promise<SessionResult> {
  const {error, message, outcome} = result
  if (outcome === 'planned') {
    const owner = await otherOwner(session)
    return owner ? {...result, message: `${message}, owned by ${owner}`} : result
  }

  // one that the session manager gave; those of other sources may have words of their own
  if (error?.code !== 'access-denied' || error.hint !== accessDenied('act').hint) return result
  const {owner} = (await session.read(['owner'])).values
  // who may not look at it is not told that either
  if (owner === undefined) return result
  const {hint} = accessDenied('act', {owner: userText(await userOf(owner))})
  return {...result, error: {...error, hint}}
}

/** An action as a verb. */
function verb(name: Plan['action']): string {
  return name === 'log-level' ? 'look at' : name
}
