import type {Command} from '@oclif/core'

/** The commands of a core plugin that are in the bundle, and of which version they are. */
export interface BundledPlugin {
  readonly version: string
  readonly commands: Readonly<Record<string, () => Command.Class>>
}

/** By the plugins' names. Empty but in the bundle, whose build puts the plugins' commands here. */
export const bundled: Readonly<Record<string, BundledPlugin | undefined>> = {}
