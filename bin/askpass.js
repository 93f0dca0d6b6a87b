#!/usr/bin/env node
'use strict'

/* ssh runs this to ask the user: it passes the question on to the command that has started ssh, which has the terminal. */
const {connect} = require('node:net')

const socket = connect(process.env.OVPN3_ASKPASS_SOCKET)
let answer = ''
// none: a notice, such as to touch a security key, which ssh ends by a signal; confirm: yes or no
const kind = process.env.SSH_ASKPASS_PROMPT ?? null
process.exitCode = 1
socket.on('error', () => {})
socket.setEncoding('utf8').on('data', (text) => {
  answer += text
})
socket.on('end', () => {
  // without an answer the user has cancelled
  if (!answer.endsWith('\n')) return
  process.stdout.write(answer)
  process.exitCode = 0
})
socket.write(`${JSON.stringify({kind, text: process.argv[2] ?? ''})}\n`)
