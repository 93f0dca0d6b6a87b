import type {FoundPlugin, Listed} from './find'

/** A plugin that cannot be loaded, or not as a whole. */
export interface BrokenPlugin {
  readonly name: string
  readonly folder: string
  readonly type: FoundPlugin['type']
  readonly reason: string
}

const found = new Map<string, BrokenPlugin>()

/** Remembers a broken plugin for `ovpn3 plugins`. Returns it the first time. */
export function addBroken(
  {alias, folder, name, type}: Listed & {readonly name?: string},
  {message}: Error,
): BrokenPlugin | undefined {
  if (found.has(folder)) return undefined
  const broken = {folder, name: name ?? alias ?? folder, reason: message.split('\n', 1)[0]!, type}
  found.set(folder, broken)
  return broken
}

/** The broken plugins of this run. */
export function brokenPlugins(): readonly BrokenPlugin[] {
  return [...found.values()]
}
