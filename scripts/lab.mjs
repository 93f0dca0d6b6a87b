// lab.mjs up|down [sid|trixie|sid-2|trixie-2 ...]: starts or stops labs with OpenVPN 3 Linux, see test/real/lab.
import {execFile} from 'node:child_process'
import {join} from 'node:path'

import {root} from './project.mjs'

/** By default, starts one lab of each suite, and stops all. */
const defaultLabs = (action) => ['sid', 'trixie', ...(action === 'down' ? ['sid-2', 'trixie-2'] : [])]

const [action, ...named] = process.argv.slice(2)
if (action === 'down' || action === 'up') {
  const script = join(root, 'test', 'real', 'lab', `${action}.sh`)
  for (const name of named.length > 0 ? new Set(named) : defaultLabs(action))
    execFile(script, [name], (error, stdout, stderr) => {
      if (!error) return console.log(stdout.trim())
      console.error(`${name}: ${stderr.trim() || error.message}`)
      process.exitCode = 1
    })
} else {
  console.error('usage: lab.mjs up|down [sid|trixie|sid-2|trixie-2 ...]')
  process.exitCode = 2
}
