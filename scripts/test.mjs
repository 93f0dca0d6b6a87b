/**
 * Runs the tests that this machine supports: node scripts/test.mjs [--fast] [part of a file's name ...]. --fast skips
 * the tests on the real service. Each test file is a process of its own. The last lines are the counts.
 */
import {spawnSync} from 'node:child_process'
import {readdirSync} from 'node:fs'
import {availableParallelism} from 'node:os'
import {join, relative} from 'node:path'
import {run} from 'node:test'
import {spec as Spec, tap} from 'node:test/reporters'

import {root} from './project.mjs'

const npm = spawnSync('npm', ['run', '--silent', 'build'], {cwd: root, stdio: 'inherit'})
if (npm.status !== 0) process.exit(npm.status ?? 1)

// the longest files start first, so that no long file runs alone at the end
const longest = [
  'test/real/sid',
  'test/real/trixie',
  'test/packages/npm',
  'test/contract',
  'test/robust',
  'test/completion/shells',
  'test/commands',
  'test/hosts',
]
// it waits for the lab that the trixie tests use, so it starts last
const last = 'test/real/deb'
const rank = (file) => {
  if (file.startsWith(last)) return longest.length + 1
  const index = longest.findIndex((start) => file.startsWith(start))
  return index === -1 ? longest.length : index
}

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
  .sort((a, b) => rank(a) - rank(b) || a.localeCompare(b))
  .map((file) => join(compiled, file))
if (files.length === 0) {
  console.error(`no test file matches ${wanted.join(' ')}`)
  process.exit(2)
}

/** Repeats the failed tests just before the counts, for logs of which only the end is kept. */
const withFailures = async function* (events) {
  const failures = []
  for await (const event of events) {
    const {type, data} = event
    if (type === 'test:fail' && data.details.error.failureType !== 'subtestsFailed') failures.push(data)
    if (type === 'test:diagnostic' && data.nesting === 0 && data.message.startsWith('tests ')) {
      for (const {name, file, line, details} of failures) {
        const reason = String(details.error.cause?.message ?? details.error.message)
        const message = `failed: ${file && relative(root, file)}:${line}: ${name}: ${reason}`
        yield {type, data: {...data, message: message.replaceAll('\n', ' | ').slice(0, 2000)}}
      }
    }

    yield event
  }
}

// NODE_EXTRA_CA_CERTS slows down every start of Node.js, and tests need no certificates
delete process.env.NODE_EXTRA_CA_CERTS
process.chdir(root)
// not `node --test`, which sorts files by name. Three files per processor, because tests wait two thirds of their time
run({concurrency: 3 * availableParallelism(), files})
  .on('test:fail', ({todo}) => {
    if (todo === undefined) process.exitCode = 1
  })
  .compose(process.stdout.isTTY ? new Spec() : (events) => tap(withFailures(events)))
  .pipe(process.stdout)
