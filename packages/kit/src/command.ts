import type {Interfaces} from '@oclif/core'

import {Command} from '@oclif/core/command'
import {CLIError, ExitError} from '@oclif/core/errors'
import * as Flags from '@oclif/core/flags'
import {
  Cancellation,
  Deadline,
  errorOn,
  exitStatus,
  hasCode,
  hostPrefix,
  type Interaction,
  Interruption,
  isOvpn3Error,
  keyOf,
  Ovpn3Error,
  type OwnerNamed,
  type Session,
  shortId,
  sleep,
  type SourceFailure,
  type SourceProfile,
  type Sources,
  toJson,
} from '@ovpn3/sessions'
import {setMaxListeners} from 'node:events'

import {type Credentials, readCredentials} from './credentials'
import {
  asksForJson,
  type Completion,
  extraWords,
  givenFlags,
  hasSwitch,
  normalizeArgv,
  type ParserError,
  parserText,
} from './flags'
import {type ResolverOptions, sourcesOf} from './hook'
import {hostFlags, hostsOf} from './hosts'
import {interaction} from './interaction'
import {
  argumentMisuse,
  type CommandLine,
  extraMisuse,
  type Misuse,
  misuse,
  type SelectorName,
  suggestedLine,
  switchMisuse,
  unknownOption,
} from './misuse'
import {errorDocument, errorText, failureText, isListing, withFailures} from './report'
import {
  ownerOf,
  type SelectContext,
  type Selected,
  type SelectedMany,
  selectMany,
  type SelectManyOptions,
  selectOne,
  type SelectOneOptions,
} from './select'
import {selectProfile} from './select-profile'
import {type Selection, selectorOf, type SelectorValues} from './selector'
import {
  ask,
  assumeSize,
  colorsOf,
  confirm,
  isInteractive,
  pick,
  releaseStdin,
  releaseTerminal,
  type Rows,
  Screen,
  suspend,
} from './terminal'

/** The flags of the output of every command. */
const outputFlags = {
  json: Flags.boolean({char: 'j', helpGroup: 'OUTPUT', summary: 'Print one JSON document, errors included'}),
  format: Flags.string({
    exclusive: ['json'],
    helpGroup: 'OUTPUT',
    options: ['text', 'json'],
    summary: 'Print text, or JSON like --json',
  }),
  quiet: Flags.boolean({
    char: 'q',
    helpGroup: 'OUTPUT',
    summary: 'Print errors only; with --json, also the document',
  }),
}

/** The flags of a command class, its own and the inherited ones. */
export type FlagsOf<T extends typeof Command> = Interfaces.InferredFlags<
  (typeof SessionCommand)['baseFlags'] & T['flags']
>

/** The positional arguments of a command class. */
export type ArgsOf<T extends typeof Command> = Interfaces.InferredArgs<T['args']>

type StalledSession = NonNullable<Parameters<ResolverOptions['onStall']>[0]>

/** Milliseconds to wait at the end of a command until its sources are closed. */
const closeTime = 1000

const signalNumbers = {SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15} as const
type SignalName = keyof typeof signalNumbers

/**
 * A command for sessions: `--json`, errors with exit statuses, clean-up after a signal, and the `sources` of sessions. A
 * command implements `execute`, which returns its result, and `display`, which prints it as text. Under `--json` the
 * document is the result, or the value of `toSuccessJson`.
 */
export abstract class SessionCommand<T extends typeof Command, Result = unknown> extends Command {
  static override enableJsonFlag = true
  static override baseFlags = {...hostFlags, ...outputFlags}
  /** The `baseFlags` of a command that does not use sessions. */
  static readonly localFlags = outputFlags as (typeof SessionCommand)['baseFlags']
  // otherwise oclif interprets a positional argument as a part of the command's name
  static override strict = false
  /** Flags whose value is optional, and what they are without it. */
  static optionalValues: Readonly<Record<string, string>> = {}
  /** The completion of flag values, in addition to that of the selector flags. */
  static completion: Completion = {}
  protected flags!: FlagsOf<T>
  protected args!: ArgsOf<T>
  /** All output goes through it. */
  protected readonly screen = new Screen(() => this.jsonEnabled() || this.quiet)
  readonly #abort = new AbortController()
  #credentials: Credentials | undefined
  #graceful = 0
  #sources: Promise<Sources> | undefined
  /** The sources whose sessions are missing from the result. */
  #failures: readonly SourceFailure[] = []
  readonly #told = new Set<string>()
  #outputLost = false
  readonly #stallListeners: ((session: StalledSession) => void)[] = []
  #signal: SignalName | undefined
  #hostOptions = hostsOf({})
  /** The command line before it was normalized. */
  #typed: readonly string[] = []
  /** The names of the given options. */
  #given: readonly string[] = []

