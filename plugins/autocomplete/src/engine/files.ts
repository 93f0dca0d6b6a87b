import {readdir} from 'node:fs/promises'

import type {Candidate} from './candidates'

/** The files and folders that complete a path. Hidden ones only after a dot. */
export async function files(typed: string): Promise<readonly Candidate[]> {
  const folder = typed.slice(0, typed.lastIndexOf('/') + 1)
  const isHidden = typed.startsWith('.', folder.length)
  try {
    const entries = await readdir(folder || '.', {withFileTypes: true})
    return entries
      .filter(({name}) => name.startsWith('.') === isHidden)
      .map((entry) => ({value: folder + entry.name + (entry.isDirectory() ? '/' : '')}))
  } catch {
    // no such folder, or permission denied
    return []
  }
}
