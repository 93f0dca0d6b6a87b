import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import {
  closest,
  type Completion,
  credentialsFlag,
  errorText,
  userOf,
  userText,
  waitFlags,
  WatchCommand,
} from '@ovpn3/kit'
import {didYouMean} from '@ovpn3/kit/flags'
import {
  connectAll,
  type ConnectOptions,
  Deadline,
  exitStatusOf,
  hasCode,
  type Interaction,
  Interruption,
  isEnding,
  isGone,
  labelOf,
  Ovpn3Error,
  profileNotFound,
  safeText,
  type Session,
  sessionLabel,
  type SessionResult,
  type SessionSource,
  shellWord,
  type SourceProfile,
  type StartFrom,
  statusJson,
  statusText,
  unlessAborted,
  waitsForInput,
} from '@ovpn3/sessions'
import {stat} from 'node:fs/promises'
import {basename, isAbsolute, resolve} from 'node:path'

import {profileLine, resultLines, sessionLine} from '../classic'
import {stayWith} from '../foreground'
import {readProfile} from '../profile-file'
import {type Request, requestOf} from '../request'
import {alreadyExists, ambiguous, type Running, runningOf, sessionToKeep} from '../running'
import {ServiceManager} from '../systemd'

/** The chosen profile and its source. */
interface ChosenProfile {
  readonly from: StartFrom
  /** The name of the profile or file, for messages. */
  readonly name: string
  /** The uid of the owner if that is another user; undefined if the profile was chosen by path. */
  readonly owner?: Promise<number | undefined>
  readonly persistTun: boolean
  readonly source: SessionSource
}

const profileGroup = {helpGroup: 'PROFILE'}
const connectionGroup = {helpGroup: 'CONNECTION'}

export default class SessionStart extends WatchCommand<typeof SessionStart, SessionResult> {
  static override aliases = ['start', 'up']
  static override summary = 'Start a VPN session from a saved profile or a file'
  static override description = `PROFILE is the name of a saved profile. If no saved profile has that name, PROFILE is a file. A file and the files that it references are imported for this session only; nothing is saved. Relative paths in a file start at its directory. Use /dev/stdin to read a profile from standard input. On a terminal, omit PROFILE to pick a saved profile from a list.

The command waits until the session is connected, without a time limit unless --timeout is given. On failure, timeout or Ctrl-C, it disconnects the new session unless --keep is given.

With --if-running=keep, the command waits for a session that is connecting. It does not change the session: it fails if the session is paused, waits for input or has failed.

With --foreground, the command runs until the session ends. It disconnects the session on Ctrl-C and SIGTERM, leaves it connected when the terminal is closed, and notifies systemd when it is connected.

Exit status: 0 connected, or started with --background; 1 unexpected failure; 2 wrong usage, or an invalid profile; 4 no such profile, an ambiguous one, or one that already has a session (also with --if-running=keep, if that session is paused, waits for input or has failed); 5 access denied; 6 host, bus or session manager not reachable; 7 timed out; 8 refused by the VPN server, wrong credentials or missing input; 129 terminal closed (SIGHUP); 130 interrupted (SIGINT); 143 terminated (SIGTERM).`
  static override usage = '<%= command.id %> [PROFILE] [OPTION...]'
  static override examples = [
    {
      command: '<%= config.bin %> <%= command.id %> office',
      description: 'Start the saved profile office',
    },
    {
      command: '<%= config.bin %> <%= command.id %> --config ./office.ovpn --timeout 30',
      description: 'Start from a file, and give up after 30 s',
    },
    {
      command: '<%= config.bin %> <%= command.id %> office --if-running=keep --json',
      description: 'Ensure in a script that the profile is connected',
    },
    {
      command: '<%= config.bin %> <%= command.id %> office --foreground',
      description: 'Run until the session ends, as a service',
    },
  ]
  static override completion: Completion = {
    config: {values: 'profile'},
    'config-path': {values: 'profile-path'},
    credentials: {values: 'file'},
    dco: {values: ['true', 'false']},
    profile: {values: 'profile'},
  }
  static override args = {
    profile: Args.string({
      description: 'Name of a saved profile, or a file',
      // oclif would read the argument from standard input, which has the credentials
      ignoreStdin: true,
      name: 'PROFILE',
      required: false,
    }),
  }
  static override flags = {
    config: Flags.string({
      ...profileGroup,
      char: 'c',
      helpValue: 'PROFILE',
      summary: 'Name of a saved profile, or a file',
    }),
    'config-path': Flags.string({
      ...profileGroup,
      char: 'p',
      exclusive: ['config'],
      helpValue: 'PATH',
      summary: 'D-Bus path of a saved profile',
    }),
    'persist-tun': Flags.boolean({
      ...profileGroup,
      summary: 'Keep the tun device while reconnecting, in this session only',
    }),
    dco: Flags.string({
      ...profileGroup,
      helpValue: 'BOOL',
      summary: 'Turn data channel offload in the kernel on or off, in this session only',
    }),
    timeout: waitFlags.timeout,
    background: Flags.boolean({
      ...connectionGroup,
      exclusive: ['timeout'],
      summary: 'Ask for all input first, then connect in the background',
    }),
    foreground: Flags.boolean({
      ...connectionGroup,
      exclusive: ['background', 'keep'],
      summary: 'Run until the session ends; disconnect it on Ctrl-C and SIGTERM',
    }),
    keep: Flags.boolean({
      ...connectionGroup,
      summary: 'On failure, timeout or Ctrl-C, keep the session instead of disconnecting it',
    }),
    ...credentialsFlag,
    'if-running': Flags.string({
      ...connectionGroup,
      options: ['fail', 'keep', 'restart'],
      helpValue: 'fail|keep|restart',
      summary:
        'If the profile already has a session: fail (default), keep it and wait until it is connected, or reconnect it (restart)',
    }),
  }
  /** The user agreed to send input to the owner of the profile. */
  #hasConsent = false

