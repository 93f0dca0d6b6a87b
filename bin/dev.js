#!/usr/bin/env node
'use strict'

// Builds the project, then runs it like bin/run.js.
const {spawnSync} = require('node:child_process')
const {join} = require('node:path')

const {status} = spawnSync('npm', ['run', '--silent', 'build'], {cwd: join(__dirname, '..'), stdio: ['ignore', 2, 2]})
if (status === 0) require('./run')
else process.exitCode = 1
