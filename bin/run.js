#!/usr/bin/env node
'use strict'

const {execute} = require('@oclif/core')

// without it oclif looks the user up, and fails for a uid that has no entry, as in a container
process.env.SHELL ||= '/bin/sh'

void execute({dir: __dirname})
