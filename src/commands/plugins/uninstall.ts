import * as Args from '@oclif/core/args'
import {safeText} from '@ovpn3/sessions'

import type {PluginRecord} from '../../plugins/installer'

import {PluginCommand, verboseFlag} from './base'

interface Result {
  readonly plugin: PluginRecord
}

export default class PluginsUninstall extends PluginCommand<typeof PluginsUninstall, Result> {
  static override aliases = ['plugins:unlink', 'plugins:remove']
  static override summary = 'Uninstall or unlink a plugin'
  static override description =
    'Removes an installed plugin with npm, or unlinks a linked one, whose folder stays unchanged.'
  static override usage = '<%= command.id %> PLUGIN [-v] [-j]'
  static override examples = [
    {command: '<%= config.bin %> <%= command.id %> ovpn3-plugin-uptime', description: 'Uninstall a plugin'},
    {command: '<%= config.bin %> <%= command.id %> .', description: 'Unlink the plugin in the current folder'},
  ]
  static override args = {
    plugin: Args.string({description: 'Name of the plugin, or the folder of a linked one', required: true}),
  }
  static override flags = verboseFlag

  protected async execute(): Promise<Result> {
    const installer = await this.installer()
    return {plugin: await installer.uninstall(this.args.plugin)}
  }

  protected display({plugin: {name, type}}: Result): void {
    this.log(`${type === 'link' ? 'Unlinked' : 'Uninstalled'} ${safeText(name)}`)
  }
}
