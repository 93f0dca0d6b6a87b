/** npm run picture: creates the pictures in the README from a terminal session on the simulator. Requires tmux. */
import {writeFileSync} from 'node:fs'
import {createRequire} from 'node:module'
import {join} from 'node:path'

import {root} from './project.mjs'

const {fileOf, names, pictures} = createRequire(import.meta.url)(join(root, 'build', 'test', 'picture', 'picture.js'))
const made = await pictures()
for (const name of names) writeFileSync(fileOf(name), made[name])
