/** Loaded before a program: tells which files it has loaded, a line each, on file descriptor 3. */
import {writeSync} from 'node:fs'

process.on('exit', () => {
  writeSync(3, Object.keys(require.cache).join('\n'))
})
