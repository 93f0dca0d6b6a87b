import type {Interfaces} from '@oclif/core'

import * as Flags from '@oclif/core/flags'
import {SessionCommand, tableText} from '@ovpn3/kit'
import {safeText} from '@ovpn3/sessions'

import {brokenPlugins} from '../../plugins/broken'
import {type PluginRecord, versionIn} from '../../plugins/installer'
import {isUsers, shadowWarnings} from '../../plugins/shadowed'
import {verbNames} from '../../verbs'

interface Result {
  readonly plugins: readonly PluginRecord[]
}

export default class Plugins extends SessionCommand<typeof Plugins, Result> {
  static override baseFlags = SessionCommand.localFlags
  static override aliases = ['plugins:list']
  static override summary = 'List, install and remove plugins'
  static override description =
    'Lists installed and linked plugins. A plugin adds commands, sources of sessions or credentials.'
  static override usage = '<%= command.id %> [--core] [-j]'
  static override examples = [
    {command: '<%= config.bin %> <%= command.id %>', description: 'List installed plugins'},
    {
      command: '<%= config.bin %> plugins install NAME',
      description: 'Install a plugin from the npm registry',
    },
  ]
  static override flags = {
    core: Flags.boolean({summary: 'Include the plugins that come with ovpn3'}),
  }

  /** Suggests a subcommand for a mistyped one, which oclif would pass to this command as an argument. */
  override async init(): Promise<void> {
    const option = this.argv.findIndex((word) => word.startsWith('-'))
    const end = option === -1 ? this.argv.length : option
    const id = ['plugins', ...this.argv.slice(0, end)].join(':')
    if (end > 0) await this.config.runHook('command_not_found', {argv: this.argv.slice(end), id})
    await super.init()
  }

  protected async execute(): Promise<Result> {
    const loaded = this.config
      .getPluginsList()
      .filter((plugin) => plugin.name !== this.config.name && !plugin.parent)
      .map((plugin) => recordOf(plugin))
    const missing = brokenPlugins()
      .filter(({folder}) => !loaded.some(({location}) => location === folder))
      .map(({folder, name, reason, type}) => ({
        broken: reason,
        location: folder,
        name,
        type,
        version: versionIn(folder),
      }))
    const plugins = [...loaded, ...missing].filter(({type}) => this.flags.core || type !== 'core')
    this.#warnOfShadowed()
    return {plugins: plugins.sort((a, b) => a.name.localeCompare(b.name))}
  }

  /** Warns about commands of the user's plugins that never run. */
  #warnOfShadowed(): void {
    const all = this.config.getPluginsList()
    for (const {commandIDs, name} of all.filter((plugin) => isUsers(plugin)))
      for (const warning of shadowWarnings(name, commandIDs, all, verbNames)) this.notice(safeText(warning))
  }

  protected display({plugins}: Result): void {
    if (plugins.length === 0) {
      this.log('No plugins installed')
      return
    }

    const columns = ['NAME', 'VERSION', 'TYPE', 'LOCATION'].map((header) => ({header}))
    const rows = plugins.map(({broken, location, name, type, version}) => [
      safeText(name),
      safeText(version ?? '-'),
      broken === undefined ? typeNames[type] : `${typeNames[type]}, broken`,
      type === 'link' ? safeText(location) : '',
    ])
    const isLinked = plugins.some(({type}) => type === 'link')
    this.log(
      tableText(
        columns.slice(0, isLinked ? 4 : 3),
        rows.map((row) => row.slice(0, isLinked ? 4 : 3)),
      ),
    )
  }
}

/** The text for each type of plugin. */
const typeNames = {core: 'core', link: 'linked', user: 'installed'} as const

/** The record of a plugin that oclif has loaded. */
export function recordOf({name, root, type, version}: Interfaces.Plugin): PluginRecord {
  const known = type === 'link' || type === 'user' ? type : 'core'
  const broken = brokenPlugins().find(({folder}) => folder === root)?.reason
  return {location: root, name, type: known, version: version ?? null, ...(broken !== undefined && {broken})}
}
