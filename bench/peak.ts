/** Loaded before a program: writes the program's peak memory in KiB to file descriptor 3. */
import {writeSync} from 'node:fs'

process.on('exit', () => {
  writeSync(3, String(process.resourceUsage().maxRSS))
})
