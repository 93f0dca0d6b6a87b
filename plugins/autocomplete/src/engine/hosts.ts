import {readFile} from 'node:fs/promises'
import {homedir} from 'node:os'
import {join} from 'node:path'

import type {Candidate} from './candidates'

/** The hosts that ~/.ssh/config names; patterns are none. */
export async function sshHosts(): Promise<readonly Candidate[]> {
  const text = await readFile(join(homedir(), '.ssh', 'config'), 'utf8')
  const names = text.split('\n').flatMap((line) => /^\s*host[\s=]+(.*)$/i.exec(line)?.[1]?.split(/\s+/) ?? [])
  return [...new Set(names)].filter((name) => /^[\w.-]+$/.test(name)).map((value) => ({value}))
}