  protected async execute(): Promise<SessionResult> {
    const request = requestOf(this.flags, this.args.profile)
    const deadline = new Deadline(this.abortSignal, request.timeout)
    try {
      return await this.graceful(this.#run(request, deadline))
    } catch (error) {
      // once a session exists, an abort is reported in its result
      if (!(error instanceof Interruption) && error !== deadline.signal.reason) throw error
      const {code, message} = error as Ovpn3Error
      throw new Ovpn3Error(code, `${message}: no session was started`)
    } finally {
      deadline.end()
    }
  }

  async #run(request: Request, deadline: Deadline): Promise<SessionResult> {
    await this.readCredentials(deadline.signal)
    const chosen = await unlessAborted(this.#choose(request, deadline), deadline.signal)
    if (this.isInPlace) this.log(profileLine(chosen))
    const running = await unlessAborted(runningOf(chosen.source, chosen.from), deadline.signal)
    if (running.length > 0 && request.ifRunning === 'fail') throw alreadyExists(running)
    if (running.length > 0 && request.ifRunning === 'keep') return this.#keep(chosen, running, request, deadline)
    return this.#connect(chosen, running, request, deadline)
  }

  protected override get streams(): boolean {
    return this.isTyped('foreground')
  }

  protected override exitStatus(result: SessionResult): number {
    return exitStatusOf([result])
  }

  protected async display(result: SessionResult): Promise<void> {
    const line = `${sessionLabel(result)}: ${safeText(result.message)}`
    if (result.error) this.noticeError(errorText({...result.error, message: line}))
    else this.log([...(this.isInPlace ? resultLines(result) : []), line].join('\n'))
  }

  protected override get isInPlace(): boolean {
    return super.isInPlace && !this.flags.foreground
  }

  async #choose({ifRunning, path, persistTun, profile: name}: Request, deadline: Deadline): Promise<ChosenProfile> {
    const sources = await this.sources()
    if (path !== undefined) {
      const [found] = await sources.profiles({path})
      if (!found) throw profileNotFound(`no such profile: ${path}`)
      return saved(found, persistTun)
    }

    const found = await this.selectProfile(name, deadline)
    // other users can give their profiles any name: prefer a file to another user's profile
    const isFile = name !== undefined && (await exists(name))
    const owner = found && name !== undefined ? otherOwner(found) : undefined
    // an error is reported when the owner is needed
    owner?.catch(() => {})
    if (found && !(isFile && (await owner) !== undefined)) return {...saved(found, persistTun), owner}
    if (!isFile) throw await this.#notFoundError(name!)
    const {persistTun: isInProfile, ...from} = await readProfile(name!, deadline.signal)
    // a session from a file can only be found by its path
    if (ifRunning !== 'fail' && (!isAbsolute(name!) || from.name !== name))
      throw new Ovpn3Error('usage', `--if-running=${ifRunning} needs the absolute path of the file, in ASCII`, {
        hint: `Pass ${shellWord(safeText(resolve(name!)))}`,
      })
    const starting = sources.all.filter(({start}) => start)
    if (new Set(starting.map(({host}) => host)).size > 1)
      throw new Ovpn3Error('usage', 'a file can be started on one host only', {hint: 'Pass --host once'})
    const source = starting[0]!
    return {from, name: name!, persistTun: persistTun || isInProfile, source}
  }

