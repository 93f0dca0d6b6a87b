import {safeText} from '@ovpn3/sessions'

import type {PluginRecord} from '../../plugins/installer'

import {PluginCommand} from './base'

interface Result {
  readonly plugins: readonly PluginRecord[]
}

export default class PluginsReset extends PluginCommand<typeof PluginsReset, Result> {
  static override summary = 'Remove all plugins'
  static override description =
    'Uninstalls all installed plugins and unlinks all linked ones, without npm. Use it if plugins keep ovpn3 from working.'
  static override usage = '<%= command.id %> [-j]'
  static override examples = [{command: '<%= config.bin %> <%= command.id %>', description: 'Remove all plugins'}]

  protected async execute(): Promise<Result> {
    const installer = await this.installer()
    return {plugins: await installer.reset()}
  }

  protected display({plugins}: Result): void {
    if (plugins.length === 0) this.log('No plugins installed')
    for (const {name, type} of plugins) this.log(`${type === 'link' ? 'Unlinked' : 'Uninstalled'} ${safeText(name)}`)
  }
}
