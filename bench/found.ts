/** An entry point of the CLI for which oclif finds the core plugins itself, for bench/tricks.ts. */
import {readFileSync} from 'node:fs'
import path from 'node:path'

import {main} from '../src/ovpn3'

export * from '../src/ovpn3'

export const start = (root: string): Promise<void> =>
  main(async () => ({pjson: JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')), root}))
