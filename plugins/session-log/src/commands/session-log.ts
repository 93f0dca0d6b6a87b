import * as Flags from '@oclif/core/flags'
import {
  allFlag,
  colorsOf,
  type Completion,
  type Selected,
  selectorArgs,
  selectorFlags,
  userOf,
  WatchCommand,
} from '@ovpn3/kit'
import {
  aboutSession,
  configOf,
  Deadline,
  goneError,
  hasCode,
  Interruption,
  isAtLeast,
  isOvpn3Error,
  isOwnedBy,
  labelOf,
  logLevelNames,
  logLevelNumbers,
  Ovpn3Error,
  type OwnerNamed,
  ownershipOf,
  type Reading,
  safeText,
  type Session,
  type SessionStatus,
  shellWord,
  shortId,
  statusText,
  unlessAborted,
} from '@ovpn3/sessions'

import {follow, type LogItem, type Verdict} from '../follow'
import {goals, type Request, requestOf} from '../request'
import {logItemJson, logItemLine, noteJson} from '../view'

/** The sessions to follow. */
interface Plan {
  readonly selected?: Selected
  readonly stays: boolean
  readonly wanted?: (reading: Reading, kind: 'created' | 'present') => boolean
}

export default class SessionLog extends WatchCommand<typeof SessionLog> {
  static override aliases = ['log']
  static override summary = 'Follow the log of VPN sessions, or wait for a connection'
  static override description = `Prints new log lines and changes of status. Select one session or all of them. On a terminal, the session can be picked from a list.

With --config, the command waits for a session of the profile, and continues with the next one when it ends, until Ctrl-C. With another selector, or with --once, it exits with status 0 when the session ends.

The service keeps no history: only new lines are shown.

--level chooses which of these lines are shown. It does not change which lines exist.

The VPN client writes the lines, and the log level of its profile decides which. To change that level, run openvpn3 config-manage --config NAME --log-level LEVEL. It applies when a session starts.

--log-level sets the log level of the session manager, as in openvpn3 log. In OpenVPN 3 Linux 24.1 and 27.1 it does not affect the lines shown here.

--until waits for a state, for scripts. It keeps waiting while the session needs input or is paused. --until=connected fails if the session is refused or ends. --until=disconnected succeeds when the session has ended or does not exist.

With --json, each line is a JSON document.

Exit status: 0 the session ended, or reached the state of --until; 1 unexpected failure; 2 wrong usage; 4 no such session, or ambiguous; 5 access denied; 6 host, bus or session manager not reachable; 7 timed out; 8 the session failed or ended instead of connecting; 130 interrupted.`
  static override usage = '<%= command.id %> [SESSION] [OPTION...]'
  static override examples = [
    {
      command: '<%= config.bin %> <%= command.id %> --config office',
      description: 'Follow the sessions of a profile, one after the other',
    },
    {
      command: '<%= config.bin %> <%= command.id %> --all --level warn',
      description: 'Show warnings and errors of all sessions',
    },
    {
      command: '<%= config.bin %> <%= command.id %> --config office --until connected --timeout 30',
      description: 'Wait until a session of a profile is connected, for a script',
    },
    {
      command: '<%= config.bin %> <%= command.id %> --all --json',
      description: 'Print one JSON document per line, for a program',
    },
  ]
  static override completion: Completion = {
    level: {values: logLevelNames},
    'log-level': {values: logLevelNumbers},
  }
  static override args = selectorArgs
  static override flags = {
    ...selectorFlags,
    ...allFlag,
    json: Flags.boolean({
      char: 'j',
      helpGroup: 'OUTPUT',
      summary: 'Print one JSON document per line, errors included',
    }),
    level: Flags.string({
      helpGroup: 'OUTPUT',
      helpValue: 'LEVEL',
      summary: `Show lines of this level and more severe ones: ${logLevelNames.join(', ')}; or 0 (crit) to 6 (debug)`,
    }),
    until: Flags.string({
      exclusive: ['all'],
      helpGroup: 'WAIT',
      helpValue: 'STATE',
      options: [...goals],
      summary: 'Exit when the session is in STATE: connected or disconnected',
    }),
    timeout: Flags.string({
      dependsOn: ['until'],
      helpGroup: 'WAIT',
      helpValue: 'TIME',
      summary: 'With --until: wait up to TIME, then fail',
    }),
    once: Flags.boolean({
      dependsOn: ['config'],
      helpGroup: 'WAIT',
      summary: 'With --config: exit when the session ends',
    }),
    'log-level': Flags.string({
      exclusive: ['all'],
      helpGroup: 'OTHER',
      helpValue: 'LEVEL',
      options: [...logLevelNumbers],
      summary: "Set the session manager's log level, 0 to 6; the lines shown stay the same",
    }),
  }
  /** Names of sessions, with the owner if that is another user. */
  readonly #labels = new Map<Session, string>()
  readonly #pendingSettings: Promise<void>[] = []
  /** The sessions that are followed now, with their statuses. */
  readonly #followed = new Map<Session, SessionStatus | undefined>()

