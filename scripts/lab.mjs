// lab.mjs up|down [sid|trixie ...]: the real OpenVPN 3 Linux to test against, see test/real/lab.
import {execFile} from 'node:child_process'
import {readFileSync} from 'node:fs'
import {fileURLToPath} from 'node:url'

const SUITES = ['sid', 'trixie']

const isDebian = () => {
  try {
    return /^ID="?debian"?$/m.test(readFileSync('/etc/os-release', 'utf8'))
  } catch {
    return false
  }
}

const run = (script, suite) =>
  new Promise((resolve) => {
    execFile(script, [suite], (error, stdout, stderr) => {
      if (error) console.error(`${suite}: ${stderr.trim() || error.message}`)
      else console.log(stdout.trim())
      resolve(!error)
    })
  })

const problem = () => {
  if (!isDebian()) return 'The lab needs Debian: it installs OpenVPN 3 Linux from there.'
  if (process.getuid() !== 0) return 'The lab needs root: for a chroot and network namespaces.'
}

const main = async ([action, ...named]) => {
  const suites = named.length > 0 ? [...new Set(named)] : SUITES
  if (!['down', 'up'].includes(action) || suites.some((suite) => !SUITES.includes(suite))) {
    console.error('usage: lab.mjs up|down [sid|trixie ...]')
    return 2
  }

  const why = problem()
  if (why) {
    console.error(why)
    return 1
  }

  const script = fileURLToPath(new URL(`../test/real/lab/${action}.sh`, import.meta.url))
  const done = await Promise.all(suites.map((suite) => run(script, suite)))
  return done.every(Boolean) ? 0 : 1
}

process.exitCode = await main(process.argv.slice(2))
