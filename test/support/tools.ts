import {spawnSync} from 'node:child_process'

/** For a test's `skip`: the programs that are missing, or false. Never skips with CI=true. */
export function missingTools(...tools: readonly string[]): string | false {
  if (process.env.CI === 'true') return false
  const missing = tools.filter((tool) => spawnSync(tool, ['--version']).error !== undefined)
  return missing.length > 0 && `requires ${missing.join(', ')}`
}
