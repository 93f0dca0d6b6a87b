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
  static override description = `Runs a plugin from its folder, so that changes take effect at once. It replaces an installed plugin, or one that comes with ovpn3, under the same name.

If the folder has a package-lock.json, npm installs the dependencies first. With another package manager, install them yourself.`
  static override usage = '<%= command.id %> [FOLDER] [--no-install] [-v] [-j]'
  static override examples = [
    {command: '<%= config.bin %> <%= command.id %>', description: 'Link the current folder'},
    {command: '<%= config.bin %> <%= command.id %> ~/ovpn3-plugin-uptime', description: 'Link another folder'},
  ]
  static override args = {
    path: Args.string({default: '.', description: 'Folder of the plugin', name: 'folder'}),
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
    return {plugin: await installer.link(this.args.path, this.flags.install)}
  }

  protected display({plugin: {location, name, version}}: Result): void {
    this.log(`Linked ${safeText([name, version ?? ''].join(' ').trimEnd())}: ${safeText(location)}`)
  }
}
