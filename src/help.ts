import type {Command, Interfaces} from '@oclif/core'

import {CommandHelp, getHelpFlagAdditions, Help, standardizeIDFromArgv} from '@oclif/core/help'

import {verbs} from './verbs'

/** Options of these groups come last, in this order. */
export const lastGroups = ['OTHER', 'HOST', 'OUTPUT']

/** Columns that the text beside a name needs; on a narrower terminal it goes below the name. */
const minTextWidth = 24
/** Columns before a name, and between a name and its text. */
const gap = 2

/** Commands of the shell and of plugins, in the order of the root help. */
const shellCommands = ['autocomplete', 'plugins', 'help']

/** The text of a description, and the list that its paragraph `Exit status: 0 done; 1 …` contains. */
export function describe(description: string): {
  readonly exitStatuses: [status: string, meaning: string][]
  readonly text: string
} {
  const paragraphs = description.split('\n\n')
  const isStatus = (paragraph: string) => paragraph.startsWith('Exit status: ')
  const statuses = paragraphs
    .filter((each) => isStatus(each))
    .flatMap((each) => each.match(/\d+ [^;]+(?=;|\.$)/g) ?? [])
  return {
    exitStatuses: statuses.map((each) => {
      const [status = '', ...meaning] = each.split(' ')
      return [status, meaning.join(' ')]
    }),
    text: paragraphs.filter((each) => !isStatus(each)).join('\n\n'),
  }
}

/** The one-line description of a command in a list. */
const textOf = ({description = '', summary = description}: Command.Loadable) =>
  summary.split('\n')[0]!.replace(/\.$/, '')

type ListRows = readonly (readonly (string | undefined)[])[]

const nameWidthOf = (rows: ListRows): number => Math.max(0, ...rows.map(([name = '']) => name.length))

/** Whether there is no room for text beside the names of a list. */
const isNarrow = (rows: ListRows, width: number): boolean => width - nameWidthOf(rows) - 2 * gap < minTextWidth

/** oclif's command help, with option groups in the order of the command and common ones last, and without repeating the
 * summary in the description. */
class OrderedCommandHelp extends CommandHelp {
  // a usage line with every option and its relations would be unreadable; each option names its own relations
  protected override defaultUsage(): string {
    const {args = {}, flags = {}, id} = this.command
    const names = Object.values(args).map(({name, required}) => (required ? name : `[${name}]`).toUpperCase())
    return [id, ...names, ...(Object.keys(flags).length > 0 ? ['[OPTION...]'] : [])].join(' ')
  }

  // oclif marks the arguments of a command that is not strict as repeatable, but SESSION is not
  protected override args(args: Command.Arg.Any[]): [string, string | undefined][] | undefined {
    return super.args(args)?.map(([name, text]) => [name.replace('...', ''), text])
  }

  /** The other names of the command. */
  protected override aliases(names: string[] | undefined): string | undefined {
    const {id} = this.command
    const own = this.config.commands.find(({aliases}) => aliases.includes(id))
    const others = [...(own ? [own.id] : []), ...(names ?? [])].filter((name) => name !== id)
    return super.aliases([...new Set(others)])
  }

  protected override description(): string | undefined {
    return this.wrap(describe(this.command.description ?? '').text)
  }

  protected override sections(): ReturnType<CommandHelp['sections']> {
    const all = super.sections()
    const {exitStatuses} = describe(this.command.description ?? '')
    const section = {
      generate: () =>
        exitStatuses.length > 0
          ? this.renderList(
              exitStatuses.map(([status, meaning]) => [status.padStart(3), meaning]),
              {indentation: 2, multiline: false, stripAnsi: this.opts.stripAnsi},
            )
          : undefined,
      header: 'EXIT STATUS',
    }
    return all.flatMap((each) => (each.header === 'DESCRIPTION' ? [each, section] : [each]))
  }