  protected override get streams(): boolean {
    return true
  }

  protected async execute(): Promise<undefined> {
    const request = requestOf(this.flags)
    const deadline = new Deadline(this.abortSignal, request.timeout)
    try {
      const plan = await unlessAborted(this.#plan(request, deadline), deadline.signal)
      if (plan) await this.#follow(plan, request, deadline)
    } finally {
      deadline.end()
    }
  }

  protected display(): void {}

  /** Undefined if there is nothing to wait for. */
  async #plan({goal}: Request, deadline: Deadline): Promise<Plan | undefined> {
    const {all, config, once} = this.flags
    const owner = await this.ownerNamed()
    if (all) return {stays: true, wanted: (reading) => isOurs(reading, owner)}
    const selected = await this.#select(deadline)
    if (!selected && goal === 'disconnected') {
      const name = this.args.session ?? config ?? this.flags.interface ?? this.flags.path ?? 'the session'
      const text = `${safeText(name)}: no session, so already disconnected`
      this.#note('none', text, (line) => this.log(line))
      return undefined
    }

    if (config === undefined) return {selected, stays: false}
    if (!selected) await this.#checkProfile(config)
    const stays = !goal && !once
    const uid = selected?.session.snapshot.values.owner
    return {
      selected,
      stays,
      wanted: (reading, kind) =>
        reading.values.config_name === config &&
        // another user's profile may have the same name
        (owner ? isOwnedBy(reading.session, owner) : reading.values.owner === (uid ?? reading.session.source.me)) &&
        // one of the existing sessions was picked
        !(selected && kind === 'present') &&
        (stays || this.#followed.size === 0),
    }
  }

  /** Warns if no profile has the name, which is probably a typing error. */
  async #checkProfile(name: string): Promise<void> {
    try {
      const found = await (await this.sources()).profiles({name})
      if (found.length === 0) this.notice(`No saved profile is named ${safeText(name)}.`)
    } catch (error) {
      // only the sessions matter here
      if (!isOvpn3Error(error)) throw error
    }
  }

