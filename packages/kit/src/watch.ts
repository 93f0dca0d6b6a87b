import type {Command} from '@oclif/core'

import {toJson} from '@ovpn3/sessions'
import {hostname} from 'node:os'

import {SessionCommand} from './command'
import {canAnimate, type LiveView, onReaderGone} from './terminal'

/** How the events of a stream are printed. */
export interface StreamOutput<Event> {
  /** Starts a view on the terminal. @returns a function that updates the view with an event */
  draw?(view: LiveView): (event: Event) => void
  /** Returns the document of an event under `--json`, or undefined if it has none. */
  json(event: Event): unknown
  /** Prints an event if standard output is not a terminal. */
  print(event: Event): void
}

/**
 * A command with `--watch`, or one that always watches and overrides `streams`. Under `--json` each document, errors
 * included, is one line.
 */
export abstract class WatchCommand<T extends typeof Command, Result = unknown> extends SessionCommand<T, Result> {
  protected override get streams(): boolean {
    // the flags are not known if parsing them failed
    return this.isTyped('watch')
  }

  override logJson(json: unknown): void {
    if (this.streams) process.stdout.write(`${toJson(json)}\n`)
    else super.logJson(json)
  }

  /**
   * Prints the events that the work emits, until the work ends. The signal of the work is aborted when the user quits, when
   * the command is interrupted, and when the reader of standard output exits; the work must then end cleanly.
   */
  protected async stream<Event>(
    {draw, json, print}: StreamOutput<Event>,
    work: (emit: (event: Event) => void, signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const quit = new AbortController()
    const abort = () => quit.abort()
    this.abortSignal.addEventListener('abort', abort)
    if (this.abortSignal.aborted) abort()
    const stopWaiting = onReaderGone(abort)
    const run = (emit: (event: Event) => void) => this.graceful(work(emit, quit.signal))
    const printJson = (event: Event) => {
      const document = json(event)
      if (document !== undefined) this.logJson(document)
    }

    try {
      if (this.jsonEnabled()) await run(printJson)
      else if (draw && !this.quiet && canAnimate(process.stdout))
        await this.screen.draw((view) => run(draw(view)), {
          place: this.flags.host?.join(', ') ?? hostname(),
          quit: abort,
        })
      else await run(print)
    } finally {
      stopWaiting()
    }
  }
}
