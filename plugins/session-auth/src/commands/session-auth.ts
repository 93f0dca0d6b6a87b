import * as Flags from '@oclif/core/flags'
import {
  colorsOf,
  type Completion,
  connectionLine,
  credentialsFlag,
  errorText,
  selectorArgs,
  selectorFlags,
  SessionCommand,
  waitFlags,
  waitOf,
} from '@ovpn3/kit'
import {
  connectAll,
  Deadline,
  exitStatusOf,
  keyOf,
  mapLimited,
  Ovpn3Error,
  type PropertyName,
  safeText,
  type Session,
  sessionLabel,
  type SessionResult,
  statusTexts,
  unlessAborted,
  waitsForInput,
} from '@ovpn3/sessions'

import {type AuthReport, type AuthRequest, authRequestJson, authRequestOf, firstRead, pidOf} from '../request'
import {classicText, continuingText, nameOf, noneText, requestsText} from '../text'

const listHint = 'Run `ovpn3 auth` to list the sessions that wait for input'

type Among = ReturnType<typeof amongRequests>

/** The sessions that wait for input, or the result of continuing one. */
type Report =
  | {readonly action: 'authenticate'; readonly result: SessionResult}
  | {readonly action: 'list'; readonly requests: readonly AuthRequest[]}

/** Completion offers only sessions that wait for input. */
const skip = [...statusTexts.keys()].filter((minor) => !waitsForInput({minor}))

export default class SessionAuth extends SessionCommand<typeof SessionAuth, Report> {
  static override aliases = ['auth']
  static override summary = 'List the VPN sessions that wait for input, and continue one'
  static override description = `Without a session, lists the sessions that wait for a user name, password, one-time code or web authentication: yours, and those that you were granted access to. On a terminal, it then offers to continue one of them.

With a session, asks for the input that the session needs, and connects it. A session that does not wait for input is left unchanged.

Without a terminal, standard input answers with one line for each question.

Exit status: 0 done, or nothing to do; 1 unexpected failure; 2 wrong usage; 3 some of several hosts failed; 4 no such session, or ambiguous; 5 access denied; 6 host, bus or session manager not reachable; 7 timed out; 8 refused by the VPN server, wrong credentials or missing input; 130 interrupted.`
  static override usage = '<%= command.id %> [SESSION] [OPTION...]'
  static override examples = [
    {
      command: '<%= config.bin %> <%= command.id %>',
      description: 'List the sessions that wait for input',
    },
    {
      command: '<%= config.bin %> <%= command.id %> --auth-req 4711',
      description: 'Continue a session by its ID in the list',
    },
    {
      command: '<%= config.bin %> <%= command.id %> --config office --timeout 60',
      description: 'Continue the session of a profile, and give up after 60 s',
    },
    {
      command: '<%= config.bin %> <%= command.id %> --json',
      description: 'List the sessions as JSON, for a script',
    },
  ]
  static override completion: Completion = {
    'auth-req': {skip, values: 'auth-request'},
    config: {skip, values: 'config'},
    credentials: {values: 'file'},
    interface: {skip, values: 'interface'},
    path: {skip, values: 'session'},
    session: {skip, values: 'any-session'},
  }
  static override args = selectorArgs
  static override flags = {
    'auth-req': Flags.string({
      exclusive: ['path', 'config', 'interface'],
      helpGroup: 'SESSION',
      helpValue: 'ID',
      summary: 'Auth request ID, as shown in the list',
    }),
    ...selectorFlags,
    ...waitFlags,
    ...credentialsFlag,
  }

