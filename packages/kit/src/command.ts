import type {Interfaces} from '@oclif/core'

import {Command} from '@oclif/core/command'
import {CLIError, ExitError} from '@oclif/core/errors'
import * as Flags from '@oclif/core/flags'
import {
  type Deadline,
  exitStatus,
  Interruption,
  isOvpn3Error,
  Ovpn3Error,
  proceed,
  shortId,
  toJson,
  unlessAborted,
} from '@ovpn3/sessions'
import {setMaxListeners} from 'node:events'

import {colorsOf} from './color'
import {type Completion, type FlagRelations, hasSwitch, normalizeArgv, parserText} from './flags'
import {type FoundSessions, type ResolverRequest, resolveSessions} from './hook'
import {type Misuse, misuse, type SelectorName, unexpectedArguments, unknownOption, type WrongLine} from './misuse'
import {errorDocument, errorText} from './report'
import {
  type SelectContext,
  type SelectedMany,
  type SelectedOne,
  selectMany,
  type SelectManyOptions,
  selectOne,
  type SelectOneOptions,
} from './select'
import {type SelectorValues} from './selector'
import {suspend} from './suspend'
import {tellTask} from './tasks'
import {assumeSize, isInteractive, releaseStdin, showCursor} from './terminal'

/** The flags of a command class, its own and the inherited ones. */
export type FlagsOf<T extends typeof Command> = Interfaces.InferredFlags<
  (typeof SessionCommand)['baseFlags'] & T['flags']
>

/** The positional arguments of a command class. */
export type ArgsOf<T extends typeof Command> = Interfaces.InferredArgs<T['args']>

const signalNumbers = {SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15} as const
type SignalName = keyof typeof signalNumbers

/**
 * What every command about sessions has: `--json`, errors with exit statuses, an end by signal that leaves nothing
 * behind, and `resolve` to get at sessions. A command implements `execute`.
 */
export abstract class SessionCommand<T extends typeof Command> extends Command {
  static override baseFlags = {
    json: Flags.boolean({char: 'j', helpGroup: 'OUTPUT', summary: 'Print one JSON document, errors included.'}),
  }
  // else oclif takes a positional argument for a part of the command's name
  static override strict = false
  /** Flags whose value is optional, and what they are without it. */
  static optionalValues: Readonly<Record<string, string>> = {}
  /** What the shells' completion is to offer as values of flags, besides what it knows of the selector flags. */
  static completion: Completion = {}
  protected flags!: FlagsOf<T>
  protected args!: ArgsOf<T>
  readonly #abort = new AbortController()
  #graceful = 0
  /** The command is over: what still winds down has nothing to say. */
  #muted = false
  readonly #resolved: FoundSessions[] = []
  #outputLost = false
  #signal: SignalName | undefined
  /** The command line before it was normalized. */
  #typed: readonly string[] = []

  /** Aborted when the user, or the system, wants the command to end. */
  protected get abortSignal(): AbortSignal {
    return this.#abort.signal
  }

  /** Somebody on a terminal can be asked, and reads what comes of it. */
  protected get interactive(): boolean {
    return isInteractive() && !this.jsonEnabled()
  }

  /** Prints results with `this.log` or `this.logJson`, sets `process.exitCode` where it is not 0, throws otherwise. */
  protected abstract execute(): Promise<void>

