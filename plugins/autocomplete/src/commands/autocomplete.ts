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
  static override baseFlags = SessionCommand.localFlags
  static override summary = 'Set up Tab completion for bash, zsh or fish'
  static override description = `Prints the completion script of a shell, or installs it with --install. By default the shell is taken from SHELL.

Completes commands, including those of plugins, options, and live values: profiles, sessions, interfaces and users that apply right now. For example, --resume does not offer connected sessions.`
  static override usage = '<%= command.id %> [bash|zsh|fish] [--install] [-j]'
  static override examples = [
    {command: '<%= config.bin %> <%= command.id %> --install', description: 'Install completion for your shell'},
    {command: '<%= config.bin %> <%= command.id %> --install zsh', description: 'Install completion for zsh'},
    {
      command: '<%= config.bin %> <%= command.id %> fish | source',
      description: 'Load completion into the current fish',
    },
  ]
  static override args = {
    shell: Args.string({description: 'The shell; by default from SHELL', options: [...shells]}),
  }
  static override flags = {
    install: Flags.boolean({summary: 'Install the script where the shell finds it'}),
  }

  protected async execute(): Promise<Result> {
    const shell = (this.args.shell as Shell | undefined) ?? usersShell(process.env)
    // the command may be in a bundle, but the scripts are in its package
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
    this.log(`Completion for ${shell} is ${changed ? '' : 'already '}installed: ${file}`)
    if (changed && startFile) this.log(`${startFile} loads it`)
    if (changed) this.notice('Start a new shell to use it')
  }
}
