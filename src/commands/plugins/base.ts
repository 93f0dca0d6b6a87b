import type {Command} from '@oclif/core'

import * as Flags from '@oclif/core/flags'
import {SessionCommand} from '@ovpn3/kit'
import {safeText} from '@ovpn3/sessions'
import path from 'node:path'

import {type PackageJson, readJson} from '../../plugins/find'
import {PluginInstaller, type PluginRecord} from '../../plugins/installer'
import {commandsOf} from '../../plugins/modules'
import {shadowWarnings} from '../../plugins/shadowed'
import {verbNames} from '../../verbs'

/** For commands that run npm. */
export const verboseFlag = {
  verbose: Flags.boolean({char: 'v', helpGroup: 'OUTPUT', summary: 'Print what npm prints, on standard error'}),
}

/** A command that changes the user's plugins. */
export abstract class PluginCommand<T extends typeof Command, Result> extends SessionCommand<T, Result> {
  static override baseFlags = SessionCommand.localFlags

  protected installer(): Promise<PluginInstaller> {
    const {verbose} = this.flags as {readonly verbose?: boolean}
    const log = verbose ? (text: string) => process.stderr.write(`${text}\n`) : undefined
    return PluginInstaller.load(this.config, {log, signal: this.abortSignal})
  }

  /** Warns about commands of a new plugin that never run. */
  protected warnOfShadowed({location: folder, name}: PluginRecord): void {
    const pjson = readJson<PackageJson>(path.join(folder, 'package.json'))
    const ids = commandsOf({folder, name, pjson, type: 'user'}).map(({id}) => id)
    for (const warning of shadowWarnings(name, ids, this.config.getPluginsList(), verbNames))
      this.notice(safeText(warning))
  }

  /** Announces a slow step, on a terminal only. */
  protected progress(text: string): void {
    if (this.interactive) this.notice(text)
  }
}
