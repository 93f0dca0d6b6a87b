import type {Command} from '@oclif/core'

import {toJson} from '@ovpn3/sessions'

import {SessionCommand} from './command'

/** A command with `--watch`: beside it, each JSON document is a line of its own, an error included. */
export abstract class WatchCommand<T extends typeof Command> extends SessionCommand<T> {
  override logJson(json: unknown): void {
    // by what was typed: the error may be that the options cannot be understood
    if (this.isTyped('watch')) this.log(toJson(json))
    else super.logJson(json)
  }
}
