/** The CLI as plain oclif runs it: from the compiler's output, with one file for each module, which oclif looks up. */
import {readFileSync} from 'node:fs'
import path from 'node:path'

import {main} from '../src/ovpn3'
import {repository} from '../test/support/repository'

const pjson = JSON.parse(readFileSync(path.join(repository, 'package.json'), 'utf8'))
const target = './build/src/ovpn3.js'
const {commands, helpClass, hooks} = pjson.oclif
if (process.argv[2] === '--complete') void import('../src/complete.js').then(({start}) => start(repository))
else
  void main(async () => ({
    pjson: {
      ...pjson,
      oclif: {
        ...pjson.oclif,
        commands: {...commands, target},
        helpClass: {...helpClass, target},
        hooks: Object.fromEntries(Object.entries(hooks).map(([name, hook]) => [name, {...(hook as object), target}])),
      },
    },
    root: repository,
  }))
