import {readFile} from 'node:fs/promises'
import {homedir} from 'node:os'
import {join} from 'node:path'

import type {Candidate} from './candidates'

/** The hosts that ~/.ssh/config names; patterns are none. @param typed may begin with `user@` */
export async function sshHosts(typed: string): Promise<readonly Candidate[]> {
  const user = typed.slice(0, typed.lastIndexOf('@') + 1)
  const text = await readFile(join(homedir(), '.ssh', 'config'), 'utf8')
  const names = text.split('\n').flatMap((line) => /^\s*host[\s=]+(.*)$/i.exec(line)?.[1]?.split(/\s+/) ?? [])
  return [...new Set(names)].filter((name) => /^[\w.-]+$/.test(name)).map((name) => ({value: user + name}))
}
