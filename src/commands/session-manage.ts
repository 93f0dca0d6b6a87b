import * as Flags from '@oclif/core/flags'
import {
  allFlag,
  colorsOf,
  type Completion,
  connectionLine,
  credentialsFlag,
  errorText,
  type Selected,
  type SelectedMany,
  selectorArgs,
  selectorFlags,
  SessionCommand,
  statisticsText,
  type User,
  userOf,
  userText,
  waitFlags,
  waitOf,
} from '@ovpn3/kit'
import {areExclusive, excludesSession} from '@ovpn3/kit/flags'
import {
  accessDenied,
  cleanUp,
  connectAll,
  count,
  deadEnds,
  Deadline,
  disconnect,
  exitStatus,
  exitStatusOf,
  failOnOutage,
  goneError,
  isOwnedBy,
  keyOf,
  labelOf,
  logLevel,
  mapLimited,
  namedSessions,
  pause,
  planCleanUp,
  runUntilInterrupted,
  safeText,
  type Session,
  sessionLabel,
  type SessionResult,
  StatusMinor,
  type Task,
  unlessAborted,
} from '@ovpn3/sessions'

import {beginningLines, checkedLine, checkingLine, resultLines} from '../lib/in-place'
import {type Action, actions, type Plan, planOf, showLevel} from '../lib/plan'
import {summaryLine, trafficText} from '../lib/summary'

/** An action excludes the others. */
const action = (name: Action, others: readonly string[] = []) => ({
  exclusive: [...actions.filter((each) => each !== name), ...others],
  helpGroup: 'ACTION',
})
const option = {helpGroup: 'OTHER'}
/** A flag for the actions that connect sessions. */
const resumeFlag = <T extends typeof credentialsFlag.credentials | (typeof waitFlags)[keyof typeof waitFlags]>(
  flag: T,
): T => ({
  ...flag,
  helpGroup: 'RESUME AND RESTART',
  relationships: [{flags: ['resume', 'restart'], type: 'some'}, ...(flag.relationships ?? [])],
})

/** The properties that an action reads before it changes a session. */
const propertiesOf = (name: Exclude<Action, 'cleanup'>) =>
  ({disconnect, 'log-level': logLevel, pause, restart: connectAll, resume: connectAll})[name].properties

/** The result for a session. The session is missing if it was left unchanged. */
interface Outcome {
  readonly result: SessionResult
  readonly session?: Session
}

interface Report {
  readonly action: Action
  readonly dryRun: boolean
  readonly outcomes: readonly Outcome[]
}

