import {safeText} from '@ovpn3/sessions'

import {PluginCommand, verboseFlag} from './base'

interface Update {
  readonly name: string
  /** The version before; null if it is unknown. */
  readonly from: string | null
  /** The version now. */
  readonly to: string | null
}

interface Result {
  readonly plugins: readonly Update[]
}

export default class PluginsUpdate extends PluginCommand<typeof PluginsUpdate, Result> {
  static override summary = 'Update installed plugins'
  static override description =
    'Updates all installed plugins with npm, within the version that was asked for when each was installed. Linked plugins stay unchanged.'
  static override usage = '<%= command.id %> [-v] [-j]'
  static override examples = [
    {command: '<%= config.bin %> <%= command.id %>', description: 'Update all installed plugins'},
  ]
  static override flags = verboseFlag

  protected async execute(): Promise<Result> {
    const installer = await this.installer()
    this.progress('Updating plugins …')
    const updated = await installer.update()
    return {plugins: updated.map(({after, before}) => ({from: before.version, name: after.name, to: after.version}))}
  }

  protected display({plugins}: Result): void {
    if (plugins.length === 0) this.log('No plugins to update')
    for (const {from, name, to} of plugins) {
      const change = from === to ? `is up to date: ${to}` : `updated: ${from} -> ${to}`
      this.log(safeText(`${name} ${change}`))
    }
  }
}