  override async run(): Promise<void> {
    assumeSize()
    const end = this.#listenForSignals()
    const work = this.#work()
    const interrupted = new Promise<never>((_, reject) => {
      this.abortSignal.addEventListener('abort', () => {
        if (this.#graceful === 0) reject(this.abortSignal.reason)
      })
    })
    try {
      await Promise.race([work, interrupted])
      if (this.#signal) process.exitCode = this.#signalStatus()
    } finally {
      this.#muted = true
      await Promise.all(this.#resolved.map((resolved) => resolved.close()))
      await Promise.allSettled([work])
      end()
      releaseStdin()
    }
  }

  /**
   * What a selector stands for; closed when the command ends.
   * @param signal aborted when nobody waits for it any more
   * @throws Ovpn3Error
   */
  protected async resolve(
    request: Omit<ResolverRequest, 'onStall' | 'signal'>,
    signal = this.abortSignal,
  ): Promise<FoundSessions> {
    proceed(signal)
    const resolving = resolveSessions(this.config, {...request, onStall: (session) => this.onStall(session), signal})
    try {
      const resolved = await unlessAborted(resolving, signal)
      this.#resolved.push(resolved)
      // closing the connection is how a resolver is interrupted: it answers with sessions that it could not read
      proceed(signal)
      return resolved
    } catch (error) {
      resolving.then(
        (late) => late.close(),
        () => {},
      )
      proceed(signal)
      throw error
    }
  }

  /** The one session that the flags select, or that is picked on a terminal. @throws Ovpn3Error */
  protected selectOne(options: SelectOneOptions, deadline?: Deadline): Promise<SelectedOne> {
    return selectOne(this.#selecting(deadline), options)
  }

  /** All sessions of the caller, and those that they may use. @throws Ovpn3Error */
  protected selectMany(options: SelectManyOptions, deadline?: Deadline): Promise<SelectedMany> {
    return selectMany(this.#selecting(deadline), options)
  }

  /** Says that the session manager keeps silent. */
  protected onStall(session?: {readonly id: string}): void {
    const text = session
      ? `Waiting for session ${shortId(session.id)}: its backend gives the session manager no answer.`
      : 'Waiting for the session manager: it gives no answer.'
    if (!tellTask(session?.id, text)) this.notice(text)
  }

  /** A line for the person, on stderr. */
  protected notice(text: string): void {
    if (!this.#muted) process.stderr.write(`${text}\n`)
  }

  /**
   * While this work is under way, an interruption does not end the command: the work ends itself, in good order, when
   * `abortSignal` says so.
   */
  protected async graceful<R>(work: Promise<R>): Promise<R> {
    this.#graceful++
    try {
      return await work
    } finally {
      this.#graceful--
    }
  }

  /** The words to use instead of an option that selects sessions, where this command has none. */
  protected insteadOfSelector(_name: SelectorName, _value: string): readonly string[] | undefined {
    return undefined
  }

  override jsonEnabled(): boolean {
    return this.isTyped('json')
  }

  /** Whether a switch stands in the command line, also in one that is not understood. */
  protected isTyped(name: string): boolean {
    const {baseFlags, flags, optionalValues} = this.ctor as typeof SessionCommand
    return hasSwitch(this.argv, {...baseFlags, ...flags}, name, optionalValues)
  }

  /** A result, on stdout. */
  override log(text = ''): void {
    if (!this.#muted) process.stdout.write(`${text}\n`)
  }

  override logJson(json: unknown): void {
    if (!this.#muted) process.stdout.write(toJson(json, 2) + '\n')
  }

  protected override async catch(error: unknown): Promise<void> {
    if (error instanceof ExitError) throw error
    const known = this.#known(error) ?? unexpected(error)
    this.#muted = false
    process.exitCode = this.#signal ? this.#signalStatus() : exitStatus[known.code]
    if (this.jsonEnabled()) this.logJson(errorDocument(known))
    else this.notice(await errorText(known))
  }

  async #work(): Promise<void> {
    const {args, baseFlags, flags, optionalValues} = this.ctor as typeof SessionCommand
    this.#typed = this.argv
    this.argv = normalizeArgv(this.argv, {...baseFlags, ...flags}, optionalValues)
    const parsed = await this.parse({args: args ?? {}, baseFlags, flags, strict: true})
    this.flags = parsed.flags as FlagsOf<T>
    this.args = parsed.args as ArgsOf<T>
    await this.execute()
  }

  /** The results cannot be written: that is a failure, but no reason to stop half-way. */
  #outputFailed(error: NodeJS.ErrnoException): void {
    if (error.code === 'EPIPE' || this.#outputLost) return
    this.#outputLost = true
    process.stderr.write(`${colorsOf(process.stderr).red('Error:')} the output cannot be written: ${error.message}\n`)
    process.on('exit', () => {
      process.exitCode ||= exitStatus.failed
    })
  }

  #selecting(deadline: Deadline | undefined): SelectContext {
    return {
      ask: (question) => (deadline ? deadline.pause(question) : question()),
      flags: this.flags as SelectorValues,
      interactive: this.interactive,
      resolve: (request) => this.resolve(request, deadline?.signal),
      signal: this.abortSignal,
    }
  }

  #signalStatus(): number {
    return 128 + signalNumbers[this.#signal!]
  }

  #listenForSignals(): () => void {
    const names = Object.keys(signalNumbers) as SignalName[]
    const onSignal = (name: SignalName) => {
      if (this.#signal) {
        // asked twice: at once, then; listr2 has hidden the cursor
        end()
        showCursor()
        process.kill(process.pid, name)
        return
      }

      this.#signal = name
      this.#abort.abort(new Interruption(name === 'SIGHUP'))
    }

    const end = () => {
      for (const name of names) process.off(name, onSignal)
      process.off('SIGTSTP', suspend)
    }

    for (const name of names) process.on(name, onSignal)
    process.on('SIGTSTP', suspend)
    // nobody reads what is written any more: no reason to stop half-way
    process.stderr.on('error', () => {})
    // oclif's own listener throws what is not EPIPE
    process.stdout.removeAllListeners('error')
    process.stdout.on('error', (error: NodeJS.ErrnoException) => this.#outputFailed(error))
    // every session that is waited for listens, here and to the signals that are made of this one
    setMaxListeners(0)
    setMaxListeners(0, this.abortSignal)
    return end
  }

  #known(error: unknown): Ovpn3Error | undefined {
    if (isOvpn3Error(error)) return error
    if (!(error instanceof CLIError) || error instanceof ExitError) return undefined
    // the command line was understood, so it is not to blame
    if (this.flags) return new Ovpn3Error('failed', error.message.replace(/\nRequire stack:.*/s, ''), {cause: error})
    const help = `See ${this.config.bin} ${this.id} --help`
    const {hint = help, message} = this.#misuse(error)
    return new Ovpn3Error('usage', message, {hint})
  }

  /** An error of oclif's parser in our words. */
  #misuse(error: ParseError): Misuse {
    const {baseFlags, flags, optionalValues} = this.ctor as typeof SessionCommand
    const given = error.parse?.output ? givenOf(error.parse as ParsedLine) : []
    const line: WrongLine = {
      argv: this.argv,
      command: [this.config.bin, ...this.id!.split(':')],
      flags: {...baseFlags, ...flags},
      given,
      optionalValues,
      typed: this.#typed,
    }
    if (error.flags?.[0] !== undefined)
      return unknownOption(error.flags[0], line, (name, value) => this.insteadOfSelector(name, value))
    const wrong = misuse(line.flags, given)
    if (wrong) return wrong
    if (isWords(error.args)) return unexpectedArguments(error.args, line)
    return {message: parserText(error.message)}
  }
}

/** An error that nobody foresaw, without its stack unless somebody debugs. */
function unexpected(error: unknown): Ovpn3Error {
  const message = error instanceof Error ? (process.env.DEBUG && error.stack) || error.message : String(error)
  return new Ovpn3Error('failed', message, {cause: error})
}

/** The part of oclif's parse errors that matters here. */
interface ParseError extends Error {
  /** Options that there are not. */
  readonly flags?: readonly string[]
  /** Words that are one too many, or descriptions of those that are missing. */
  readonly args?: unknown
  readonly parse?: Partial<ParsedLine>
}

interface ParsedLine {
  readonly input: {readonly flags: Readonly<Record<string, FlagRelations>>}
  readonly output: {
    readonly flags: Readonly<Record<string, unknown>>
    readonly metadata: {readonly flags?: Readonly<Record<string, {readonly setFromDefault?: boolean}>>}
  }
}

function isWords(args: unknown): args is readonly string[] {
  return Array.isArray(args) && args.every((each) => typeof each === 'string')
}

/** The flags that were typed, in the order in which they are declared. */
function givenOf({input, output: {flags, metadata}}: ParsedLine): string[] {
  return Object.keys(input.flags).filter((name) => flags[name] !== undefined && !metadata.flags?.[name]?.setFromDefault)
}
