import type {Command, Interfaces} from '@oclif/core'

import {CommandHelp, getHelpFlagAdditions, Help, standardizeIDFromArgv} from '@oclif/core/help'

/** Options of these groups come last, in this order. */
export const lastGroups = ['OTHER', 'OUTPUT']

/** oclif's help of a command, in the order in which it is read: options by groups as the command lists them, what they
 * have in common last, and a description that does not begin with the summary again. */
class OrderedCommandHelp extends CommandHelp {
  // which option goes with which is said of each: all of it in one line nobody can read
  protected override defaultUsage(): string {
    const flags = Object.values(this.command.flags ?? {})
    return [
      super.defaultUsage(),
      ...(flags.some(({helpGroup}) => helpGroup === 'SESSION') ? ['[SESSION]'] : []),
      ...(flags.length > 0 ? ['[OPTION...]'] : []),
    ].join(' ')
  }

  // a command about sessions is not strict, which oclif shows as arguments that can be repeated; its usage knows better
  protected override args(args: Command.Arg.Any[]): [string, string | undefined][] | undefined {
    const rows = super.args(args)
    return this.command.usage ? rows?.map(([name, text]) => [name.replace('...', ''), text]) : rows
  }

  /** The other names of the command. */
  protected override aliases(names: string[] | undefined): string | undefined {
    const {id} = this.command
    const own = this.config.commands.find(({aliases}) => aliases.includes(id))
    const others = [...(own ? [own.id] : []), ...(names ?? [])].filter((name) => name !== id)
    return super.aliases([...new Set(others)])
  }

  protected override description(): string | undefined {
    const {description} = this.command
    return description && this.wrap(description)
  }

  protected override flagHelpLabel(flag: Command.Flag.Any, showOptions?: boolean): string {
    const label = super.flagHelpLabel(flag, showOptions)
    const {optionalValues = {}} = this.command as {optionalValues?: Readonly<Record<string, string>>}
    return flag.name in optionalValues ? label.replace(/=.*/, '[$&]') : label
  }

  /** What oclif cuts off in front of a list is what puts its first option, where that has no short form, in line. */
  override renderList(...[input, options]: Parameters<CommandHelp['renderList']>): string {
    const text = super.renderList(input, options)
    const [indentation] = /^ */.exec(input[0]?.[0] ?? '')!
    // where it gives up columns, everything is flush
    return text.includes('\n\n') ? text : indentation + text
  }

  protected override groupFlags(flags: Command.Flag.Any[]) {
    const {flagGroups, mainFlags} = super.groupFlags(flags)
    const rank = (name: string) => lastGroups.indexOf(name)
    return {
      flagGroups: Object.fromEntries(Object.entries(flagGroups).sort(([a], [b]) => rank(a) - rank(b))),
      mainFlags,
    }
  }
}

export default class OrderedHelp extends Help {
  protected override CommandHelpClass = OrderedCommandHelp

  // here and not in package.json, whose options the help command does not pass on
  constructor(config: Interfaces.Config, options: Partial<Interfaces.HelpOptions> = {}) {
    super(config, {...options, docopts: false, flagSortOrder: 'none'})
  }

  /** Whoever asks for help with a command that there is not is helped as if they had run it. */
  override async showHelp(argv: string[]): Promise<void> {
    const helpFlags = getHelpFlagAdditions(this.config)
    const words = argv.filter((word) => !helpFlags.includes(word))
    const id = standardizeIDFromArgv(words, this.config).find((word) => word !== 'help')
    if (!id || id.startsWith('-') || this.config.findCommand(id) || this.config.findTopic(id))
      return super.showHelp(argv)
    const named = new Set(id.split(':'))
    await this.config.runHook('command_not_found', {argv: ['--help', ...words.filter((word) => !named.has(word))], id})
  }
}