export default class SessionManage extends SessionCommand<typeof SessionManage, Report> {
  static override summary = 'Manage VPN sessions: pause, resume, restart, disconnect, clean up'
  static override description = `Exactly one action is required; every action except --cleanup needs a session. On a terminal, omit them to pick both from a list.

Actions are idempotent: pausing a paused session or resuming a connected one succeeds and changes nothing. Disconnecting a session that is stale, or that ends in the meantime, also succeeds. A session that does not exist is an error.

Without a terminal, resume and restart do not wait for the connection: they return immediately, and the session connects in the background. Pass --timeout or --wait to wait. If the service needed credentials, they wait up to 30 s for the result of the login. On a terminal, they wait up to 30 s for the connection.

--log-level sets the log level of the session manager, and does not change what the VPN client logs. To change that, run openvpn3 config-manage --config NAME --log-level LEVEL.

Without a terminal, standard output contains the lines of openvpn3 session-manage, each followed by the result of ovpn3.

Exit status: 0 done; 1 unexpected failure; 2 wrong usage; 3 some of several sessions or hosts failed; 4 no such session, or ambiguous; 5 access denied; 6 host, bus or session manager not reachable; 7 timed out; 8 the VPN server refused the connection or the credentials, or input is missing; 130 interrupted.`
  static override usage = '<%= command.id %> ACTION [SESSION] [OPTION...]'
  static override examples = [
    {
      command: '<%= config.bin %> <%= command.id %> --pause office',
      description: 'Pause the session of a profile',
    },
    {
      command: '<%= config.bin %> <%= command.id %> --resume office --timeout 30',
      description: 'Resume a session, and disconnect it if it does not connect within 30 s',
    },
    {
      command: '<%= config.bin %> <%= command.id %> --resume office --credentials ~/.office',
      description: 'Resume a session with the user name and password in a file',
    },
    {
      command: '<%= config.bin %> <%= command.id %> --disconnect 7c1b',
      description: 'Disconnect a session by ID prefix',
    },
    {
      command: '<%= config.bin %> <%= command.id %> --restart --all --yes',
      description: 'Restart all sessions without confirmation',
    },
    {
      command: '<%= config.bin %> <%= command.id %> --cleanup --json',
      description: 'Remove stale sessions and print JSON',
    },
    {
      command: '<%= config.bin %> <%= command.id %> --log-level=5 tun0',
      description: 'Set the log level of the session that uses a device',
    },
  ]
  static override optionalValues = {'log-level': showLevel}
  static override completion: Completion = {
    credentials: {values: 'file'},
    'log-level': {values: ['0', '1', '2', '3', '4', '5', '6']},
    session: {requires: actions.filter((name) => name !== 'cleanup'), values: 'any-session'},
    pause: {skip: [StatusMinor.paused, StatusMinor.pausing, ...deadEnds]},
    restart: {skip: deadEnds},
    resume: {skip: [StatusMinor.connected, ...deadEnds]},
    // --yes is accepted without --all, but has no effect
    yes: {requires: ['all']},
  }
  static override args = selectorArgs
  static override flags = {
    pause: Flags.boolean({...action('pause'), char: 'P', summary: 'Pause a session'}),
    resume: Flags.boolean({...action('resume'), char: 'R', summary: 'Resume a paused session'}),
    restart: Flags.boolean({...action('restart'), summary: 'Disconnect a session and connect it again'}),
    disconnect: Flags.boolean({
      ...action('disconnect'),
      char: 'D',
      summary: 'Disconnect a session and show its counters',
    }),
    cleanup: Flags.boolean({
      ...action('cleanup', ['path', 'config', 'interface', 'all']),
      summary: 'Remove stale sessions, whose backend process is gone',
    }),
    'log-level': Flags.string({
      ...action('log-level', ['all']),
      helpValue: 'LEVEL',
      summary: 'Show the log level of a session in the session manager, or set it with =LEVEL (0 to 6)',
    }),
    ...selectorFlags,
    ...allFlag,
    timeout: resumeFlag(waitFlags.timeout),
    wait: resumeFlag(waitFlags.wait),
    background: resumeFlag(waitFlags.background),
    keep: resumeFlag(waitFlags.keep),
    credentials: resumeFlag(credentialsFlag.credentials),
    reason: Flags.string({
      ...option,
      dependsOn: ['pause'],
      helpValue: 'TEXT',
      summary: 'With --pause: write TEXT to the log of the session as the reason',
    }),
    failed: Flags.boolean({
      ...option,
      dependsOn: ['cleanup'],
      summary: 'With --cleanup: also disconnect sessions that failed, such as after a refused login',
    }),
    'dry-run': Flags.boolean({...option, summary: 'Print what would be done, and change nothing'}),
    yes: Flags.boolean({...option, char: 'y', summary: 'Act on several sessions without confirmation'}),
    verbose: Flags.boolean({...option, summary: 'Print all counters and, without a terminal, each step'}),
  }
  readonly #begun = new Set<Session>()

  protected async execute(): Promise<Report> {
    this.screen.isVerbose = Boolean(this.flags.verbose)
    if (this.interactive && !actions.some((name) => this.flags[name])) await this.#askAction()
    const plan = planOf(this.flags, waitOf(this.flags, this.interactive))
    const outcomes = plan.action === 'cleanup' ? await this.#cleanUp(plan.failed) : await this.#act(plan)
    return {action: plan.action, dryRun: Boolean(this.flags['dry-run']), outcomes}
  }

  protected override async exitStatus({action: name, outcomes}: Report): Promise<number> {
    const status = exitStatusOf(outcomes.map(({result}) => result))
    // a source that failed may have more matching sessions
    const meansAll = name === 'cleanup' || this.flags.all
    return status === 0 && meansAll && (await this.sources()).failures.length > 0 ? exitStatus['some-failed'] : status
  }

