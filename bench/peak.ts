/** Loaded before a program: tells the most memory that it took, in KiB, on file descriptor 3. */
import {writeSync} from 'node:fs'

process.on('exit', () => {
  writeSync(3, String(process.resourceUsage().maxRSS))
})
