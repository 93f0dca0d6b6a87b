import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import {SessionCommand} from '@ovpn3/kit'
import {homedir} from 'node:os'

import {install, placeOf} from '../install'
import {scriptOf, type Shell, shells, usersShell} from '../shell'

type Result =
  | {readonly script: string; readonly shell: Shell}
  | {readonly changed: boolean; readonly file: string; readonly shell: Shell; readonly startFile: string | null}

export default class Autocomplete extends SessionCommand<typeof Autocomplete, Result> {
  static override summary = 'Complete commands, options and values with Tab: bash, zsh, fish.'
  static override description = `Prints the script that makes a shell complete ovpn3, or installs it where the shell looks for it. Without a shell named, it is yours, by SHELL.

Completed are the commands of all installed plugins, their options, and values: sessions, profile names, network interfaces and users as they are at that moment. Nothing is offered that can be of no use, such as a second action, or a connected session to --resume.`
  static override usage = '<%= command.id %> [bash|zsh|fish] [--install] [-j]'
  static override examples = [
    {command: '<%= config.bin %> <%= command.id %> --install', description: 'Install it for your shell'},
    {command: '<%= config.bin %> <%= command.id %> --install zsh', description: 'Install it for zsh'},
    {command: '<%= config.bin %> <%= command.id %> fish | source', description: 'Have it in this fish only'},
  ]
  static override args = {
    shell: Args.string({description: 'The shell; yours where it is left out.', options: [...shells]}),
  }
  static override flags = {
    install: Flags.boolean({summary: 'Put the script where the shell looks for it.'}),
  }

  protected async execute(): Promise<Result> {
    const shell = (this.args.shell as Shell | undefined) ?? usersShell(process.env)
    // the command itself may be somewhere else, in a bundle
    const script = scriptOf(shell, this.ctor.plugin!.root)
    if (!this.flags.install) return {script, shell}
    const place = placeOf(shell, homedir(), process.env)
    return {changed: install(script, place), file: place.file, shell, startFile: place.start?.file ?? null}
  }

  protected display(result: Result): void {
    if ('script' in result) {
      this.log(result.script.trimEnd())
      return
    }

    const {changed, file, shell, startFile} = result
    this.log(`Completion for ${shell} is installed${changed ? '' : ' already'}: ${file}`)
    if (changed && startFile) this.log(`${startFile} loads it`)
    if (changed) this.notice('New shells have it')
  }
}
