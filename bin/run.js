#!/usr/bin/env node
'use strict'

const {join} = require('node:path')

if (Number(process.versions.node.split('.', 1)[0]) < 20) {
  console.error(`Error: ovpn3 needs Node.js 20 or later, and this is ${process.version}`)
  process.exitCode = 1
} else {
  // Completion has its own program, because it must be faster than the CLI starts.
  const program = process.argv[2] === '--complete' ? 'complete' : 'ovpn3'
  require('../startup/load')
    .load(join(__dirname, '..', 'dist', `${program}.js`))
    .start(join(__dirname, '..'))
}
