import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import {safeText} from '@ovpn3/sessions'

import type {PluginRecord} from '../../plugins/installer'

import {PluginCommand, verboseFlag} from './base'

interface Result {
  readonly plugin: PluginRecord
}

export default class PluginsLink extends PluginCommand<typeof PluginsLink, Result> {
  static override summary = 'Link the folder of a plugin, for development'
  static override description = `Runs a plugin from its folder, so that changes take effect at once. It replaces a plugin of the same name: one that comes with ovpn3 until it is unlinked, an installed one for good.

If the folder has a package-lock.json, npm installs the dependencies first. With another package manager, install them yourself.`
  static override usage = '<%= command.id %> [FOLDER] [--no-install] [-v] [-j]'
  static override examples = [
    {command: '<%= config.bin %> <%= command.id %>', description: 'Link the current folder'},
    {command: '<%= config.bin %> <%= command.id %> ~/ovpn3-plugin-uptime', description: 'Link another folder'},
  ]
  static override args = {
    folder: Args.string({default: '.', description: 'Folder of the plugin'}),
  }
  static override flags = {
    install: Flags.boolean({
      allowNo: true,
      default: true,
      summary: 'Install the dependencies with npm; on by default',
    }),
    ...verboseFlag,
  }

  protected async execute(): Promise<Result> {
    const installer = await this.installer()
    const plugin = await installer.link(this.args.folder, this.flags.install)
    this.warnOfShadowed(plugin)
    return {plugin}
  }

  protected display({plugin: {location, name, version}}: Result): void {
    this.log(`Linked ${safeText([name, version ?? ''].join(' ').trimEnd())}: ${safeText(location)}`)
  }
}