  /** The error for a name that is neither a profile nor a file, with the nearest profile. */
  async #notFoundError(name: string): Promise<Ovpn3Error> {
    const profiles = await (await this.sources()).profiles()
    const names = profiles.map(({profile: each}) => each.name)
    // a missing file may have been imported as a profile
    const [near] = [name, basename(name), basename(name, '.ovpn')].flatMap((typed) => closest(typed, names) ?? [])
    const hint = name === '-' ? 'Pass /dev/stdin to read the profile from standard input' : undefined
    const what = /^\.{0,2}\//.test(name) ? 'file' : 'profile or file'
    return profileNotFound(`no such ${what}: ${name}`, hint ?? (near && didYouMean([near])))
  }

  /** Connects a new session, or reconnects the running one. */
  async #connect(
    chosen: ChosenProfile,
    running: readonly Running[],
    {background, dco, foreground, ifRunning, keep, persistTun}: Request,
    deadline: Deadline,
  ): Promise<SessionResult> {
    const alive = running.filter(({isDead}) => !isDead)
    if (alive.length > 1) throw ambiguous(alive)
    if (alive.length > 0 && (dco !== undefined || persistTun))
      this.notice('The session already exists: --dco and --persist-tun have no effect on it.')
    // the service starts no session of the profile while a dead one exists
    for (const {isDead, session} of running) if (isDead) await disconnect(session, deadline.signal)
    let session = alive[0]?.session
    try {
      session ??= await this.#start(chosen, dco, deadline)
    } catch (error) {
      if (!hasCode(error, 'session-running') || ifRunning === 'restart') throw error
      // another command has started a session in the meantime
      const others = await unlessAborted(runningOf(chosen.source, chosen.from), deadline.signal)
      if (others.length === 0) throw error
      if (ifRunning === 'fail') throw alreadyExists(others)
      return this.#keep(chosen, others, {background}, deadline)
    }

    const options: ConnectOptions = {
      action: alive.length > 0 ? 'restart' : 'start',
      deadline,
      keep,
      wait: background ? 'never' : 'required',
    }
    const [result] = await connectAll.run([session], options, this.#interaction(session, chosen))
    if (!foreground || result!.error) return result!
    // --timeout limits the connection attempt, not the session
    deadline.end()
    return this.#stay(session, result!, chosen)
  }

  /** Waits until a session that exists is connected. It is never disconnected, because another command started it. */
  async #keep(
    chosen: ChosenProfile,
    running: readonly Running[],
    {background}: Pick<Request, 'background'>,
    deadline: Deadline,
  ): Promise<SessionResult> {
    const session = await sessionToKeep(running, deadline.signal)
    const options: ConnectOptions = {action: 'keep', deadline, wait: background ? 'never' : 'required'}
    const [result] = await connectAll.run([session], options, this.#interaction(session, chosen))
    return result!
  }

  async #start(
    {from, name, persistTun, source}: ChosenProfile,
    dco: boolean | undefined,
    deadline: Deadline,
  ): Promise<Session> {
    const start = async () => {
      const session = await source.start!(from, {dco, persistTun}, deadline.signal)
      return {value: session}
    }

    const title = `Starting ${safeText(name)}`
    const [session] = await this.screen.runTasks(title, [{run: start, title}])
    if (this.isInPlace) this.log(sessionLine(session!.path))
    return session!
  }

  #interaction(session: Session, chosen: ChosenProfile): Interaction {
    const inner = this.interaction([{label: labelOf(session), ownerNamed: false, ownership: 'own', session}])
    return {
      ...inner,
      answer: async (each, requests, asking) => {
        await this.#consent(chosen, asking.deadline)
        return inner.answer(each, requests, asking)
      },
    }
  }

  /**
   * A name can match another user's profile. That user controls where the input goes, and may even own the session.
   * @throws Ovpn3Error `input-missing`
   */
  async #consent({from, name, owner, source}: ChosenProfile, deadline: Deadline): Promise<void> {
    const uid = await owner
    if (uid === undefined || this.#hasConsent || !('path' in from)) return
    const who = userText(await userOf(uid, source))
    if (!this.interactive)
      throw new Ovpn3Error('input-missing', `the profile needs input and belongs to ${who}`, {
        hint: `Pass --config-path ${from.path} to send your input to that user`,
      })
    const question = `The profile ${safeText(name)} belongs to ${who}. Send your input to that user?`
    this.#hasConsent = await deadline.pause(() => this.confirm(question))
    if (!this.#hasConsent) throw new Ovpn3Error('input-missing', `no input was sent: the profile belongs to ${who}`)
  }

  /** Runs until the session ends. */
  async #stay(session: Session, started: SessionResult, chosen: ChosenProfile): Promise<SessionResult> {
    const label = sessionLabel(started)
    this.#report({session: started, type: 'started'}, `${label}: ${safeText(started.message)}`)
    const manager = new ServiceManager((text) => this.notice(text))
    manager.ready(started.message)
    const staying = stayWith(session, {
      from: started.status!,
      onStatus: async (status) => {
        const text = statusText(status)
        // the result says in one line how the session ended
        const line = isEnding(status) ? undefined : `${label}: ${text}`
        this.#report({status: statusJson(status), type: 'status'}, line)
        manager.status(text)
        if (!waitsForInput(status)) return
        const [{error}] = (await this.#authenticate(session, chosen)) as [SessionResult]
        if (error) throw new Ovpn3Error(error.code, error.message, {hint: error.hint})
      },
      onStopping: async () => manager.stopping(),
      signal: this.abortSignal,
    })
    try {
      return await staying
    } finally {
      await manager.sent()
    }
  }

  /** Provides the input that a session needs while it reconnects. */
  async #authenticate(session: Session, chosen: ChosenProfile): Promise<SessionResult[]> {
    await unlessAborted(session.refresh(connectAll.properties), this.abortSignal)
    const deadline = new Deadline(this.abortSignal)
    try {
      return await connectAll.run(
        [session],
        {action: 'authenticate', deadline, wait: 'required'},
        this.#interaction(session, chosen),
      )
    } finally {
      deadline.end()
    }
  }

  /** Reports an event of --foreground: as a JSON document, or as a line if it has one. */
  #report(event: Readonly<Record<string, unknown>>, line: string | undefined): void {
    if (this.jsonEnabled()) this.logJson({time: new Date().toISOString(), ...event})
    else if (line !== undefined) this.log(line)
  }

  protected override toSuccessJson(result: SessionResult): unknown {
    if (!this.flags.foreground) return {action: 'start', session: result}
    return {time: new Date().toISOString(), session: result, type: 'ended'}
  }
}

function saved({profile: from, source}: SourceProfile, persistTun: boolean): ChosenProfile {
  return {from, name: from.name, persistTun, source}
}

/** Disconnects a session unless it is already gone. */
async function disconnect(session: Session, signal: AbortSignal): Promise<void> {
  try {
    await unlessAborted(session.disconnect(), signal)
  } catch (error) {
    if (!isGone(error)) throw error
  }
}

/** The uid of the profile's owner, unless that is the caller or root. */
async function otherOwner({profile, source}: SourceProfile): Promise<number | undefined> {
  const owner = profile.owner ?? (await source.profiles?.({details: true, path: profile.path}))?.[0]?.owner
  return owner === source.me || owner === 0 ? undefined : owner
}

async function exists(file: string): Promise<boolean> {
  try {
    await stat(file)
    return true
  } catch (error) {
    const {code} = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG') return false
    // reading the file reports why it cannot be used
    return true
  }
}
