import type {Completion, FlagNames, FlagRelations} from '@ovpn3/kit/flags'

/** What is known of a flag, from a manifest or from the class itself. */
export interface Flag extends FlagNames, FlagRelations {
  readonly allowNo?: boolean
  readonly description?: string
  readonly helpGroup?: string
  readonly hidden?: boolean
  readonly multiple?: boolean
  readonly options?: readonly string[]
  readonly summary?: string
}

/** What is known of a command. */
export interface Command {
  readonly aliases?: readonly string[]
  readonly args?: Readonly<Record<string, {readonly options?: readonly string[]}>>
  readonly completion?: Completion
  readonly description?: string
  readonly flags?: Readonly<Record<string, Flag>>
  readonly hidden?: boolean
  readonly hiddenAliases?: readonly string[]
  /** Options that the command has already: it is a verb for another command with these. */
  readonly implied?: readonly string[]
  readonly optionalValues?: Readonly<Record<string, string>>
  readonly summary?: string
}

/** A command that is installed, by its id: its words, joined by colons. */
export interface Installed {
  readonly id: string
  /** From a manifest. Without one, no more than the id is known until the command is loaded. */
  readonly cached?: Command
  load(): Promise<Command>
}

/** A command or a flag in a line. */
export function summaryOf({description, summary}: {description?: string; summary?: string}): string | undefined {
  const [line] = (summary ?? description ?? '').split('\n', 1)
  return line!.replaceAll(/<%=\s*config\.bin\s*%>/g, 'ovpn3').replace(/\.$/, '') || undefined
}
