/**
 * Runs the tests that this machine can run: node scripts/test.mjs [--fast] [part of a file's name ...]. --fast leaves
 * those on the real service out. Each test file is a process of its own; the last lines are the counts.
 */
import {spawnSync} from 'node:child_process'
import {readdirSync} from 'node:fs'
import {dirname, join} from 'node:path'
import {fileURLToPath} from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const npm = spawnSync('npm', ['run', '--silent', 'build'], {cwd: root, stdio: 'inherit'})
if (npm.status !== 0) process.exit(npm.status ?? 1)

const compiled = join(root, 'build')
const fast = process.argv.includes('--fast')
const wanted = process.argv.slice(2).filter((argument) => argument !== '--fast')
const files = readdirSync(compiled, {recursive: true})
  .filter(
    (file) =>
      file.endsWith('.test.js') &&
      !(fast && file.startsWith('test/real')) &&
      (wanted.length === 0 || wanted.some((part) => file.includes(part))),
  )
  // the real service is slowest: first in, last out
  .sort((a, b) => Number(b.startsWith('test/real')) - Number(a.startsWith('test/real')) || a.localeCompare(b))
  .map((file) => join(compiled, file))
if (files.length === 0) {
  console.error(`no test file matches ${wanted.join(' ')}`)
  process.exit(2)
}

const environment = {...process.env}
// it slows every start of Node down, and adds nothing where nothing is fetched
delete environment.NODE_EXTRA_CA_CERTS
const {status} = spawnSync(process.execPath, ['--test', '--test-concurrency=2', ...files], {
  cwd: root,
  env: environment,
  stdio: 'inherit',
})
process.exitCode = status ?? 1
