import * as Args from '@oclif/core/args'
import {SessionCommand} from '@ovpn3/kit'
import {safeText} from '@ovpn3/sessions'
import path from 'node:path'

import {recordOf} from '.'
import {packageFolder, type PackageJson} from '../../plugins/find'
import {notInstalled, type PluginRecord, versionIn} from '../../plugins/installer'

interface Result {
  readonly plugin: PluginRecord & {
    readonly commands: readonly string[]
    /** The installed version by name; null if it is missing. */
    readonly dependencies: Readonly<Record<string, string | null>>
  }
}

export default class PluginsInspect extends SessionCommand<typeof PluginsInspect, Result> {
  static override baseFlags = SessionCommand.localFlags
  static override summary = 'Show the details of a plugin'
  static override description = 'Shows the version, the folder, the commands and the dependencies of a plugin.'
  static override usage = '<%= command.id %> PLUGIN [-j]'
  static override examples = [
    {command: '<%= config.bin %> <%= command.id %> ovpn3-plugin-uptime', description: 'Show the details of a plugin'},
  ]
  static override args = {
    plugin: Args.string({description: 'Name of the plugin, or its folder', required: true}),
  }

  protected async execute(): Promise<Result> {
    const typed = this.args.plugin
    const plugin = this.config
      .getPluginsList()
      .find(({name, root}) => name === typed || (/^[./]/.test(typed) && root === path.resolve(typed)))
    if (!plugin) throw notInstalled(typed)
    const {dependencies = {}} = plugin.pjson as PackageJson
    const versionOf = (name: string) => versionIn(packageFolder(name, plugin.root))
    const commands = plugin.commandIDs.map((id) => id.replaceAll(':', ' ')).sort()
    return {
      plugin: {
        ...recordOf(plugin),
        commands,
        dependencies: Object.fromEntries(Object.keys(dependencies).map((name) => [name, versionOf(name)])),
      },
    }
  }

  protected display({plugin: {commands, dependencies, location, name, type, version}}: Result): void {
    const rows = [
      ['Name', name],
      ['Version', version ?? 'unknown'],
      ['Type', type],
      ['Location', location],
      ['Commands', commands.join(', ') || 'none'],
      [
        'Dependencies',
        Object.entries(dependencies)
          .map(([each, found]) => `${each} ${found ?? '(not installed)'}`)
          .join(', ') || 'none',
      ],
    ]
    for (const [label = '', value = ''] of rows) this.log(`${`${label}:`.padEnd(14)}${safeText(value)}`)
  }
}
