import type {Completion, FlagNames, FlagRelations} from '@ovpn3/kit/flags'

/** The parts of a flag that completion uses, from a manifest or from the command class. */
export interface Flag extends FlagNames, FlagRelations {
  readonly allowNo?: boolean
  readonly description?: string
  readonly helpGroup?: string
  readonly hidden?: boolean
  readonly multiple?: boolean
  readonly options?: readonly string[]
  readonly summary?: string
}

/** The parts of a command that completion uses. */
export interface Command {
  readonly aliases?: readonly string[]
  readonly args?: Readonly<Record<string, {readonly options?: readonly string[]}>>
  readonly completion?: Completion
  readonly description?: string
  readonly flags?: Readonly<Record<string, Flag>>
  readonly hidden?: boolean
  readonly hiddenAliases?: readonly string[]
  /** Options that a verb adds to its command. */
  readonly implied?: readonly string[]
  readonly optionalValues?: Readonly<Record<string, string>>
  readonly summary?: string
}

/** An installed command. Its id consists of its words, joined by colons. */
export interface Installed {
  readonly id: string
  /** The command from the manifest. Without a manifest, only the id is known until the command is loaded. */
  readonly cached?: Command
  load(): Promise<Command>
}

/** A one-line description of a command or flag. */
export function summaryOf({description, summary}: {description?: string; summary?: string}): string | undefined {
  const [line] = (summary ?? description ?? '').split('\n', 1)
  return line!.replaceAll(/<%=\s*config\.bin\s*%>/g, 'ovpn3').replace(/\.$/, '') || undefined
}