  protected async execute(): Promise<Report | undefined> {
    const wait = waitOf(this.flags, this.interactive)
    const {'auth-req': id} = this.flags
    if (id !== undefined) return this.#continue(wait, amongRequests(pidOf(id)))
    if (this.selector) return this.#continue(wait)
    const waitOption = (Object.keys(waitFlags) as (keyof typeof waitFlags)[]).find((name) => this.flags[name])
    if (!this.#canOffer && waitOption)
      throw new Ovpn3Error('usage', `--${waitOption} needs a session`, {
        hint: 'Pass SESSION, or --auth-req',
      })
    const requests = await this.#list()
    const waiting = requests.filter(({state}) => state === 'waiting')
    const [first, ...more] = waiting
    if (!this.#canOffer || !first) return {action: 'list', requests}
    this.#displayList(requests)
    const isOwn = first.selected.ownership === 'own'
    if (more.length === 0 && !(await this.confirm(`Continue ${nameOf(first)}?`, isOwn))) return undefined
    return this.#continue(wait, amongShown(waiting.map(({selected}) => selected.session)))
  }

  protected override exitStatus(report: Report): number {
    return report.action === 'list' ? 0 : exitStatusOf([report.result])
  }

  protected override toSuccessJson(report: Report): AuthReport {
    return report.action === 'list'
      ? {action: 'list', sessions: report.requests.map((request) => authRequestJson(request))}
      : {action: 'authenticate', sessions: [report.result]}
  }

  protected async display(report: Report): Promise<void> {
    if (report.action === 'list') this.#displayList(report.requests)
    else await this.#displayResult(report.result)
  }

  /** The sessions that wait for input, and those that could not be read. */
  async #list(): Promise<AuthRequest[]> {
    const hung = new Set<string>()
    this.whenStalled((session) => hung.add(keyOf(session)))
    const {selected} = await this.selectMany({read: firstRead})
    const requests = await Promise.all(
      mapLimited(selected, (each) => authRequestOf(each, (session) => hung.has(keyOf(session)))),
    )
    return requests.filter((request) => request !== undefined)
  }

  async #continue(wait: ReturnType<typeof waitOf>, among?: Among): Promise<Report> {
    const deadline = new Deadline(this.abortSignal, wait.timeout)
    try {
      await this.readCredentials(deadline.signal)
      const options = {
        among,
        hint: listHint,
        question: 'Which session to continue?',
        read: connectAll.properties,
      }
      const selected = await unlessAborted(this.selectOne(options, deadline), deadline.signal)
      const {owner, session} = selected
      if (this.isInPlace) this.log(continuingText(session))
      // connectAll handles an interruption: it has to undo what it started
      const [result] = (await this.graceful(
        connectAll.run([session], {...wait, action: 'authenticate', deadline}, this.interaction([selected])),
      )) as [SessionResult]
      return {action: 'authenticate', result: {...result, owner}}
    } finally {
      deadline.end()
    }
  }

  #displayList(requests: readonly AuthRequest[]): void {
    const {stdout} = process
    this.log(
      this.isInPlace
        ? classicText(requests)
        : requestsText(requests, {colors: colorsOf(stdout), now: Date.now() / 1000, width: stdout.columns}),
    )
  }

  async #displayResult(result: SessionResult): Promise<void> {
    const line = `${sessionLabel(result)}: ${safeText(result.message)}`
    if (this.isInPlace && result.outcome === 'done') this.log(connectionLine(result))
    if (result.error) this.noticeError(errorText({...result.error, message: line}))
    else this.log(result.changed ? line : colorsOf(process.stdout).dim(line))
  }

  /** Whether the list is shown on a terminal where the user can be asked. */
  get #canOffer(): boolean {
    return this.interactive && process.stdout.isTTY
  }
}

/** Selects the session with this ID. */
function amongRequests(pid: number) {
  const none = new Ovpn3Error('session-not-found', `no session has the auth request ID ${pid}`, {
    hint: listHint,
  })
  const read: readonly PropertyName[] = ['backend_pid']
  return {has: ({snapshot}: Session) => snapshot.values.backend_pid === pid, none, read}
}

/** Selects from the sessions that were listed. */
function amongShown(sessions: readonly Session[]): Among {
  const keys = new Set(sessions.map((session) => keyOf(session)))
  return {has: (session) => keys.has(keyOf(session)), none: new Ovpn3Error('session-not-found', noneText), read: []}
}