  /** The selected session; undefined if there is none and that is no error. @throws Ovpn3Error */
  async #select(deadline: Deadline): Promise<Selected | undefined> {
    const {config, until} = this.flags
    try {
      const selected = await this.selectOne(
        {
          hint: 'Pass SESSION, or --all for all sessions',
          question: 'Which session to follow?',
          read: ['config_name', 'status'],
        },
        deadline,
      )
      const {label, owner, session} = selected
      const error = goneError(session) ?? session.snapshot.errors.status
      if (error) throw aboutSession(session, error, owner)
      this.#labels.set(session, label)
      return selected
    } catch (error) {
      const isMissing = this.selector && hasCode(error, 'session-not-found', 'session-stale')
      if (isMissing && (config !== undefined || until === 'disconnected')) return undefined
      throw error
    }
  }

  async #follow({selected, stays, wanted}: Plan, request: Request, deadline: Deadline): Promise<void> {
    const sources = await this.sources()
    let verdict: Verdict | undefined
    await this.stream<LogItem>({json: logItemJson, print: (logItem) => this.#print(logItem)}, async (emit, signal) => {
      signal.addEventListener('abort', () => deadline.abort(new Interruption()))
      verdict = await follow(sources, {
        goal: request.goal,
        onBegin: () => {
          if (!selected) this.#waiting()
        },
        meet: (session) => this.#meet(session),
        onFailure: (failure) => this.tellFailure(failure),
        onItem: (logItem) => {
          this.#remember(logItem)
          if (logItem.type !== 'log' || isAtLeast(logItem.line, request.least)) emit(logItem)
          this.#react(logItem, request, stays)
        },
        onSilence: (session) => this.notice(silenceText(session)),
        sessions: selected ? [selected.session] : [],
        signal: deadline.signal,
        stays,
        wanted,
      })
    })
    if (!deadline.signal.aborted) await unlessAborted(Promise.all(this.#pendingSettings), deadline.signal)
    this.#conclude(verdict, request, deadline)
  }

  /** @throws Ovpn3Error `refused` if the session failed, `timeout` */
  #conclude(verdict: Verdict | undefined, {goal, timeout}: Request, {signal}: Deadline): void {
    if (verdict?.reached) return
    if (verdict) throw new Ovpn3Error('refused', `${this.#nameOf(verdict.session)}: ${verdict.text}`)
    if (!hasCode(signal.reason, 'timeout')) return
    const [[session, status] = []] = this.#followed
    const state = session ? `${this.#nameOf(session)}${status ? ` is ${statusText(status)}` : ''}` : 'no session'
    throw new Ovpn3Error('timeout', `not ${goal} within ${timeout} s: ${state}`)
  }

  #remember(logItem: LogItem): void {
    const {session} = logItem
    if (logItem.type === 'ended') this.#followed.delete(session)
    else if (logItem.type === 'attached' || logItem.type === 'status') this.#followed.set(session, logItem.status)
  }

  /** Reacts to an item. */
  #react(logItem: LogItem, {logLevel}: Request, stays: boolean): void {
    const {session, type} = logItem
    if (type === 'attached' && logLevel !== undefined) this.#pendingSettings.push(this.#setLogLevel(session, logLevel))
    if (type === 'ended' && stays && this.flags.config !== undefined && this.#followed.size === 0) this.#waiting()
    if (type === 'log-lost' && hasCode(logItem.error, 'unsupported')) this.notice('Following its status only.')
    if (type === 'log-lost' && hasCode(logItem.error, 'access-denied'))
      this.notice(
        `Following its status only. Ask its owner to run \`ovpn3 acl --path ${shortId(session.id)} --allow-log-access true\``,
      )
  }

  async #setLogLevel(session: Session, level: number): Promise<void> {
    try {
      await session.setLogLevel(level)
    } catch (error) {
      if (!isOvpn3Error(error)) throw error
      if (!this.abortSignal.aborted)
        this.noticeError(`${this.#nameOf(session)}: cannot set the log level: ${safeText(error.message)}`)
    }
  }

  async #meet(session: Session): Promise<void> {
    const {snapshot, source} = session
    const {owner = source.me} = snapshot.values
    this.#labels.set(session, labelOf(session, owner === source.me ? undefined : await userOf(owner, source)))
  }

  #nameOf(session: Session): string {
    return this.#labels.get(session) ?? labelOf(session)
  }

  #print(logItem: LogItem): void {
    const name = this.#nameOf(logItem.session)
    const isSeveral = this.flags.all || this.#followed.size > 1
    this.log(logItemLine(logItem, {colors: colorsOf(process.stdout), label: isSeveral ? name : undefined, name}))
  }

  #waiting(): void {
    const {config} = this.flags
    const text =
      config === undefined
        ? 'Following all sessions, including new ones.'
        : `Waiting for a session of ${safeText(config)}.`
    this.#note('waiting', text, (line) => this.notice(line))
  }

  /** Reports something about no session: as a document, or as a line. */
  #note(event: 'none' | 'waiting', text: string, print: (line: string) => void): void {
    if (this.jsonEnabled()) this.logJson(noteJson(event, text))
    else print(text)
  }
}

/** Whether a session is owned by the named user or, without one, the caller has access to it. */
function isOurs({session, state}: Reading, owner: OwnerNamed | undefined): boolean {
  if (state !== 'ok') return false
  return owner ? isOwnedBy(session, owner) : ownershipOf(session.snapshot, session.source.me) !== 'public'
}

function silenceText(session: Session): string {
  const text = 'No log lines yet: only new ones are shown.'
  // the sessions of plugins have no profiles of openvpn3
  if (session.source.name !== 'local') return text
  const name = safeText(configOf(session) ?? 'NAME')
  return `${text} For more lines, raise the log level before the next start:
  openvpn3 config-manage --config ${shellWord(name)} --log-level 6`
}
