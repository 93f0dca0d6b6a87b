import type {Command} from '@oclif/core'

import {toJson} from '@ovpn3/sessions'

import {SessionCommand} from './command'
import {canAnimate, type LiveView, onReaderGone} from './terminal'

/** How the events of a stream are shown. */
export interface StreamOutput<Event> {
  /** Begins a view on the terminal, if there is one. @returns what brings it up to date with an event */
  draw?(view: LiveView): (event: Event) => void
  /** The document of an event under `--json`; undefined where it has none. */
  json(event: Event): unknown
  /** Prints an event where no view can be drawn. */
  print(event: Event): void
}

/**
 * A command with `--watch`, or one that always watches and says so with `streams`: each JSON document is then a line of
 * its own, an error included.
 */
export abstract class WatchCommand<T extends typeof Command, Result = unknown> extends SessionCommand<T, Result> {
  protected override get streams(): boolean {
    // by what was typed: the error may be that the options cannot be understood
    return this.isTyped('watch')
  }

  override logJson(json: unknown): void {
    if (this.streams) process.stdout.write(`${toJson(json)}\n`)
    else super.logJson(json)
  }

  /**
   * Shows what the work emits, until it ends. The work has to end, in good order, when its signal is aborted: the user
   * or the system wants the command to end, or nobody reads the output any more.
   */
  protected async stream<Event>(
    {draw, json, print}: StreamOutput<Event>,
    work: (emit: (event: Event) => void, signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const over = new AbortController()
    const end = () => over.abort()
    this.abortSignal.addEventListener('abort', end)
    if (this.abortSignal.aborted) end()
    const forget = onReaderGone(end)
    const show = (emit: (event: Event) => void) => this.graceful(work(emit, over.signal))
    const printJson = (event: Event) => {
      const document = json(event)
      if (document !== undefined) this.logJson(document)
    }

    try {
      if (this.jsonEnabled()) await show(printJson)
      else if (draw && !this.quiet && canAnimate(process.stdout)) await this.screen.draw((view) => show(draw(view)))
      else await show(print)
    } finally {
      forget()
    }
  }
}
