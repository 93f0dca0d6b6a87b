import type {Command} from '@oclif/core'

/** The commands of a core plugin in the bundle, and the version of the plugin. */
export interface BundledPlugin {
  readonly version: string
  readonly commands: Readonly<Record<string, () => Command.Class>>
}

/** Bundled plugins by name. The build of the bundle fills this object; it is empty otherwise. */
export const bundled: Readonly<Record<string, BundledPlugin | undefined>> = {}
