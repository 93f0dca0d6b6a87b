import {spawnSync} from 'node:child_process'

/** For the `skip` of a test: which programs are missing, or false. With CI=true never skip. */
export function needs(...tools: readonly string[]): string | false {
  if (process.env.CI === 'true') return false
  const missing = tools.filter((tool) => spawnSync(tool, ['--version']).error !== undefined)
  return missing.length > 0 && `needs ${missing.join(', ')}`
}