  protected override flagHelpLabel(flag: Command.Flag.Any, showOptions?: boolean): string {
    const label = super.flagHelpLabel(flag, showOptions)
    const {optionalValues = {}} = this.command as {optionalValues?: Readonly<Record<string, string>>}
    return flag.name in optionalValues ? label.replace(/=.*/, '[$&]') : label
  }

  /** Restores the indentation that oclif trims, which aligns a first option without a short form. */
  override renderList(...[input, options]: Parameters<CommandHelp['renderList']>): string {
    const multiline = options.multiline || isNarrow(input, this.opts.maxWidth)
    const text = super.renderList(input, {...options, multiline})
    const [indentation] = /^ */.exec(input[0]?.[0] ?? '')!
    // in a multiline list nothing is indented
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

  // not in package.json, because the help command does not pass on its options
  constructor(config: Interfaces.Config, options: Partial<Interfaces.HelpOptions> = {}) {
    super(config, {...options, docopts: false, flagSortOrder: 'none'})
  }

  /** Commands by purpose, the daily ones first. */
  protected override async showRootHelp(): Promise<void> {
    const {bin} = this.config
    const examples: [string, string][] = [
      [`${bin} start office`, 'Start a session from the profile office'],
      [`${bin} list --watch`, 'List sessions, and follow changes'],
      [`${bin} disconnect tun0`, 'Disconnect the session on the device tun0'],
    ]
    const more: [string, string][] = [
      [`${bin} COMMAND --help`, 'Show the options, examples and exit statuses of a command'],
      [`man ${bin}`, 'Read the manual'],
      [`${bin} --version`, 'Show the version'],
    ]
    const sections: [string, [string, string][]][] = [
      ['SESSIONS', this.#sessionRows()],
      ['SHELL AND PLUGINS', shellCommands.flatMap((id) => this.#row(id))],
      ['COMMANDS OF PLUGINS', this.#pluginRows()],
      ['EXAMPLES', examples],
      ['MORE', more],
    ]
    this.log(
      [
        this.wrap(`${bin} manages the VPN sessions of OpenVPN 3 Linux.`, 0),
        this.section('USAGE', `$ ${bin} COMMAND [SESSION] [OPTION...]`),
        ...sections.filter(([, rows]) => rows.length > 0).map(([title, rows]) => this.section(title, this.#list(rows))),
      ].join('\n\n'),
    )
  }

  #list(rows: readonly [string, string][]): string {
    const width = nameWidthOf(rows)
    const narrow = isNarrow(rows, this.opts.maxWidth)
    return rows
      .map(([name, text]) =>
        narrow
          ? `${name}\n${this.indent(this.wrap(text, 2 * gap))}`
          : name.padEnd(width + gap) +
            this.wrap(text, width + 2 * gap)
              .split('\n')
              .join(`\n${' '.repeat(width + gap)}`),
      )
      .join('\n')
  }

  #row(id: string): [string, string][] {
    const command = this.config.findCommand(id)
    return command ? [[id, textOf(command)]] : []
  }

  /** The verbs with their canonical commands, and session-manage. Verbs that a plugin replaces are omitted. */
  #sessionRows(): [string, string][] {
    const rows = verbs
      .filter(({name}) => !this.#isFromUserPlugin(name))
      .map(({aliases, action, command, name, summary}): [string, string] => [
        [name, ...aliases.filter((alias) => !this.#isFromUserPlugin(alias))].join(', '),
        action ? summary : `${summary} (${command})`,
      ])
    return [...rows, ['session-manage', 'All actions on sessions, and their log level']]
  }

  #pluginRows(): [string, string][] {
    return this.sortedCommands
      .filter(({id}) => this.#isFromUserPlugin(id))
      .map((command) => [command.id.replaceAll(':', ' '), textOf(command)])
  }

  /** Whether a command is from a plugin that the user has installed. */
  #isFromUserPlugin(id: string): boolean {
    const command = this.config.findCommand(id)
    return command !== undefined && command.pluginType !== 'core'
  }

  /** For an unknown command, reports the same error as running it. */
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
