import {existsSync} from 'node:fs'
import {homedir} from 'node:os'
import path from 'node:path'

/** Where Node would find a package: in the nearest node_modules that has it. */
export function packageFolder(name: string, from: string): string | undefined {
  const folder = path.join(from, 'node_modules', name)
  if (existsSync(path.join(folder, 'package.json'))) return folder
  const parent = path.dirname(from)
  return parent === from ? undefined : packageFolder(name, parent)
}

/** Where oclif keeps what users install (its own order of what decides). */
export function dataFolder(): string {
  const {HOME, OVPN3_DATA_DIR, XDG_DATA_HOME} = process.env
  return OVPN3_DATA_DIR || path.join(XDG_DATA_HOME || path.join(HOME || homedir(), '.local', 'share'), 'ovpn3')
}
