#!/usr/bin/env node
'use strict'

// builds what has changed, then runs it as bin/run.js would
const {execute} = require('@oclif/core')
const {spawnSync} = require('node:child_process')
const {join} = require('node:path')

const root = join(__dirname, '..')
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
const {status} = spawnSync(process.execPath, [tsc, '-b', 'src'], {cwd: root, stdio: ['ignore', 2, 2]})
if (status === 0) void execute({dir: __dirname})
else process.exitCode = 1