  protected override toSuccessJson({action, dryRun, outcomes}: Report): unknown {
    return {action, dryRun, sessions: outcomes.map(({result}) => result)}
  }

  /** Lets the user pick one of the actions that are valid with the given options. */
  async #askAction(): Promise<void> {
    const {flags} = SessionManage
    const given = Object.entries(this.flags).flatMap(([name, value]) => (value ? [name] : []))
    const hasSession = this.args.session !== undefined
    const possible = actions.filter(
      (name) =>
        !(hasSession && excludesSession(flags, name)) && !given.some((other) => areExclusive(flags, name, other)),
    )
    const textOf = (name: Action) => (name === 'log-level' ? 'Show the log level of a session' : flags[name].summary!)
    const choices = possible.map((name) => ({name: textOf(name), value: name}))
    const picked = await this.pick('Which action?', {choices, header: 'ACTION'})
    this.flags = {...this.flags, [picked]: picked === 'log-level' ? showLevel : true}
  }

  async #cleanUp(failed: boolean): Promise<Outcome[]> {
    const ownerOf = await this.ownerNamed()
    const sessions = await unlessAborted(namedSessions(await this.sources()), this.abortSignal)
    if (this.flags['dry-run']) return sessions.map((session) => ({result: planCleanUp(session, {failed}), session}))
    if (ownerOf) await Promise.all(mapLimited(sessions, (session) => session.refresh(['owner'])))
    failOnOutage(sessions)
    const meant = ownerOf ? sessions.filter((session) => isOwnedBy(session, ownerOf) || goneError(session)) : sessions
    if (this.isInPlace) this.log(checkingLine(meant.length))
    const labelled = await Promise.all(
      meant.map(async (session) => ({label: labelOf(session, await otherOwner(session)), session})),
    )
    const results = await this.#runEach(labelled, 'Checking', async (session) => {
      const result = await cleanUp(session, {failed, owner: ownerOf?.(session.source)})
      // cleanUp reads the owner before it disconnects a session
      return withOwner(result, await otherOwner(session))
    })
    return results.map((result, i) => ({result, session: meant[i]!}))
  }

  async #act(plan: Exclude<Plan, {action: 'cleanup'}>): Promise<Outcome[]> {
    const deadline = new Deadline(this.abortSignal, 'timeout' in plan ? plan.timeout : undefined)
    try {
      await this.readCredentials(deadline.signal)
      const {aside, selected} = await unlessAborted(this.#select(plan.action, deadline), deadline.signal)
      const results = await this.#actOn(selected, plan, deadline)
      return [
        ...aside.map((result) => ({result})),
        ...results.map((result, i) => {
          const {owner, session} = selected[i]!
          return {result: withOwner(result, owner), session}
        }),
      ]
    } finally {
      deadline.end()
    }
  }

  async #actOn(
    selected: readonly Selected[],
    plan: Exclude<Plan, {action: 'cleanup'}>,
    deadline: Deadline,
  ): Promise<SessionResult[]> {
    const dryRun = this.flags['dry-run']
    switch (plan.action) {
      case 'disconnect':
        return this.#runEach(selected, 'Disconnecting', (session) => disconnect.run(session, {dryRun}))
      case 'log-level': {
        const [{ownership}] = selected as [Selected]
        return this.#runEach(selected, '', (session) => logLevel.run(session, {dryRun, level: plan.level, ownership}))
      }

      case 'pause':
        return this.#runEach(selected, 'Pausing', (session) => pause.run(session, {dryRun, reason: plan.reason}))
      case 'restart':
      case 'resume':
        // on an interruption, connectAll disconnects what it has started
        return this.graceful(
          connectAll.run(
            selected.map(({session}) => session),
            {...plan, deadline, dryRun},
            this.interaction(selected, (session) => {
              this.#begin(plan.action, session)
            }),
          ),
        )
    }
  }

  /** Selects the sessions, and asks for confirmation if there are several. */
  async #select(
    name: Exclude<Plan['action'], 'cleanup'>,
    deadline: Deadline,
  ): Promise<Pick<SelectedMany, 'aside' | 'selected'>> {
    const read = propertiesOf(name)
    if (this.flags.all) {
      const agreed = this.flags.yes || this.flags['dry-run']
      return this.selectMany({change: {action: name, agreed: Boolean(agreed)}, read}, deadline)
    }

    const hint = name === 'log-level' ? undefined : 'Pass SESSION, or --all for all sessions'
    const question = `Which session to ${verb(name)}?`
    return {aside: [], selected: [await this.selectOne({hint, question, read}, deadline)]}
  }

  /** Runs an action on sessions. Several are shown as tasks. */
  async #runEach(
    labelled: readonly Pick<Selected, 'label' | 'session'>[],
    doing: string,
    run: (session: Session) => Promise<SessionResult>,
  ): Promise<SessionResult[]> {
    const sessions = labelled.map(({session}) => session)
    if (sessions.length === 0) return []
    const results = runUntilInterrupted(sessions, run, this.abortSignal)
    if (sessions.length === 1) return this.graceful(Promise.all(results))
    const title = this.flags['dry-run'] ? 'Reading' : doing
    const tasks = labelled.map(({label, session}, i): Task<SessionResult> => ({
      async run() {
        const value = await results[i]!
        return {failure: value.error?.message, value}
      },
      key: keyOf(session),
      title: `${title} ${label}`,
    }))
    return this.graceful(this.screen.runTasks(`${title} ${count(tasks.length, 'session')}`, tasks))
  }

  /** Prints, once for each session, the lines of openvpn3 that announce the action. */
  #begin(name: Action, session: Session | undefined): void {
    if (!session || !this.isInPlace || this.flags['dry-run'] || this.#begun.has(session)) return
    this.#begun.add(session)
    for (const line of beginningLines(name, session.path)) this.log(line)
  }

  protected async display({action: name, dryRun, outcomes}: Report): Promise<void> {
    if (outcomes.length === 0) this.log(name === 'cleanup' ? 'No sessions to check.' : 'No sessions.')
    const out = colorsOf(process.stdout)
    const isSeveral = outcomes.length > 1
    for (const {result, session} of outcomes) {
      const line = `${sessionLabel(result)}: ${safeText(result.message)}`
      const counters = isSeveral && !this.flags.verbose ? '' : statisticsText(result.statistics ?? {})
      const traffic = trafficText(result.statistics)
      // the counters go to the same stream as the line that names their session
      if (result.error) this.noticeError(errorText({...result.error, message: line}) + (counters && `\n${counters}`))
      else if (this.isInPlace) {
        const lines = resultLines(name, result, connectionLine(result))
        this.#begin(name, session)
        this.log([...lines, ...(counters ? [`${counters}\n`, line] : [line + traffic])].join('\n'))
      } else this.log((result.changed ? line + traffic : out.dim(line)) + (counters && `\n${counters}`))
    }

    const results = outcomes.map(({result}) => result)
    if (this.isInPlace && name === 'cleanup' && !dryRun)
      this.log(checkedLine(results.filter(({outcome}) => outcome === 'removed').length))
    if (!isSeveral) return
    const summary = summaryLine(name, results)
    // programs expect one line for each session on stdout, and an empty stderr without failures
    if (!this.isInPlace) this.log(summary)
    else if (results.some(({error}) => error)) this.notice(summary)
  }
}

/** The owner of another user's session; undefined if the owner was not read. */
async function otherOwner({snapshot, source}: Session): Promise<User | undefined> {
  const {owner} = snapshot.values
  return owner === undefined || owner === source.me ? undefined : userOf(owner, source)
}

/** Adds the owner of another user's session, also to the hint of a denial: root can read sessions that it cannot change. */
function withOwner(result: SessionResult, owner: User | undefined): SessionResult {
  if (!owner) return result
  const {error} = result
  // other sources may have hints of their own
  if (error?.code !== 'access-denied' || error.hint !== accessDenied('act').hint) return {...result, owner}
  const {hint} = accessDenied('act', {owner: userText(owner)})
  return {...result, error: {...error, hint}, owner}
}

/** The verb of an action. */
function verb(name: Plan['action']): string {
  return name === 'log-level' ? 'show the log level of' : name
}
