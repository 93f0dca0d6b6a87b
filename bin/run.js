#!/usr/bin/env node
'use strict'

const {join} = require('node:path')

if (Number(process.versions.node.split('.', 1)[0]) < 20) {
  console.error(`Error: ovpn3 needs Node.js 20 or later, and this is ${process.version}`)
  process.exitCode = 1
} else {
  require('./load')
    .load(join(__dirname, '..', 'dist', 'ovpn3.js'))
    .start(join(__dirname, '..'))
}
