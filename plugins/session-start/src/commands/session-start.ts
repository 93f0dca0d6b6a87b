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
import {
  connectAll,
  type ConnectOptions,
  Deadline,
  exitStatusOf,
  hasCode,
  type Interaction,
  isGone,
  labelOf,
  Ovpn3Error,
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
import {alreadyRunning, ambiguous, type Running, runningOf} from '../running'
import {ServiceManager} from '../systemd'

/** What a session is to be started from, and where. */
interface Chosen {
  readonly from: StartFrom
  /** For people: the name of the profile, or of the file. */
  readonly name: string
  /** The uid of another user who owns the profile; undefined where there is none, or the profile was chosen by path. */
  readonly owner?: Promise<number | undefined>
  readonly persistTun: boolean
  readonly source: SessionSource
}

const profile = {helpGroup: 'PROFILE'}
const connection = {helpGroup: 'CONNECTION'}

export default class SessionStart extends WatchCommand<typeof SessionStart, SessionResult> {
  static override aliases = ['start', 'up']
  static override summary = 'Start a VPN session from a saved profile or a file, and connect it.'
  static override description = `PROFILE is the name of a saved profile or, if there is none of that name, a file. A file is imported for this session only, together with the files that it names, and is not saved. Relative paths in it start at its folder. On a terminal, omit PROFILE to pick a saved one from a list.

The command waits until the session is connected, without a time limit unless --timeout is given. On failure, timeout or Ctrl-C, it disconnects the new session, unless --keep is given.

With --foreground it stays until the session ends, disconnects it on Ctrl-C and SIGTERM, and notifies systemd once it is connected.

Exit status: 0 connected, or started with --background; 1 unexpected failure; 2 wrong usage, or a profile that cannot be used; 4 no such profile, an ambiguous one, or one that is running already; 5 access denied; 6 bus or session manager not reachable; 7 deadline passed; 8 the VPN server or the credentials were refused, or input is missing; 130 interrupted.`
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
      description: 'Make sure that it runs, for a script',
    },
    {
      command: '<%= config.bin %> <%= command.id %> office --foreground',
      description: 'Stay until the session ends, as a service does',
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
      description: 'Name of a saved profile, or a file.',
      // standard input has answers, and oclif would take it for the argument
      ignoreStdin: true,
      name: 'PROFILE',
      required: false,
    }),
  }
  static override flags = {
    config: Flags.string({
      ...profile,
      char: 'c',
      helpValue: 'PROFILE',
      summary: 'Name of a saved profile, or a file.',
    }),
    'config-path': Flags.string({
      ...profile,
      char: 'p',
      exclusive: ['config'],
      helpValue: 'PATH',
      summary: 'D-Bus path of a saved profile.',
    }),
    'persist-tun': Flags.boolean({
      ...profile,
      summary: 'Keep the tun device while reconnecting, in this session only.',
    }),
    dco: Flags.string({
      ...profile,
      helpValue: 'BOOL',
      summary: 'Use data channel offload in the kernel, or not, in this session only.',
    }),
    timeout: waitFlags.timeout,
    background: Flags.boolean({
      ...connection,
      exclusive: ['timeout'],
      summary: 'Start the connection, and return without waiting for it.',
    }),
    foreground: Flags.boolean({
      ...connection,
      exclusive: ['background', 'keep'],
      summary: 'Stay until the session ends; disconnect it on Ctrl-C and SIGTERM.',
    }),
    keep: Flags.boolean({
      ...connection,
      summary: 'On failure, timeout or Ctrl-C, keep the session instead of disconnecting it.',
    }),
    ...credentialsFlag,
    'if-running': Flags.string({
      ...connection,
      options: ['fail', 'keep', 'restart'],
      helpValue: 'fail|keep|restart',
      summary: 'If a session of the profile is running: fail (default), keep it, or reconnect it (restart).',
    }),
  }
  /** To answer for another user's profile. */
  #agreed = false

  protected async execute(): Promise<SessionResult> {
    const request = requestOf(this.flags, this.args.profile)
    const deadline = new Deadline(this.abortSignal, request.timeout)
    try {
      await this.readCredentials(deadline.signal)
      const chosen = await unlessAborted(this.#choose(request, deadline), deadline.signal)
      if (this.isInPlace) this.log(profileLine(chosen))
      const running = await unlessAborted(runningOf(chosen.source, chosen.from), deadline.signal)
      if (running.length > 0 && request.ifRunning !== 'restart') return alreadyRunning(running, request.ifRunning)
      return await this.graceful(this.#connectAll(chosen, running, request, deadline))
    } finally {
      deadline.end()
    }
  }

  protected override get streams(): boolean {
    return this.isTyped('foreground')
  }

  protected override exitStatus(result: SessionResult): number {
    return exitStatusOf([result])
  }

  protected async display(result: SessionResult): Promise<void> {
    const line = `${sessionLabel(result)}: ${safeText(result.message)}`
    if (result.error) this.noticeError(await errorText({...result.error, message: line}))
    else this.log([...(this.isInPlace ? resultLines(result) : []), line].join('\n'))
  }

  protected override get isInPlace(): boolean {
    return super.isInPlace && !this.flags.foreground
  }

  async #choose({ifRunning, path, persistTun, profile: name}: Request, deadline: Deadline): Promise<Chosen> {
    const sources = await this.sources()
    if (path !== undefined) {
      const [found] = await sources.profiles({path})
      if (!found)
        throw new Ovpn3Error('profile-not-found', `no such profile: ${path}`, {
          hint: 'Your profiles: openvpn3 configs-list',
        })
      return saved(found, persistTun)
    }

    const found = await this.selectProfile(name, deadline)
    // the profiles of others can have any name: a file is not to be replaced by one of them
    const isFile = name !== undefined && (await isThere(name))
    const owner = found && name !== undefined ? otherOwner(found) : undefined
    // it is told where it is needed
    owner?.catch(() => {})
    if (found && !(isFile && (await owner) !== undefined)) return {...saved(found, persistTun), owner}
    if (!isFile) throw await this.#notFound(name!)
    const {persistTun: asksForIt, ...from} = await readProfile(name!, deadline.signal)
    // its session is known by that name alone
    if (ifRunning !== 'fail' && (!isAbsolute(name!) || from.name !== name))
      throw new Ovpn3Error('usage', `--if-running=${ifRunning} needs the whole path of a file, in ASCII`, {
        hint: `Such as ${shellWord(safeText(resolve(name!)))}`,
      })
    const source = sources.all.find(({start}) => start)!
    return {from, name: name!, persistTun: persistTun || asksForIt, source}
  }

  /** That there is neither a profile nor a file of that name, with one that may be meant. */
  async #notFound(name: string): Promise<Ovpn3Error> {
    const profiles = await (await this.sources()).profiles()
    const names = profiles.map(({profile: each}) => each.name)
    // a file that is not there may be a profile that was imported from it
    const [near] = [name, basename(name), basename(name, '.ovpn')].flatMap((typed) => closest(typed, names) ?? [])
    return new Ovpn3Error('profile-not-found', `no such profile or file: ${name}`, {
      hint: near === undefined ? 'Your profiles: openvpn3 configs-list' : `Did you mean ${near}?`,
    })
  }

  /** A new session, or the one that runs, brought up. */
  async #connectAll(
    chosen: Chosen,
    running: readonly Running[],
    {background, dco, foreground, ifRunning, keep, persistTun}: Request,
    deadline: Deadline,
  ): Promise<SessionResult> {
    const alive = running.filter(({isOver}) => !isOver)
    if (alive.length > 1) throw ambiguous(alive)
    if (alive.length > 0 && (dco !== undefined || persistTun))
      this.notice('The session is running already: --dco and --persist-tun are for a new one.')
    // what is at a dead end keeps the service from starting another session of the profile
    for (const {isOver, session} of running) if (isOver) await clearAway(session, deadline.signal)
    let session = alive[0]?.session
    try {
      session ??= await this.#start(chosen, dco, deadline)
    } catch (error) {
      if (!hasCode(error, 'session-running') || ifRunning === 'restart') throw error
      // another command has started one meanwhile
      const others = await unlessAborted(runningOf(chosen.source, chosen.from), deadline.signal)
      if (others.length === 0) throw error
      return alreadyRunning(others, ifRunning)
    }

    const options: ConnectOptions = {
      action: alive.length > 0 ? 'restart' : 'start',
      deadline,
      keep,
      wait: background ? 'never' : 'required',
    }
    const [result] = await connectAll.run([session], options, this.#interaction(session, chosen))
    if (!foreground || result!.error) return result!
    // the time limit is for the connection
    deadline.end()
    return this.#stay(session, result!, chosen)
  }

  async #start(
    {from, name, persistTun, source}: Chosen,
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

  #interaction(session: Session, chosen: Chosen): Interaction {
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
   * A name may turn out to be another user's profile: that user decides what becomes of the answers, and may even own
   * the session.
   * @throws Ovpn3Error `input-missing`
   */
  async #consent({from, name, owner, source}: Chosen, deadline: Deadline): Promise<void> {
    const uid = await owner
    if (uid === undefined || this.#agreed || !('path' in from)) return
    const who = userText(await userOf(uid, source))
    if (!this.interactive)
      throw new Ovpn3Error('input-missing', `input is needed, and the profile belongs to ${who}`, {
        hint: `Pass --config-path ${from.path} to send them your input`,
      })
    const question = `The profile ${safeText(name)} belongs to ${who}. Send them your input?`
    this.#agreed = await deadline.pause(() => this.confirm(question))
    if (!this.#agreed) throw new Ovpn3Error('input-missing', `no input was sent: the profile belongs to ${who}`)
  }

  /** Until the session ends. */
  async #stay(session: Session, begun: SessionResult, chosen: Chosen): Promise<SessionResult> {
    const label = sessionLabel(begun)
    this.#tell({session: begun, type: 'started'}, `${label}: ${safeText(begun.message)}`)
    const manager = new ServiceManager((text) => this.notice(text))
    manager.ready(begun.message)
    const staying = stayWith(session, {
      from: begun.status!,
      signal: this.abortSignal,
      stopping: async () => manager.stopping(),
      told: async (status) => {
        const text = statusText(status)
        this.#tell({status: statusJson(status), type: 'status'}, `${label}: ${text}`)
        manager.status(text)
        if (!waitsForInput(status)) return
        const [{error}] = (await this.#authenticate(session, chosen)) as [SessionResult]
        if (error) throw new Ovpn3Error(error.code, error.message, {hint: error.hint})
      },
    })
    try {
      return await staying
    } finally {
      await manager.sent()
    }
  }

  /** Answers what a session comes to need while it reconnects. */
  async #authenticate(session: Session, chosen: Chosen): Promise<SessionResult[]> {
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

  /** What happens while the command stays: a line, or a JSON document. */
  #tell(event: Readonly<Record<string, unknown>>, text: string): void {
    if (this.jsonEnabled()) this.logJson({time: new Date().toISOString(), ...event})
    else this.log(text)
  }

  protected override toSuccessJson(result: SessionResult): unknown {
    if (!this.flags.foreground) return {action: 'start', session: result}
    return {time: new Date().toISOString(), session: result, type: 'ended'}
  }
}

function saved({profile: from, source}: SourceProfile, persistTun: boolean): Chosen {
  return {from, name: from.name, persistTun, source}
}

/** Ends a session that is in the way, if it is there still. */
async function clearAway(session: Session, signal: AbortSignal): Promise<void> {
  try {
    await unlessAborted(session.disconnect(), signal)
  } catch (error) {
    if (!isGone(error)) throw error
  }
}

/** The uid of another user than root whose profile it is. */
async function otherOwner({profile, source}: SourceProfile): Promise<number | undefined> {
  const owner = profile.owner ?? (await source.profiles?.({details: true, path: profile.path}))?.[0]?.owner
  return owner === source.me || owner === 0 ? undefined : owner
}

async function isThere(file: string): Promise<boolean> {
  try {
    await stat(file)
    return true
  } catch (error) {
    const {code} = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG') return false
    // what cannot be looked at is there: reading it tells why it cannot be used
    return true
  }
}