  /** Aborted when the command must end: by a signal, or because the user cancelled. */
  protected get abortSignal(): AbortSignal {
    return this.#abort.signal
  }

  /** Whether `--json` prints one document per line while the command runs, instead of one at its end. */
  protected get streams(): boolean {
    return false
  }

  /** The user can be asked on a terminal, and the output is for people. */
  protected get interactive(): boolean {
    return isInteractive() && !this.jsonEnabled()
  }

  /** Only errors are printed. */
  protected get quiet(): boolean {
    return this.isTyped('quiet')
  }

  /**
   * Does the work and returns the result, or undefined if everything has been printed already. Lines to print at once
   * go through `this.log`, which prints nothing under `--json`.
   */
  protected abstract execute(): Promise<Result | undefined>

  /** Prints a result as text, with `this.log`, and failures with `this.noticeError`. Not called under `--json`. */
  protected abstract display(result: Result): Promise<void> | void

  /** The exit status for a result. */
  protected exitStatus(_result: Result): number | Promise<number> {
    return 0
  }

  override async run(): Promise<Result | undefined> {
    assumeSize()
    const end = this.#listenForSignals()
    const work = this.#work()
    const interrupted = new Promise<never>((_, reject) => {
      this.abortSignal.addEventListener('abort', () => {
        if (this.#graceful === 0) reject(this.abortSignal.reason)
      })
    })
    // keeps the process running while the command waits for a source without an open handle
    const alive = setInterval(() => {}, 2 ** 30)
    try {
      const result = await Promise.race([work, interrupted])
      this.#failures = (await this.#sources)?.failures ?? []
      for (const failure of this.#failures) this.tellFailure(failure)
      if (this.#signal) process.exitCode = this.#signalStatus()
      else if (this.#failures.some(({source}) => this.#hosts.includes(source)) && !this.streams)
        process.exitCode ||= exitStatus['some-failed']
      return result
    } finally {
      await this.screen.mute(() => this.#windDown(work))
      clearInterval(alive)
      end()
      releaseStdin()
    }
  }

  /** All sources of sessions; closed when the command ends. */
  protected sources(): Promise<Sources> {
    this.#sources ??= sourcesOf(this.config, this.#resolverOptions())
    return this.#sources
  }

  /** The user that --owner names; undefined without --owner. @throws Ovpn3Error `usage` */
  protected ownerNamed(): Promise<OwnerNamed | undefined> {
    return ownerOf(this.#selecting())
  }

  /** The selection by flags or argument; undefined without one. @throws Ovpn3Error `usage` */
  protected get selector(): Selection | undefined {
    return selectorOf(this.#selectorValues)
  }

  /** The session that flags or the argument select, or that the user picks on a terminal. @throws Ovpn3Error */
  protected selectOne(options: SelectOneOptions, deadline?: Deadline): Promise<Selected> {
    return selectOne(this.#selecting(deadline), options)
  }

  /** All sessions of the caller, and those that the caller was granted access to. @throws Ovpn3Error */
  protected selectMany(options: SelectManyOptions, deadline?: Deadline): Promise<SelectedMany> {
    return selectMany(this.#selecting(deadline), options)
  }

  /** The saved profile with a name, or the one that the user picks on a terminal; undefined if there is none. @throws Ovpn3Error */
  protected selectProfile(name: string | undefined, deadline?: Deadline): Promise<SourceProfile | undefined> {
    return selectProfile(this.#selecting(deadline), name)
  }

  /** Whether the output may be read by a program made for openvpn3, which expects the lines of openvpn3 too. */
  protected get isInPlace(): boolean {
    return !process.stdout.isTTY && !this.jsonEnabled() && !this.quiet
  }

  /** Reads the value of --credentials. Call it before anything is changed. @throws Ovpn3Error */
  protected async readCredentials(signal: AbortSignal): Promise<void> {
    const {credentials} = this.flags as {readonly credentials?: string}
    this.#credentials = await readCredentials(credentials, signal)
  }

  /**
   * The interaction with the user while these sessions connect; it answers questions from other sources if it can.
   * @param begin called before the first message about a session
   */
  protected interaction(selected: readonly Selected[], begin: (session: Session) => void = () => {}): Interaction {
    return interaction({
      begin,
      config: this.config,
      credentials: this.#credentials,
      notice: (text) => {
        if (!this.isInPlace || isInteractive()) this.notice(text)
      },
      prompts: this.isInPlace ? process.stdout : undefined,
      screen: this.screen,
      selected,
    })
  }

  /** Asks a yes-or-no question on the terminal. @param byDefault the answer of the Enter key */
  protected confirm(question: string, byDefault = false): Promise<boolean> {
    return this.screen.ask(() => confirm(question, this.abortSignal, byDefault))
  }

  /** Calls the listener for each session that the session manager waits for. */
  protected whenStalled(listener: (session: StalledSession) => void): void {
    this.#stallListeners.push(listener)
  }

  /** Reports that the session manager is not responding. */
  private onStall(session?: StalledSession, host?: string): void {
    if (session) for (const listener of this.#stallListeners) listener(session)
    const text = session
      ? `Waiting for session ${hostPrefix(session.source.host)}${shortId(session.id)}: its backend is not responding.`
      : `Waiting for the session manager${host === undefined ? '' : ` of ${host}`}: it is not responding.`
    if (!this.quiet) this.screen.notice(text, session && keyOf(session))
  }

  /** Reports a failed source once. With `--json`, a single document contains it instead. */
  protected tellFailure(failure: SourceFailure): void {
    const text = failureText(failure)
    const isInDocument = this.jsonEnabled() && !this.streams
    if (!this.#told.has(text) && !isInDocument) this.noticeError(text)
    this.#told.add(text)
  }

  /** Prints a line for the user on stderr, above the live output if there is any. */
  protected notice(text: string): void {
    if (!this.quiet) this.screen.notice(text)
  }

  /** The same for an error, which `--quiet` prints too. */
  protected noticeError(text: string): void {
    this.screen.notice(text)
  }

  /** Lets the user pick one of several on the terminal. */
  protected pick<T>(question: string, rows: Rows<T>): Promise<T> {
    return this.screen.ask(() => pick(question, rows, this.abortSignal))
  }

  /**
   * While this work runs, an interruption does not end the command: the work cleans up and ends by itself when
   * `abortSignal` is aborted.
   */
  protected async graceful<R>(work: Promise<R>): Promise<R> {
    this.#graceful++
    try {
      return await work
    } finally {
      this.#graceful--
    }
  }

  /** The words to use instead of an option that selects sessions, if this command has no such option. */
  protected replaceSelector(_name: SelectorName, _value: string): readonly string[] | undefined {
    return undefined
  }

  override jsonEnabled(): boolean {
    const {baseFlags, flags, optionalValues} = this.ctor as typeof SessionCommand
    return asksForJson(this.argv, {...baseFlags, ...flags}, optionalValues)
  }

  /** Whether a switch was typed, even if the command line is invalid. */
  protected isTyped(name: string): boolean {
    const {baseFlags, flags, optionalValues} = this.ctor as typeof SessionCommand
    return hasSwitch(this.argv, {...baseFlags, ...flags}, name, optionalValues)
  }

  /** Prints a line of the result on stdout. Nothing under `--json`, which prints the whole result. */
  override log(text = ''): void {
    if (!this.jsonEnabled() && !this.quiet) this.screen.print(text)
  }

  override logJson(json: unknown): void {
    const document = isListing(json) ? withFailures(json, this.#failures) : json
    process.stdout.write(toJson(document, 2) + '\n')
    if (document === json && !this.streams) for (const failure of this.#failures) this.noticeError(failureText(failure))
  }

  protected override async catch(error: unknown): Promise<void> {
    if (error instanceof ExitError) throw error
    const known = errorOn(this.#hosts, this.#known(error) ?? unexpected(error, this.ctor.plugin))
    process.exitCode = this.#signal ? this.#signalStatus() : exitStatus[known.code]
    // every host that failed is reported, unless the command did not wait for all
    const isComplete = this.#hosts.length > 1 && known.code !== 'interrupted' && known.code !== 'timeout'
    const failures = (isComplete && (await this.#sources?.catch(() => {}))?.failures) || []
    if (this.jsonEnabled()) this.logJson(withFailures(this.toErrorJson(known), failures))
    else {
      this.noticeError(known instanceof Cancellation ? 'Cancelled.' : errorText(known))
      for (const failure of failures)
        if (failure.error !== known && failure.error !== known.cause) this.tellFailure(failure)
    }
  }

  protected override toErrorJson(error: Ovpn3Error): object {
    return errorDocument(error)
  }

  /** Closes the sources, and waits a short time for pending work. */
  async #windDown(work: Promise<unknown>): Promise<void> {
    const over = new AbortController()
    const closing = (async () => (await this.#sources)?.close())()
    void Promise.allSettled([work, closing]).then(() => over.abort())
    await sleep(closeTime, over.signal)
    // eslint-disable-next-line n/no-process-exit, unicorn/no-process-exit -- pending work may keep the process running
    if (!over.signal.aborted) setTimeout(() => process.exit(), closeTime).unref()
  }

  async #work(): Promise<Result | undefined> {
    const {args, baseFlags, flags, optionalValues} = this.ctor as typeof SessionCommand
    this.#typed = this.argv
    this.argv = normalizeArgv(this.argv, {...baseFlags, ...flags}, optionalValues)
    failOn(switchMisuse(this.#line([])))
    const parsed = await this.parse({args: args ?? {}, baseFlags, flags, strict: true})
    this.flags = parsed.flags as FlagsOf<T>
    this.args = parsed.args as ArgsOf<T>
    this.#hostOptions = hostsOf(this.flags)
    this.#given = givenFlags({parse: {input: {flags: {...baseFlags, ...flags}}, output: parsed}})
    const {session} = this.#selectorValues
    if (session !== undefined) failOn(argumentMisuse(session, this.#line(this.#given)))
    const result = await this.execute()
    if (result === undefined) return
    process.exitCode = await this.exitStatus(result)
    if (!this.jsonEnabled()) await this.display(result)
    return result
  }

  /** Writing a result failed. The command continues, and exits with a failure. */
  #outputFailed(error: NodeJS.ErrnoException): void {
    if (error.code === 'EPIPE' || this.#outputLost) return
    this.#outputLost = true
    process.stderr.write(`${colorsOf(process.stderr).red('Error:')} cannot write the output: ${error.message}\n`)
    process.on('exit', () => {
      process.exitCode ||= exitStatus.failed
    })
  }

  get #hosts(): readonly string[] {
    return this.#hostOptions.hosts
  }

  #resolverOptions(): ResolverOptions {
    const asker = {
      ask: async (question: {readonly hidden: boolean; readonly text: string}, signal: AbortSignal) => {
        const asking = new Deadline(this.abortSignal)
        signal.addEventListener('abort', () => asking.abort(new Interruption()))
        try {
          const [answer] = await this.screen.ask(() => ask([{...question, optional: true}], asking.signal))
          return answer!
        } catch (error) {
          // ssh would report only that it got no answer
          if (!signal.aborted) this.#abort.abort(error)
          throw error
        } finally {
          asking.end()
        }
      },
      notice: (text: string) => this.screen.notice(text),
    }
    return {
      ...this.#hostOptions,
      // the questions of several hosts at a time are confusing
      asker: this.interactive && this.#hosts.length === 1 ? asker : undefined,
      onStall: (session, host) => this.onStall(session, host),
    }
  }

  #selecting(deadline?: Deadline): SelectContext {
    return {
      ask: (question) => this.screen.ask(() => (deadline ? deadline.pause(question) : question())),
      interactive: this.interactive,
      pickable: this.#pickable,
      signal: deadline?.signal ?? this.abortSignal,
      sources: () => this.sources(),
      values: this.#selectorValues,
    }
  }

  /** The sessions on which the given options have an effect, as completion offers them. */
  get #pickable(): SelectContext['pickable'] {
    const {completion} = this.ctor as typeof SessionCommand
    const given = [...this.#given, 'session'].flatMap((name) => completion[name] ?? [])
    return {own: given.some(({own}) => own), skip: new Set(given.flatMap(({skip = []}) => skip))}
  }

  get #selectorValues(): SelectorValues {
    return {...this.flags, ...this.args} as SelectorValues
  }

  #signalStatus(): number {
    return 128 + signalNumbers[this.#signal!]
  }

  #listenForSignals(): () => void {
    const names = Object.keys(signalNumbers) as SignalName[]
    const onSignal = (name: SignalName) => {
      if (this.#signal) {
        // the second signal ends the process at once
        end()
        this.screen.clear()
        releaseTerminal()
        // a signal ends the process without this event, by which programs and files are removed
        process.emit('exit', this.#signalStatus())
        process.kill(process.pid, name)
        return
      }

      this.#signal = name
      process.exitCode = this.#signalStatus()
      this.#abort.abort(new Interruption(name === 'SIGHUP'))
    }

    const end = () => {
      for (const name of names) process.off(name, onSignal)
      process.off('SIGTSTP', suspend)
    }

    for (const name of names) process.on(name, onSignal)
    process.on('SIGTSTP', suspend)
    // the reader of the output has exited; the command continues
    process.stderr.on('error', () => {})
    // the listener of oclif throws every error except EPIPE
    process.stdout.removeAllListeners('error')
    process.stdout.on('error', (error: NodeJS.ErrnoException) => this.#outputFailed(error))
    // each session that connects adds a listener
    setMaxListeners(0)
    setMaxListeners(0, this.abortSignal)
    return end
  }

  #known(error: unknown): Ovpn3Error | undefined {
    if (isOvpn3Error(error)) return this.#withMeant(error)
    if (!(error instanceof CLIError) || error instanceof ExitError) return undefined
    // the command line was valid, so the error has another cause
    if (this.flags) {
      // Node appends the list of requiring modules to its message
      const [first] = error.message.split('\n', 1)
      return new Ovpn3Error('failed', error.code === 'MODULE_NOT_FOUND' ? first! : error.message, {cause: error})
    }

    const help = `Run \`${this.config.bin} ${this.#name} --help\``
    const {hint = help, message} = this.#misuse(error)
    return new Ovpn3Error('usage', message, {hint})
  }

  /** The typed name of this command: its own name or an alias. */
  get #name(): string {
    const [, , typed = ''] = process.argv
    return (this.ctor.aliases ?? []).includes(typed) ? typed : this.id!.replaceAll(':', ' ')
  }

  /** The hint for an argument that is an option without its dashes. */
  #withMeant(error: Ovpn3Error): Ovpn3Error {
    const {session} = this.#selectorValues
    if (session === undefined || !hasCode(error, 'session-not-found', 'usage')) return error
    const hint = suggestedLine([session], this.#line(this.#given))
    return hint === undefined ? error : new Ovpn3Error(error.code, error.message, {cause: error, hint})
  }

  /** The error for an error of oclif's parser. */
  #misuse(error: ParserError): Misuse {
    const line = this.#line(givenFlags(error))
    if (error.flags?.[0] !== undefined)
      return unknownOption(error.flags[0], line, (name, value) => this.replaceSelector(name, value))
    const wrong = misuse(line.flags, line.given)
    if (wrong) return wrong
    const extra = extraWords(error)
    return extra
      ? extraMisuse(extra, (error.parse?.output?.argv ?? extra).map(String), line)
      : {message: parserText(error)}
  }

  /** The command line. @param given the names of its options, in the order in which they are declared */
  #line(given: readonly string[]): CommandLine {
    const {args = {}, baseFlags, flags, optionalValues} = this.ctor as typeof SessionCommand
    return {
      args,
      argv: this.argv,
      command: [this.config.bin, ...this.#name.split(' ')],
      flags: {...baseFlags, ...flags},
      given,
      optionalValues,
      typed: this.#typed,
    }
  }
}

/** @throws Ovpn3Error `usage` for a misuse */
function failOn(wrong: Misuse | undefined): void {
  if (wrong) throw new Ovpn3Error('usage', wrong.message, {hint: wrong.hint})
}

/** The error for an unexpected one. It names a plugin that the user has installed. The stack is shown only with DEBUG. */
function unexpected(error: unknown, plugin: Command.Class['plugin']): Ovpn3Error {
  const {DEBUG} = process.env
  const message = error instanceof Error ? (DEBUG && error.stack) || error.message : String(error)
  const isUsers = plugin?.type === 'user' || plugin?.type === 'link'
  return new Ovpn3Error('failed', isUsers ? `${plugin.name}: ${message}` : message, {
    cause: error,
    ...(!DEBUG && {hint: 'Set DEBUG=* to see where the error occurred'}),
  })
}
