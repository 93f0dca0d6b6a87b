import type {Command} from '@oclif/core'

import * as Flags from '@oclif/core/flags'
import {outputFlags, SessionCommand} from '@ovpn3/kit'

import {PluginInstaller} from '../../plugins/installer'

/** For commands that run npm. */
export const verboseFlag = {
  verbose: Flags.boolean({char: 'v', helpGroup: 'OUTPUT', summary: 'Print what npm prints, on standard error.'}),
}

/** A command that changes the user's plugins. */
export abstract class PluginCommand<T extends typeof Command, Result> extends SessionCommand<T, Result> {
  static override baseFlags = outputFlags as typeof SessionCommand.baseFlags

  protected installer(): Promise<PluginInstaller> {
    const {verbose} = this.flags as {readonly verbose?: boolean}
    const log = verbose ? (text: string) => process.stderr.write(`${text}\n`) : undefined
    return PluginInstaller.load(this.config, {log, signal: this.abortSignal})
  }

  /** Announces a slow step, on a terminal only. */
  protected progress(text: string): void {
    if (this.interactive) this.notice(text)
  }
}
