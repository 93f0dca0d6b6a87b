import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import {safeText} from '@ovpn3/sessions'

import type {PluginRecord} from '../../plugins/installer'

import {withoutCredentials} from '../../plugins/npm'
import {PluginCommand, verboseFlag} from './base'

interface Result {
  readonly plugin: PluginRecord
}

export default class PluginsInstall extends PluginCommand<typeof PluginsInstall, Result> {
  static override aliases = ['plugins:add']
  static override summary = 'Install a plugin'
  static override description = `Installs a plugin for the current user, with npm. A plugin replaces one that comes with ovpn3 under the same name.

PLUGIN is the name of a package in the npm registry, with @VERSION if needed, a file, a git URL, or USER/REPOSITORY on GitHub.

OVPN3_NPM_REGISTRY sets another registry.`
  static override usage = '<%= command.id %> PLUGIN [-f] [-v] [-j]'
  static override examples = [
    {command: '<%= config.bin %> <%= command.id %> ovpn3-plugin-uptime', description: 'Install from the npm registry'},
    {
      command: '<%= config.bin %> <%= command.id %> ./ovpn3-plugin-uptime-1.0.0.tgz',
      description: 'Install from a file',
    },
    {
      command: '<%= config.bin %> <%= command.id %> https://github.com/user/ovpn3-plugin-uptime.git',
      description: 'Install from a git repository',
    },
  ]
  static override args = {
    plugin: Args.string({description: 'Name, file or git URL of the plugin', required: true}),
  }
  static override flags = {
    force: Flags.boolean({char: 'f', summary: 'Download the package again even if npm has it in its cache'}),
    ...verboseFlag,
  }

  protected async execute(): Promise<Result> {
    const {plugin} = this.args
    const installer = await this.installer()
    this.progress(`Installing ${safeText(withoutCredentials(plugin))} …`)
    const installed = await installer.install(plugin, this.flags.force)
    this.warnOfShadowed(installed)
    return {plugin: installed}
  }

  protected display({plugin: {name, version}}: Result): void {
    this.log(`Installed ${safeText(name)} ${safeText(version ?? '')}`.trimEnd())
  }
}
