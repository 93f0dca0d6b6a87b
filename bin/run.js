#!/usr/bin/env node
'use strict'

const {execute, settings} = require('@oclif/core')

// a linked plugin is run as it is, whether TypeScript is there or not
settings.enableAutoTranspile = false

// without it oclif looks the user up, and fails for a uid that has no entry, as in a container
process.env.SHELL ||= '/bin/sh'

void execute({dir: __dirname})
