// lab.mjs up|down [sid|trixie ...]: the real OpenVPN 3 Linux to test against, see test/real/lab.
import {execFile} from 'node:child_process'
import {join} from 'node:path'

import {root} from './project.mjs'

const [action, ...named] = process.argv.slice(2)
if (action === 'down' || action === 'up') {
  const script = join(root, 'test', 'real', 'lab', `${action}.sh`)
  for (const suite of named.length > 0 ? new Set(named) : ['sid', 'trixie'])
    execFile(script, [suite], (error, stdout, stderr) => {
      if (!error) return console.log(stdout.trim())
      console.error(`${suite}: ${stderr.trim() || error.message}`)
      process.exitCode = 1
    })
} else {
  console.error('usage: lab.mjs up|down [sid|trixie ...]')
  process.exitCode = 2
}
